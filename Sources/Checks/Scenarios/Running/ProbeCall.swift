import Platform
import Probes
import Synchronization

/// One observation of a subject that ends in time, whatever the probe does.
enum ProbeCall {
    /// How long a probe that was told to stop may take to say what kept it.
    private static let grace = Duration.milliseconds(200)

    /// Observes. A probe that does not stop when it is cancelled is left to itself, so that it delays nobody.
    static func observe(
        _ type: any Probe.Type, _ request: ProbeRequest, host: Host, timer: DeadlineTimer, limit: Duration
    ) async -> Result<Observation, ProbeError> {
        let answer = OneShot<Result<Observation, ProbeError>>()
        let late = ProbeError(
            .timedOut, "look at the \(type.kind.name)", expected: "an answer within \(limit)", found: "none")
        let observing = Task {
            do throws(ProbeError) {
                answer.resume(.success(try await type.init(host: host).observe(request)))
            } catch {
                answer.resume(.failure(error))
            }
        }
        let entries = [
            timer.add(at: request.deadline) { observing.cancel() },
            timer.add(at: request.deadline + grace) { answer.resume(.failure(late)) },
        ]
        defer { timer.remove(entries) }
        return await withTaskCancellationHandler {
            await answer.value()
        } onCancel: {
            observing.cancel()
            answer.resume(.failure(late))
        }
    }
}

/// Does things at deadlines, all from one task: a timer for each observation would cost more than most observations.
final class DeadlineTimer: Sendable {
    private struct State {
        var next = 0
        var entries: [Int: (instant: ContinuousClock.Instant, action: @Sendable () -> Void)] = [:]
    }

    private let state = Mutex(State())
    /// How late an action can be.
    private static let tick = Duration.milliseconds(20)

    /// Has an action done at an instant, or up to 20 ms later.
    func add(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            state.next += 1
            state.entries[state.next] = (instant, action)
            return state.next
        }
    }

    /// Takes actions back.
    func remove(_ numbers: [Int]) {
        state.withLock { state in for number in numbers { state.entries[number] = nil } }
    }

    /// Watches until the task is cancelled.
    func run() async {
        // A cancelled sleep means that nobody waits any longer.
        while !Task.isCancelled, (try? await Task.sleep(for: Self.tick)) != nil {
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
