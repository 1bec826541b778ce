/// What a program that was run to its end did.
public struct ProcessOutput: Sendable, Hashable {
    /// Why it ended.
    public enum Reason: Sendable, Hashable {
        /// By itself, or by a signal of somebody else.
        case ended
        /// It took longer than allowed and was ended.
        case timeLimit
        /// The task that waited for it was cancelled, and it was ended.
        case cancelled
    }

    /// How it ended.
    public var status: ExitStatus
    /// Why it ended.
    public var reason: Reason
    /// The beginning of what it wrote to standard output.
    public var standardOutput: [UInt8]
    /// The beginning of what it wrote to standard error.
    public var standardError: [UInt8]
    /// Whether it wrote more than was kept.
    public var isTruncated: Bool
    /// From its start to its end.
    public var duration: Duration
}

/// What a program that is run to its end may take.
public struct RunLimits: Sendable, Hashable {
    /// From its start to its end.
    public var time: Duration
    /// From SIGTERM to SIGKILL, if it took longer.
    public var grace: Duration
    /// Bytes that are kept of each of its outputs; what follows is read and dropped.
    public var outputBytes: Int

    /// Creates limits.
    public init(time: Duration = .seconds(10), grace: Duration = .seconds(1), outputBytes: Int = 1 << 20) {
        self.time = time
        self.grace = grace
        self.outputBytes = outputBytes
    }
}
