import Dispatch
import Glibc
import HostProbes
import Synchronization

/// Work with regular expressions that may not end, in threads that are left behind when their time is over.
///
/// The engine backtracks, an expression such as `(a+)+$` can keep it busy for years, and nothing stops it from outside.
/// So what may take long has a thread of its own. One that is left runs only when nothing else wants to; there are never more than
/// eight, since with as many all further work of the kind is refused at once.
enum MatchThread {
    /// How long such work may take.
    static let limit = Duration.seconds(1)

    private static let lostLimit = 8
    private static let lost = Mutex(0)

    /// Does work that may not end.
    ///
    /// - Parameter watch: ends the waiting.
    /// - Returns: the result; nil when there is none in time.
    static func run<Result: Sendable>(
        _ watch: DeadlineWatch, _ body: @escaping @Sendable () -> Result
    ) async -> Result? {
        let answer = OneAnswer<Result?>()
        let turn = Turn()
        let number = watch.add(at: .now + limit) {
            if turn.leave() { answer.give(nil) }
        }
        defer { watch.remove(number) }
        let isStarted = start(turn, body) { answer.give($0) }
        return isStarted ? await answer.value : nil
    }

    /// Does such work while the calling thread waits.
    ///
    /// - Returns: the result; nil when there is none in time.
    static func wait<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result? {
        let turn = Turn()
        let done = DispatchSemaphore(value: 0)
        let result = Kept<Result>()
        let isStarted = start(turn, body) {
            result.value.withLock { [found = $0] value in value = found }
            done.signal()
        }
        guard isStarted else { return nil }
        let nanoseconds = Int(limit.components.seconds) * 1_000_000_000
        if done.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .timedOut, turn.leave() { return nil }
        return result.value.withLock { $0 }
    }

    /// What people are told of work that was given up.
    static func lateness(_ patterns: [Pattern], in text: String) -> ProbeError {
        let shown = patterns.prefix(3).map { "/\(ValueText.shortened($0.source))/" }.joined(separator: ", ")
        // Not a time-out of the machine: another look would end like this one.
        return ProbeError(
            .invalid, "match \(shown) with \(text)", expected: "an end within \(limit.components.seconds) s",
            found: "none: repetitions inside one another or behind one another take too long; make it simpler")
    }

    private final class Kept<Result: Sendable>: Sendable {
        let value = Mutex<Result?>(nil)
    }

    private static func start<Result: Sendable>(
        _ turn: Turn, _ body: @escaping @Sendable () -> Result, _ give: @escaping @Sendable (Result) -> Void
    ) -> Bool {
        guard lost.withLock({ $0 < lostLimit }) else { return false }
        return PlainThread.start {
            turn.begin()
            let result = body()
            turn.end()
            give(result)
        }
    }

    /// One piece of work.
    private final class Turn: Sendable {
        private enum State {
            case waiting
            case running(pthread_t)
            case lost
            case done
        }

        private let state = Mutex(State.waiting)

        /// Notes the thread.
        func begin() {
            state.withLock { state in
                if case .waiting = state { state = .running(pthread_self()) } else { Turn.giveWay(pthread_self()) }
            }
        }

        func end() {
            let wasLost = state.withLock { state in
                defer { state = .done }
                if case .lost = state { return true }
                return false
            }
            if wasLost { MatchThread.lost.withLock { $0 -= 1 } }
        }

        /// Gives it up; false when it is done already.
        func leave() -> Bool {
            state.withLock { state in
                switch state {
                case .done: return false
                case .running(let thread): Turn.giveWay(thread)
                case .waiting, .lost: break
                }
                state = .lost
                MatchThread.lost.withLock { $0 += 1 }
                return true
            }
        }

        /// From now on it runs when nobody else wants to (sched(7)). A refusal changes nothing but the speed of others.
        private static func giveWay(_ thread: pthread_t) {
            var parameters = sched_param()
            // SCHED_IDLE is an extension of Linux, which Swift's view of the C library does not have.
            let idle: Int32 = 5
            _ = pthread_setschedparam(thread, idle, &parameters)
        }
    }
}
