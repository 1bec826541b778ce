import Synchronization

/// A limit to work that may not heed its cancellation at once, such as a connection that is being made.
enum Deadline {
    /// The result of the work, or nil when the time is over first: the work is then cancelled and left to end by itself.
    static func run<Value: Sendable>(
        _ limit: Duration, _ work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        let once = Once<Value?>()
        let worker = Task { once.resume(await work()) }
        let timer = Task {
            // A cancelled sleep means that the work is done.
            do { try await Task.sleep(for: limit) } catch { return }
            once.resume(nil)
            worker.cancel()
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await once.value()
        } onCancel: {
            worker.cancel()
            once.resume(nil)
        }
    }
}

/// A value that comes once, and is waited for once.
final class Once<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Value, Never>)
        case full(Value)
        case taken
    }

    private let state = Mutex(State.empty)

    /// Gives the value; only the first one counts.
    func resume(_ value: Value) {
        let waiting: CheckedContinuation<Value, Never>? = state.withLock { state in
            switch state {
            case .empty:
                state = .full(value)
                return nil
            case .waiting(let continuation):
                state = .taken
                return continuation
            case .full, .taken: return nil
            }
        }
        waiting?.resume(returning: value)
    }

    /// Waits for the value.
    func value() async -> Value {
        await withCheckedContinuation { continuation in
            let ready: Value? = state.withLock { state in
                if case .full(let value) = state {
                    state = .taken
                    return value
                }
                state = .waiting(continuation)
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
