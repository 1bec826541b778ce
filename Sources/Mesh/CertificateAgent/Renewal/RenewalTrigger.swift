import Platform
import Synchronization

/// Asks a waiting agent to renew now. What is asked while it does not wait counts for its next wait.
public final class RenewalTrigger: Sendable {
    private struct State {
        var isPending = false
        var waiter: OneShot<Void>?
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
        waiter?.resume(())
    }

    /// Waits until somebody asks, for so long at most.
    ///
    /// - Returns: whether somebody asked.
    func wait(upTo duration: Duration) async -> Bool {
        let waiter = OneShot<Void>()
        let isPending = state.withLock { state in
            if !state.isPending { state.waiter = waiter }
            defer { state.isPending = false }
            return state.isPending
        }
        if isPending { return true }
        let timer = Task {
            // A cancelled sleep means that somebody asked.
            do { try await Task.sleep(for: duration) } catch { return }
            waiter.resume(())
        }
        _ = await waiter.value()
        timer.cancel()
        // Who has taken the waiter counts, not who was first to wake it: a request that comes with the end of the wait is
        // not to be lost.
        return state.withLock { state in
            guard state.waiter === waiter else { return true }
            state.waiter = nil
            return false
        }
    }
}
