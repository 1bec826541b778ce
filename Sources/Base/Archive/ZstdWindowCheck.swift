/// Follows a zstd stream (RFC 8878) frame by frame as it passes, without decompressing it: a frame's header says how many
/// bytes of window a decoder has to keep, whatever the frame's size.
package struct ZstdWindowCheck {
    private enum State {
        case magic
        /// The descriptor, then as many bytes more.
        case descriptor
        case header(descriptor: UInt8)
        case blockHeader(hasChecksum: Bool)
        case skippableSize
        /// Contents of no interest, then the next header.
        case skipping(UInt64, then: Next)
    }

    private indirect enum Next {
        case block(hasChecksum: Bool)
        case frame
    }

    private var state = State.magic
    private var bytes: [UInt8] = []
    /// The largest window that was asked for so far, in bytes.
    package private(set) var window: UInt64 = 0
    /// Whether something was met that is not a frame of RFC 8878, such as one of the formats before it.
    package private(set) var isLost = false

    package init() {}

    /// Looks at the next bytes.
    package mutating func update(_ buffer: UnsafeRawBufferPointer) {
        var rest = buffer[...]
        while !rest.isEmpty, !isLost {
            if case .skipping(let count, let next) = state {
                let skipped = min(count, UInt64(rest.count))
                rest = rest.dropFirst(Int(skipped))
                state = count == skipped ? Self.state(next) : .skipping(count - skipped, then: next)
                continue
            }
            let needed = self.needed
            let taken = rest.prefix(needed - bytes.count)
            bytes += taken
            rest = rest.dropFirst(taken.count)
            guard bytes.count == needed else { return }
            let complete = bytes
            bytes.removeAll(keepingCapacity: true)
            advance(complete)
        }
    }

    private var needed: Int {
        switch state {
        case .magic, .skippableSize: 4
        case .descriptor: 1
        case .header(let descriptor): Self.headerSize(descriptor)
        case .blockHeader: 3
        case .skipping: 0
        }
    }

    private static func state(_ next: Next) -> State {
        switch next {
        case .block(let hasChecksum): .blockHeader(hasChecksum: hasChecksum)
        case .frame: .magic
        }
    }

    private mutating func advance(_ bytes: [UInt8]) {
        let number = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        switch state {
        case .magic:
            if number == 0xfd2f_b528 {
                state = .descriptor
            } else if number & 0xffff_fff0 == 0x184d_2a50 {
                state = .skippableSize
            } else {
                isLost = true
            }
        case .skippableSize: skip(number, then: .frame)
        case .descriptor:
            guard let descriptor = bytes.first else { return }
            state = .header(descriptor: descriptor)
        case .header(let descriptor):
            window = max(window, Self.window(descriptor, bytes))
            state = .blockHeader(hasChecksum: descriptor & 4 != 0)
        case .blockHeader(let hasChecksum):
            let size = number >> 3
            // A run has one byte, however long it is.
            let stored = number >> 1 & 3 == 1 ? 1 : size
            if number & 1 == 0 {
                skip(stored, then: .block(hasChecksum: hasChecksum))
            } else {
                skip(stored + (hasChecksum ? 4 : 0), then: .frame)
            }
        case .skipping: break
        }
    }

    private mutating func skip(_ count: UInt64, then next: Next) {
        state = count == 0 ? Self.state(next) : .skipping(count, then: next)
    }

    private static func isSingleSegment(_ descriptor: UInt8) -> Bool { descriptor & 0x20 != 0 }

    private static func contentSizeBytes(_ descriptor: UInt8) -> Int {
        switch descriptor >> 6 {
        case 0: isSingleSegment(descriptor) ? 1 : 0
        case 1: 2
        case 2: 4
        default: 8
        }
    }

    private static func headerSize(_ descriptor: UInt8) -> Int {
        (isSingleSegment(descriptor) ? 0 : 1) + [0, 1, 2, 4][Int(descriptor & 3)] + contentSizeBytes(descriptor)
    }

    private static func window(_ descriptor: UInt8, _ bytes: [UInt8]) -> UInt64 {
        guard !isSingleSegment(descriptor) else {
            let size = contentSizeBytes(descriptor)
            let value = bytes.suffix(size).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return size == 2 ? value + 256 : value
        }
        guard let first = bytes.first else { return 0 }
        let base = UInt64(1) << (10 + UInt64(first >> 3))
        return base + base / 8 * UInt64(first & 7)
    }
}
