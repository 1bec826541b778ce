import Synchronization

/// A limit to work that may not heed its cancellation at once, such as a connection that is being made.
public enum Deadline {
    /// The result of the work, or nil when the time is over or the task is cancelled first: the work is then cancelled
    /// and left to end by itself.
    public static func run<Value: Sendable>(
        _ limit: Duration, _ work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        await run(until: ContinuousClock.now.advanced(by: limit), work)
    }

    /// The same with a moment in place of a length.
    public static func run<Value: Sendable>(
        until deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        let answer = OneShot<Value?>()
        let worker = Task { answer.resume(await work()) }
        defer { worker.cancel() }
        return await answer.value(until: deadline, or: nil)
    }
}

/// A value that is waited for once, and that the first of several gives.
public final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Value, Never>)
        case full(Value)
        case taken
    }

    private let state = Mutex(State.empty)

    /// Creates a value that has yet to come.
    public init() {}

    /// Gives the value; only the first one counts.
    ///
    /// - Returns: whether it was the first one.
    @discardableResult
    public func resume(_ value: Value) -> Bool {
        let (waiting, isFirst): (CheckedContinuation<Value, Never>?, Bool) = state.withLock { state in
            switch state {
            case .empty:
                state = .full(value)
                return (nil, true)
            case .waiting(let continuation):
                state = .taken
                return (continuation, true)
            case .full, .taken: return (nil, false)
            }
        }
        waiting?.resume(returning: value)
        return isFirst
    }

    /// Waits for the value.
    public func value() async -> Value {
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

    /// Waits for the value until a moment or until the task is cancelled; then it is this one.
    public func value(until deadline: ContinuousClock.Instant, or late: Value) async -> Value {
        let timer = Task {
            // A cancelled sleep means that the value came.
            do { try await Task.sleep(until: deadline, clock: .continuous) } catch { return }
            resume(late)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await value()
        } onCancel: {
            resume(late)
        }
    }
}
