import Glibc
import Platform

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

/// How a process ended.
public enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
    /// By itself, with a status from 0 to 255.
    case exited(Int32)
    /// By a signal.
    case signalled(Signal, dumpedCore: Bool)
    /// In a way that nobody knows: something else in this process has waited for it, or SIGCHLD is ignored.
    case unknown

    /// Whether it ended by itself with status 0.
    public var isSuccess: Bool { self == .exited(0) }

    /// One number as shells have it: the status, or 128 and the number of the signal; 255 if it is not known.
    public var shellStatus: Int32 {
        switch self {
        case .exited(let status): status
        case .signalled(let signal, _): 128 + signal.rawValue
        case .unknown: 255
        }
    }

    /// For people.
    public var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let signal, let dumpedCore): "killed by \(signal)" + (dumpedCore ? " (core dumped)" : "")
        case .unknown: "an exit status that is not known"
        }
    }
}

/// A process that could not be started, waited for or signalled.
public struct ProcessError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was being done.
    public enum Step: String, Sendable, Hashable {
        /// An argument, path or environment entry has a byte 0 in it, or an environment entry has no `=`.
        case prepare = "pass to a program"
        /// A pipe to or from the program.
        case pipe = "make a pipe for"
        /// The process itself: the limit of processes, or memory.
        case fork = "make a process for"
        /// The descriptors 0, 1 and 2.
        case streams = "connect the standard streams of"
        /// The process group or session.
        case group = "make a process group for"
        /// User and groups.
        case user = "change the user of"
        /// The signal that ends the program with its parent.
        case parent = "tie to its parent"
        /// The working directory, which is the subject.
        case directory = "change to the directory"
        /// The program itself.
        case execute = "execute"
        /// The thread that waits for processes.
        case watch = "watch"
        /// Sending a signal.
        case signal = "signal"
    }

    /// What was being done.
    public var step: Step
    /// The program or the path that it was about.
    public var subject: String
    /// The error number (errno(3)).
    public var errno: Int32

    /// Creates an error.
    public init(step: Step, subject: String, errno: Int32) {
        self.step = step
        self.subject = subject
        self.errno = errno
    }

    /// The sentence for people.
    public var description: String { "cannot \(step.rawValue) '\(subject)': \(SystemErrorText.of(errno))" }
}
