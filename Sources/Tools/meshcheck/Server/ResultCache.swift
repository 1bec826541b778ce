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

    init(lifetime: Duration, run: @escaping @Sendable () async -> Content) {
        self.lifetime = lifetime
        self.run = run
    }

    /// A result that is no older than the lifetime when the request comes in.
    func current() async -> Content {
        if let entry, ContinuousClock.now - entry.time < lifetime { return entry.content }
        if let running { return await running.value.content }
        let task = Task { [run] in Entry(content: await run(), time: ContinuousClock.now) }
        running = task
        let fresh = await task.value
        entry = fresh
        running = nil
        return fresh.content
    }
}
