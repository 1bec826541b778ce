import Platform
import Scenarios

/// The last result, for as long as it is fresh; a new run is made when somebody asks for a result that is not.
///
/// Whoever asks while a run goes on waits for that run: there is never a second one beside it.
actor ResultCache {
    /// What a run came to.
    enum Content: Sendable {
        case result(RunResult)
        /// The scenarios cannot be loaded any more, and why.
        case broken(String)
    }

    /// What is known now.
    enum Answer: Sendable {
        /// What a run came to, and how long ago.
        case known(Content, age: Duration)
        /// The first run has not ended, and how long it has taken so far.
        case unfinished(Duration)
    }

    private struct Entry: Sendable {
        var content: Content
        var time: ContinuousClock.Instant
    }

    private let lifetime: Duration
    private let run: @Sendable () async -> Content
    private var entry: Entry?
    private var running: (task: Task<Entry, Never>, began: ContinuousClock.Instant)?

    /// How long a new result is waited for: less than the ten seconds after which Prometheus and most probes give up.
    private static let patience = Duration.seconds(5)

    init(lifetime: Duration, run: @escaping @Sendable () async -> Content) {
        self.lifetime = lifetime
        self.run = run
    }

    /// A result that is no older than the lifetime when the request comes in; what there is while a check hangs.
    func current() async -> Answer {
        if let entry, ContinuousClock.now - entry.time < lifetime { return answer(entry) }
        let running = running ?? start()
        if let fresh = await Deadline.run(Self.patience, { await running.task.value }) { return answer(fresh) }
        return entry.map(answer) ?? .unfinished(ContinuousClock.now - running.began)
    }

    /// Cancels the run that goes on, so that what it started is ended, and waits a moment for that.
    func stop() async {
        guard let running else { return }
        running.task.cancel()
        _ = await Deadline.run(.milliseconds(500)) { await running.task.value }
    }

    private func answer(_ entry: Entry) -> Answer { .known(entry.content, age: ContinuousClock.now - entry.time) }

    private func start() -> (task: Task<Entry, Never>, began: ContinuousClock.Instant) {
        let task = Task {
            let fresh = Entry(content: await run(), time: ContinuousClock.now)
            entry = fresh
            running = nil
            return fresh
        }
        let started = (task: task, began: ContinuousClock.now)
        running = started
        return started
    }
}
