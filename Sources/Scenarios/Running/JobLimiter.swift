import Synchronization

/// Lets a number of looks happen at the same time; the others wait in their order.
final class JobLimiter: Sendable {
    private struct State {
        var free: Int
        var next = 0
        var queue: [Int] = []
        var head = 0
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        /// Those that were cancelled before they waited.
        var cancelled: Set<Int> = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: max(1, count))) }

    /// Waits for a turn; false when the task was cancelled first.
    func enter() async -> Bool {
        let ticket: Int? = state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return nil
            }
            state.next += 1
            return state.next
        }
        guard let ticket else { return true }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isAtOnce: Bool? = state.withLock { state in
                    if state.cancelled.remove(ticket) != nil { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.queue.append(ticket)
                    state.waiting[ticket] = continuation
                    return nil
                }
                if let isAtOnce { continuation.resume(returning: isAtOnce) }
            }
        } onCancel: {
            let waiting = state.withLock { state in
                let found = state.waiting.removeValue(forKey: ticket)
                if found == nil { state.cancelled.insert(ticket) }
                return found
            }
            waiting?.resume(returning: false)
        }
    }

    /// Ends a turn.
    func leave() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            while state.head < state.queue.count {
                let ticket = state.queue[state.head]
                state.head += 1
                if state.head > 1024, state.head * 2 > state.queue.count {
                    state.queue.removeFirst(state.head)
                    state.head = 0
                }
                if let waiting = state.waiting.removeValue(forKey: ticket) { return waiting }
            }
            state.free += 1
            return nil
        }
        next?.resume(returning: true)
    }
}
