/// Bounded access to the bytes of one file: checks every place against the file's size and every total against a limit.
struct ELFReader {
    /// The file's size in bytes.
    let size: UInt64
    private let read: (UInt64, Int) throws -> [UInt8]
    private var window: [UInt8] = []
    private var windowStart: UInt64 = 0
    private var textBudget = 4 << 20
    private var recordBudget = 1 << 16

    // Small reads cluster (tables, strings), so one larger read serves many.
    private static let windowSize: UInt64 = 4096

    init(read: @escaping (UInt64, Int) throws -> [UInt8], size: UInt64) {
        self.read = read
        self.size = size
    }

    /// Exactly `count` bytes at an offset.
    mutating func bytes(at offset: UInt64, count: Int, of subject: String) throws(ELFError) -> [UInt8] {
        guard count > 0 else { return [] }
        guard offset <= size, UInt64(count) <= size - offset else {
            throw ELFError(
                .truncated, subject, at: offset, found: "the file has \(size) bytes", expected: "\(count) bytes there")
        }
        if offset < windowStart || offset - windowStart > UInt64(window.count)
            || UInt64(count) > UInt64(window.count) - (offset - windowStart)
        {
            let wanted = max(UInt64(count), min(Self.windowSize, size - offset))
            do {
                window = try read(offset, Int(wanted))
            } catch {
                throw ELFError(
                    .unreadable, subject, at: offset, found: "\(error)", expected: "\(count) bytes", cause: error)
            }
            windowStart = offset
            guard window.count >= count else {
                throw ELFError(
                    .truncated, subject, at: offset, found: "\(window.count) bytes could be read",
                    expected: "\(count) bytes there")
            }
        }
        let start = Int(offset - windowStart)
        return Array(window[start..<(start + count)])
    }

    /// The string that begins at an offset and ends with a NUL before `end`.
    mutating func text(at offset: UInt64, end: UInt64, of subject: String) throws(ELFError) -> String {
        let end = min(end, size)
        var collected: [UInt8] = []
        var position = offset
        while position < end, collected.count < Self.textLimit {
            let block = try bytes(at: position, count: Int(min(256, end - position)), of: subject)
            if let zero = block.firstIndex(of: 0) {
                collected += block[..<zero]
                try charge(text: collected.count, subject, at: offset)
                guard let text = String(validating: collected, as: UTF8.self) else {
                    throw ELFError(
                        .malformed, subject, at: offset, found: "bytes that are not UTF-8", expected: "a UTF-8 string")
                }
                return text
            }
            collected += block
            position += UInt64(block.count)
        }
        throw ELFError(
            .malformed, subject, at: offset, found: "no end within \(collected.count) bytes",
            expected: "a string that ends with NUL")
    }

    private static let textLimit = 1 << 16

    // Many entries may name the same long string: without a total, a small file could ask for gigabytes.
    private mutating func charge(text count: Int, _ subject: String, at offset: UInt64) throws(ELFError) {
        textBudget -= count + 16
        guard textBudget >= 0 else {
            throw ELFError(
                .malformed, subject, at: offset, found: "more than 4 MiB of names", expected: "the names of libraries")
        }
    }

    /// Counts one record of a linked table, whose length only the file itself tells.
    mutating func chargeRecord(_ subject: String, at offset: UInt64) throws(ELFError) {
        recordBudget -= 1
        guard recordBudget >= 0 else {
            throw ELFError(.malformed, subject, at: offset, found: "more than 65536 records", expected: "fewer")
        }
    }
}

/// How numbers are stored in one file.
struct ELFLayout: Sendable, Hashable {
    var is64Bit: Bool
    var isLittleEndian: Bool
}

/// Numbers at offsets of a record; 0 outside of it.
struct ELFRecord {
    let bytes: ArraySlice<UInt8>
    let layout: ELFLayout

    init(_ bytes: ArraySlice<UInt8>, _ layout: ELFLayout) {
        self.bytes = bytes
        self.layout = layout
    }

    func half(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(offset, 2)) }
    func word(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(offset, 4)) }
    /// A number that is as wide as an address of the file's class.
    func address(_ offset: Int) -> UInt64 { number(offset, layout.is64Bit ? 8 : 4) }
    /// A number at one of two offsets: that of the 64-bit class, that of the 32-bit class.
    func address(_ wide: Int, _ narrow: Int) -> UInt64 { address(layout.is64Bit ? wide : narrow) }

    private func number(_ offset: Int, _ width: Int) -> UInt64 {
        guard offset >= 0, offset <= bytes.count - width else { return 0 }
        let field = bytes[(bytes.startIndex + offset)..<(bytes.startIndex + offset + width)]
        return layout.isLittleEndian
            ? field.reversed().reduce(0) { $0 << 8 | UInt64($1) } : field.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
