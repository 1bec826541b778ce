/// How checks are run.
public struct RunOptions: Sendable, Hashable {
    /// How many subjects are looked at, at the same time. Most looks wait, so it is not bound to the processors.
    public var jobs: Int
    /// Whether the first failure of severity error ends the run.
    public var failFast: Bool
    /// For how long after the start of the run a failed check is looked at again; nil for its own `eventually` only.
    public var retryFor: Duration?
    /// Whether what may not be seen counts as failed.
    public var strict: Bool

    /// Creates options.
    public init(jobs: Int = 128, failFast: Bool = false, retryFor: Duration? = nil, strict: Bool = false) {
        self.jobs = jobs
        self.failFast = failFast
        self.retryFor = retryFor
        self.strict = strict
    }
}
