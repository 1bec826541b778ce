/// A text that does not have the syntax that its format asks for.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What the text should have been, such as `package name`.
    public var subject: String
    /// The text, or the line of it that is at fault.
    public var found: String
    /// What the format allows.
    public var expected: String
    /// The byte of the given text (UTF-8) at which the fault is; the text's length when something is missing there.
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

    /// The sentence for people: a long text is cut, control characters are written as `\u{…}`.
    public var description: String {
        "'\(DisplayText.visible(DisplayText.shortened(found, to: 80), keepsNewlines: false))' is not a valid \(subject): expected \(expected) (\(source))"
    }
}
