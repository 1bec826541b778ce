/// A text that does not have the syntax that its format asks for.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What the text should have been, such as `package name`.
    public var subject: String
    /// The text.
    public var found: String
    /// What the format allows.
    public var expected: String
    /// The byte of the given text (UTF-8) at which the fault is.
    public var offset: Int
    /// Where the format is written down.
    public var source: String

    /// Creates an error.
    public init(subject: String, found: String, expected: String, offset: Int, source: String) {
        self.subject = subject
        self.found = found
        self.expected = expected
        self.offset = offset
        self.source = source
    }

    /// The sentence for people; a long text is cut.
    public var description: String {
        let shown = found.unicodeScalars.count > 80 ? String(found.unicodeScalars.prefix(80)) + "…" : found
        return "'\(shown)' is no \(subject): expected \(expected) (\(source))"
    }
}

/// Character classes of Policy and dpkg, on bytes.
enum Ascii {
    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    static func isLower(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7a }
    static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }
    static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }

    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var slice = bytes
        while let first = slice.first, isBlank(first) { slice = slice.dropFirst() }
        while let last = slice.last, isBlank(last) { slice = slice.dropLast() }
        return slice
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
}
