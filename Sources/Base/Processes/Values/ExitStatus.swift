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
