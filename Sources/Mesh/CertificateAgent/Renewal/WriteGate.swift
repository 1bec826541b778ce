import Synchronization

/// Keeps a signal from ending the process between the two renames that replace a pair.
public final class WriteGate: Sendable {
    private let mutex = Mutex(())

    /// Creates a gate.
    public init() {}

    /// Does something that must not be cut in two.
    public func hold<Failure: Error>(_ work: () throws(Failure) -> Void) throws(Failure) {
        let result: Result<Void, Failure> = mutex.withLock { _ in
            do throws(Failure) {
                try work()
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
