import Synchronization

/// Does things at deadlines, all from one task: a timer for each look would cost more than most looks.
final class DeadlineWatch: Sendable {
    private struct Entry {
        var instant: ContinuousClock.Instant
        var action: @Sendable () -> Void
    }

    private struct State {
        var next = 0
        var entries: [Int: Entry] = [:]
    }

    private let state = Mutex(State())
    /// How late an action can be.
    private static let tick = Duration.milliseconds(20)

    /// Has an action done at an instant, or up to 20 ms later.
    func add(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            state.next += 1
            state.entries[state.next] = Entry(instant: instant, action: action)
            return state.next
        }
    }

    /// Takes an action back.
    func remove(_ number: Int) {
        state.withLock { _ = $0.entries.removeValue(forKey: number) }
    }

    /// Watches until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: Self.tick)
            } catch {
                // Cancelled: nobody waits any longer.
                return
            }
            let now = ContinuousClock.now
            let due = state.withLock { state in
                let due = state.entries.filter { $0.value.instant <= now }
                for number in due.keys { state.entries[number] = nil }
                return due.values.map(\.action)
            }
            for action in due { action() }
        }
    }
}
