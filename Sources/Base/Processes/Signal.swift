import CProcess
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

/// Signals to this process as values.
public enum SignalStream {
    /// From now on the signals do not act as usual but arrive here, in the order in which the process got them.
    ///
    /// Call it once per signal: a second stream takes the signal away from the first.
    public static func of(_ signals: [Signal]) throws(ProcessError) -> AsyncStream<Signal> {
        let loop = try EventLoop.shared()
        let ends = try Descriptor.pipe(for: "signals")
        try ends.read.doNotBlock(for: "signals")
        try ends.write.doNotBlock(for: "signals")
        let (stream, continuation) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(64))
        let reader = ends.read
        // The handler keeps the reader open; the writer stays open for ever, because the C handler has its number.
        _ = Unmanaged.passRetained(ends.write)
        try loop.watch(reader, for: .input) { _ in
            var bytes = [UInt8](repeating: 0, count: 64)
            while true {
                let count = read(reader.number, &bytes, bytes.count)
                guard count > 0 else { return }
                for byte in bytes.prefix(count) { continuation.yield(Signal(rawValue: Int32(byte))) }
            }
        }
        for signal in signals {
            let status = cprocess_route_signal(signal.rawValue, ends.write.number)
            guard status == 0 else { throw ProcessError(step: .signal, subject: signal.description, errno: status) }
        }
        return stream
    }
}
