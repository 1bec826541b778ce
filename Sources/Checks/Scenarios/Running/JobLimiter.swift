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
        /// Checks that were started and have not had their first turn.
        var started = 0
        var asksForRoom: CheckedContinuation<Void, Never>?
        var isOver = false
    }

    private let state: Mutex<State>
    /// A check that waits for its first turn costs memory: no more of them wait than have turns at the same time.
    private let startLimit: Int

    init(_ count: Int) {
        startLimit = max(1, count)
        state = Mutex(State(free: startLimit))
    }

    // MARK: - starts

    /// Counts a check in that is about to wait for its first turn; false when enough of them do.
    func start() -> Bool {
        state.withLock { state in
            guard state.started < startLimit else { return false }
            state.started += 1
            return true
        }
    }

    /// Counts a check out that has had its first turn, or will have none.
    func hasStarted() {
        let asking = state.withLock { state in
            state.started = max(0, state.started - 1)
            guard state.started <= startLimit / 2 else { return nil as CheckedContinuation<Void, Never>? }
            defer { state.asksForRoom = nil }
            return state.asksForRoom
        }
        asking?.resume()
    }

    /// Waits until half of those that were started have had their first turns, or the task is cancelled. For one task at a
    /// time.
    func room() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if state.isOver || state.started <= startLimit / 2 { return true }
                    state.asksForRoom = continuation
                    return false
                }
                if isThere { continuation.resume() }
            }
        } onCancel: {
            let asking = state.withLock { state in
                state.isOver = true
                defer { state.asksForRoom = nil }
                return state.asksForRoom
            }
            asking?.resume()
        }
    }

    // MARK: - turns

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
