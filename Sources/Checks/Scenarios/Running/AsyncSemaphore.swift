import Platform
import Synchronization

/// A number of turns that can be held at the same time; who waits for one gets it in order.
final class AsyncSemaphore: Sendable {
    private struct State {
        var free: Int
        var waiting: [OneShot<Bool>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: max(1, count))) }

    /// Takes a turn if one is free.
    func tryEnter() -> Bool {
        state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
    }

    /// Waits for a turn; false when the task was cancelled first.
    func enter() async -> Bool {
        let turn = OneShot<Bool>()
        let isFree = state.withLock { state in
            guard state.free == 0 else {
                state.free -= 1
                return true
            }
            state.waiting.append(turn)
            return false
        }
        if isFree { return true }
        return await withTaskCancellationHandler {
            await turn.value()
        } onCancel: {
            turn.resume(false)
        }
    }

    /// Ends a turn: the first who still waits gets it.
    func leave() {
        while true {
            let next: OneShot<Bool>? = state.withLock { state in
                guard !state.waiting.isEmpty else {
                    state.free += 1
                    return nil
                }
                return state.waiting.removeFirst()
            }
            guard let next, !next.resume(true) else { return }
        }
    }
}
