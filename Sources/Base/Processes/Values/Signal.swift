import Glibc

/// A signal (signal(7)).
public struct Signal: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The number on this machine.
    public let rawValue: Int32

    /// Creates a signal of its number.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// SIGHUP.
    public static let hangUp = Signal(rawValue: SIGHUP)
    /// SIGINT.
    public static let interrupt = Signal(rawValue: SIGINT)
    /// SIGKILL.
    public static let kill = Signal(rawValue: SIGKILL)
    /// SIGTERM.
    public static let terminate = Signal(rawValue: SIGTERM)

    /// The name, such as `SIGTERM`; the number where this program knows no name.
    public var description: String {
        switch rawValue {
        case SIGHUP: "SIGHUP"
        case SIGINT: "SIGINT"
        case SIGQUIT: "SIGQUIT"
        case SIGILL: "SIGILL"
        case SIGTRAP: "SIGTRAP"
        case SIGABRT: "SIGABRT"
        case SIGBUS: "SIGBUS"
        case SIGFPE: "SIGFPE"
        case SIGKILL: "SIGKILL"
        case SIGUSR1: "SIGUSR1"
        case SIGSEGV: "SIGSEGV"
        case SIGUSR2: "SIGUSR2"
        case SIGPIPE: "SIGPIPE"
        case SIGALRM: "SIGALRM"
        case SIGTERM: "SIGTERM"
        case SIGXCPU: "SIGXCPU"
        case SIGXFSZ: "SIGXFSZ"
        case SIGSYS: "SIGSYS"
        default: "signal \(rawValue)"
        }
    }
}
