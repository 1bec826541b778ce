import CProcess
import Glibc

/// Signals to this process as values.
public enum SignalStream {
    /// From now on the signals do not act as usual but arrive here, in the order in which the process got them.
    ///
    /// Call it once a signal: a second stream takes the signal away from the first.
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

    /// Lets a write to a closed pipe or socket fail with EPIPE instead of ending this process.
    public static func ignoreBrokenPipes() { Glibc.signal(SIGPIPE, SIG_IGN) }
}
