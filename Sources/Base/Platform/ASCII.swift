/// Character classes on bytes, for formats in which Unicode's idea of characters has no say.
package enum Ascii {
    package static let tab = UInt8(ascii: "\t")
    package static let newline = UInt8(ascii: "\n")
    package static let space = UInt8(ascii: " ")

    @inlinable package static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    @inlinable package static func isLower(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7a }
    @inlinable package static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }
    @inlinable package static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }
    @inlinable package static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
    }
    /// Visible: neither blank nor control character nor beyond ASCII.
    @inlinable package static func isGraphic(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f }
    /// What isspace(3) takes for white space.
    @inlinable package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0d) }
    /// A space or a tab.
    @inlinable package static func isHorizontalBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    @inlinable package static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    }
    @inlinable package static func lowercased(_ text: some StringProtocol) -> [UInt8] {
        text.utf8.map { lowercased($0) }
    }

    @inlinable package static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        trimmedAtEnd(bytes.drop { isBlank($0) })
    }

    @inlinable package static func trimmedAtEnd(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var slice = bytes
        while let last = slice.last, isBlank(last) { slice = slice.dropLast() }
        return slice
    }

    @inlinable package static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Array(bytes), as: UTF8.self)
    }

    /// Words between blanks, each a slice that knows its place.
    @inlinable package static func words(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        bytes.split(whereSeparator: isBlank)
    }
}

/// The lines of a text, each a slice that knows its place in it.
///
/// Only U+000A ends a line. The last one is not ended where the text does not end with it.
package struct Lines: Sequence, IteratorProtocol {
    package struct Line {
        /// The line without its newline.
        package let bytes: ArraySlice<UInt8>
        package let isEnded: Bool

        package var start: Int { bytes.startIndex }
        package var end: Int { bytes.endIndex }
        package var text: String { Ascii.text(bytes) }
        package var isBlank: Bool { bytes.allSatisfy { Ascii.isBlank($0) } }
    }

    private let bytes: [UInt8]
    private var position = 0

    package init(_ text: String) { bytes = Array(text.utf8) }

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var count: Int { bytes.count }

    package mutating func next() -> Line? {
        guard position < bytes.count else { return nil }
        let start = position
        let newline = bytes[start...].firstIndex(of: Ascii.newline)
        let end = newline ?? bytes.count
        position = newline == nil ? end : end + 1
        return Line(bytes: bytes[start..<end], isEnded: newline != nil)
    }
}

/// Numbers in ASCII digits: what `Int(_:)` takes beside them, such as a sign, is not a number in the formats read here.
package enum ASCIINumber {
    /// A decimal number without leading zeros, in bounds.
    package static func decimal(_ bytes: some Collection<UInt8>, in bounds: ClosedRange<Int>) -> Int? {
        guard (1...10).contains(bytes.count), bytes.count == 1 || bytes.first != UInt8(ascii: "0") else { return nil }
        var value = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return bounds.contains(value) ? value : nil
    }

    /// Up to four hexadecimal digits of either case.
    package static func hexadecimal(_ bytes: some Collection<UInt8>) -> UInt16? {
        guard (1...4).contains(bytes.count) else { return nil }
        var value: UInt16 = 0
        for byte in bytes {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}

/// Bytes as lower-case hexadecimal digits.
package enum Hexadecimal {
    /// Two digits for each byte, without separators.
    @inlinable package static func text(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        return String(unsafeUninitializedCapacity: 2 * bytes.count) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[2 * index] = digit(byte >> 4)
                buffer[2 * index + 1] = digit(byte & 15)
            }
            return 2 * bytes.count
        }
    }

    @usableFromInline package static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
