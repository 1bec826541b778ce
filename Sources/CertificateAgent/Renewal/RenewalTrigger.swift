import Synchronization

/// Asks a waiting agent to renew now. What is asked while it does not wait counts for its next wait.
public final class RenewalTrigger: Sendable {
    private struct State {
        var isPending = false
        var waiter: Once<Bool>?
    }

    private let state = Mutex(State())

    /// Creates a trigger.
    public init() {}

    /// Asks.
    public func fire() {
        let waiter = state.withLock { state in
            state.isPending = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(true)
    }

    /// Waits until somebody asks, for so long at most.
    ///
    /// - Returns: whether somebody asked.
    func wait(upTo duration: Duration) async -> Bool {
        let waiter = Once<Bool>()
        let isPending = state.withLock { state in
            if !state.isPending { state.waiter = waiter }
            defer { state.isPending = false }
            return state.isPending
        }
        if isPending { return true }
        let timer = Task {
            // A cancelled sleep means that somebody asked.
            do { try await Task.sleep(for: duration) } catch { return }
            waiter.resume(false)
        }
        let fired = await waiter.value()
        timer.cancel()
        state.withLock { if $0.waiter === waiter { $0.waiter = nil } }
        return fired
    }
}
