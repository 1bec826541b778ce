import Dispatch
import Glibc

/// Signal dispositions of this process.
public enum Signals {
    /// A reader that goes away is then an error of the write, not the end of the process without a word.
    public static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Does work that SIGTERM and SIGINT cancel, instead of ending the process.
    public static func cancelling<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task { try await work() }
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { task.cancel() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await task.value
    }
}
