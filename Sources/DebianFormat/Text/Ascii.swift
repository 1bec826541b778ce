/// Character classes of Policy and dpkg, on bytes: Unicode's idea of characters has no say in Debian's formats.
enum Ascii {
    static let tab = UInt8(ascii: "\t")
    static let newline = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    static func isLower(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7a }
    static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }
    static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }
    static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
    }
    /// Visible: neither blank nor control character nor beyond ASCII.
    static func isGraphic(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f }
    /// What isspace(3) takes for white space.
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0d) }
    /// A space or a tab.
    static func isHorizontalBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
    static func lowercased(_ text: some StringProtocol) -> [UInt8] { text.utf8.map { lowercased($0) } }

    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        trimmedAtEnd(bytes.drop { isBlank($0) })
    }

    static func trimmedAtEnd(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var slice = bytes
        while let last = slice.last, isBlank(last) { slice = slice.dropLast() }
        return slice
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

    /// Words between blanks, each a slice that knows its place.
    static func words(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] { bytes.split(whereSeparator: isBlank) }
}

/// The lines of a text, each a slice that knows its place in it.
///
/// Only U+000A ends a line. The last one is not ended where the text does not end with it.
struct Lines: Sequence, IteratorProtocol {
    struct Line {
        /// The line without its newline.
        let bytes: ArraySlice<UInt8>
        let isEnded: Bool

        var start: Int { bytes.startIndex }
        var end: Int { bytes.endIndex }
        var text: String { Ascii.text(bytes) }
        var isBlank: Bool { bytes.allSatisfy { Ascii.isBlank($0) } }
    }

    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var count: Int { bytes.count }

    mutating func next() -> Line? {
        guard position < bytes.count else { return nil }
        let start = position
        let newline = bytes[start...].firstIndex(of: Ascii.newline)
        let end = newline ?? bytes.count
        position = newline == nil ? end : end + 1
        return Line(bytes: bytes[start..<end], isEnded: newline != nil)
    }
}
