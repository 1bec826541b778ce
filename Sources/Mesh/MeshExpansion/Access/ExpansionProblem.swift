/// Why something of mesh expansion could not be done.
public struct ExpansionProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is to blame, which decides the exit status.
    public enum Kind: Sendable, Hashable, CaseIterable {
        /// Something in the cluster is not as it has to be.
        case state
        /// What the user gave, or may not do.
        case input
        /// The cluster cannot be reached.
        case unreachable
        /// It took too long.
        case late
        /// This machine, or meshex itself.
        case machine

        /// The exit status that stands for it.
        public var status: Int32 {
            switch self {
            case .state: 1
            case .input: 2
            case .unreachable: 3
            case .late: 4
            case .machine: 70
            }
        }
    }

    /// What is to blame.
    public var kind: Kind
    /// What was tried: "read the secret istio.default".
    public var attempt: String
    /// What was found.
    public var found: String
    /// What to do about it.
    public var remedy: String

    /// Creates a problem.
    public init(_ kind: Kind, _ attempt: String, found: String, remedy: String) {
        self.kind = kind
        self.attempt = attempt
        self.found = found
        self.remedy = remedy
    }

    /// Two lines for people.
    public var description: String { "cannot \(attempt): \(found)\n  remedy: \(remedy)" }
}
