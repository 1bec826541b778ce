/// Something that keeps a machine from being set up, found before any machine is touched.
public struct SetupProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whose fault it is.
    public enum Kind: Sendable, Hashable {
        /// A file or option is wrong.
        case input
        /// A server does not answer as it should.
        case unreachable
        /// A step took longer than allowed.
        case timedOut
        /// This machine cannot do it: a missing program, no space.
        case fault
    }

    /// Whose fault it is.
    public var kind: Kind
    /// What was tried: `use certs/key.pem`.
    public var operation: String
    /// What was found.
    public var found: String
    /// What to do.
    public var remedy: String

    /// Creates a problem of the input.
    public init(_ operation: String, found: String, remedy: String) {
        self.init(.input, operation, found: found, remedy: remedy)
    }

    /// Creates a problem.
    public init(_ kind: Kind, _ operation: String, found: String, remedy: String) {
        self.kind = kind
        self.operation = operation
        self.found = found
        self.remedy = remedy
    }

    /// The sentence for people.
    public var description: String { "cannot \(operation): \(found); \(remedy)" }
}

/// All that is wrong.
public struct SetupProblems: Error, Sendable, Hashable {
    /// At least one.
    public var problems: [SetupProblem]

    /// Creates an error of one or more problems.
    public init(_ problems: [SetupProblem]) { self.problems = problems }
}
