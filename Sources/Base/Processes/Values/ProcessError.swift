import Glibc
import Platform

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
