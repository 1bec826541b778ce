import Platform

/// Ends the waiting for something that may take longer than there is time.
enum Deadline {
    /// The result of an operation, or a time-out at the deadline or when the task is cancelled; the operation is
    /// cancelled then, and nobody waits for it to notice.
    static func race<Result: Sendable>(
        _ operation: String, until deadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable () async throws(ProbeError) -> Result
    ) async throws(ProbeError) -> Result {
        let race = Race<Swift.Result<Result, ProbeError>>()
        let late = Swift.Result<Result, ProbeError>.failure(
            ProbeError(.timedOut, operation, expected: "an answer in time", found: "none"))
        let worker = Task {
            do throws(ProbeError) {
                race.finish(.success(try await body()))
            } catch {
                race.finish(.failure(error))
            }
        }
        let timer = Task {
            do {
                try await Task.sleep(until: deadline, clock: .continuous)
                race.finish(late)
            } catch is CancellationError {
                // The operation was faster.
            } catch {
                race.finish(late)
            }
        }
        let result = await withTaskCancellationHandler {
            await race.value
        } onCancel: {
            race.finish(late)
        }
        worker.cancel()
        timer.cancel()
        return try result.get()
    }
}

/// A value that the first of several gives.
final class Race<Value: Sendable>: @unchecked Sendable {
    private let lock = Lock()
    private var result: Value?
    private var waiting: CheckedContinuation<Value, Never>?

    /// Gives the value unless there is one.
    func finish(_ value: Value) {
        let waiting: CheckedContinuation<Value, Never>? = lock.withLock {
            if result != nil { return nil }
            result = value
            defer { self.waiting = nil }
            return self.waiting
        }
        waiting?.resume(returning: value)
    }

    /// Waits for it; only once.
    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let present: Value? = lock.withLock {
                    if result == nil { waiting = continuation }
                    return result
                }
                if let present { continuation.resume(returning: present) }
            }
        }
    }
}
