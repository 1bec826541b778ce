/// Why a text is not a regular expression.
public struct PatternSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong with it.
    public let reason: String
    /// The byte of the text (UTF-8) at which it was noticed.
    public let offset: Int

    /// The reason and the place.
    public var description: String { "\(reason) (at byte \(offset))" }
}

/// Why a match was given up: another attempt would end in the same way.
public struct PatternLimitError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Which limit it met.
    public let reason: String

    /// The reason.
    public var description: String { reason }
}
