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

    private struct Entry: Sendable {
        var content: Content
        var time: ContinuousClock.Instant
    }

    private let lifetime: Duration
    private let run: @Sendable () async -> Content
    private var entry: Entry?
    private var running: Task<Entry, Never>?

    /// How long a new result is waited for where there is an older one.
    private static let patience = Duration.seconds(5)

    init(lifetime: Duration, run: @escaping @Sendable () async -> Content) {
        self.lifetime = lifetime
        self.run = run
    }

    /// A result that is no older than the lifetime when the request comes in; the last one while a check hangs.
    func current() async -> Content {
        if let entry, ContinuousClock.now - entry.time < lifetime { return entry.content }
        let task = running ?? start()
        guard let last = entry else { return await task.value.content }
        return await Deadline.run(Self.patience) { await task.value.content } ?? last.content
    }

    /// Cancels the run that goes on, so that what it started is ended, and waits a moment for that.
    func stop() async {
        guard let running else { return }
        running.cancel()
        _ = await Deadline.run(.milliseconds(500)) { await running.value }
    }

    private func start() -> Task<Entry, Never> {
        let task = Task {
            let fresh = Entry(content: await run(), time: ContinuousClock.now)
            entry = fresh
            running = nil
            return fresh
        }
        running = task
        return task
    }
}
