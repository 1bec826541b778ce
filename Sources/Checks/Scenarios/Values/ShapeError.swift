/// A text that is not what it has to be; whoever knows the place in the user's file makes a diagnostic of it.
public struct ShapeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected and found.
    public var description: String
    /// The byte of the text (UTF-8) at which the fault is.
    public var offset: Int?
    /// What to do.
    public var help: String?

    init(_ description: String, offset: Int? = nil, help: String? = nil) {
        self.description = description
        self.offset = offset
        self.help = help
    }
}
