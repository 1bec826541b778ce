import Synchronization

/// The host that is checked, with the facts that were read already.
///
/// Facts are read once a run, by whoever asks first; the others wait for the same reading. A check that waits for a
/// change asks for a fact that is not older than its attempt.
public actor Host {
    /// Where the host's files begin: `/`, or a directory that holds a recorded host in tests.
    public nonisolated let root: String
    private var readings: [String: Reading] = [:]
    /// The facts that are there, for those that need not wait: most checks want some, and none should take its turn for
    /// them.
    private nonisolated let known = Mutex<[String: Reading]>([:])

    private struct Reading: Sendable {
        var started: ContinuousClock.Instant
        var state: any Sendable
    }

    private enum State<Fact: Sendable>: Sendable {
        case running(Task<Result<Fact, ProbeError>, Never>)
        case done(Result<Fact, ProbeError>)
    }

    /// Creates a host.
    public init(root: String = "/") { self.root = root }

    /// A path on the host as the running system has to open it.
    public nonisolated func path(_ path: String) -> String {
        root == "/" ? path : root + path
    }

    /// Whether it is the host that this process runs on: only there can kernel, user database and services be asked.
    public nonisolated var isThisMachine: Bool { root == "/" }

    /// The fact of this name; the body reads it when nobody has.
    ///
    /// - Parameter since: a fact that began to be read before this moment is read again; nil takes any.
    public nonisolated func fact<Fact: Sendable>(
        _ name: String, as type: Fact.Type = Fact.self, since: ContinuousClock.Instant? = nil,
        _ read: @escaping @Sendable () async throws(ProbeError) -> Fact
    ) async throws(ProbeError) -> Fact {
        let present = known.withLock { $0[name] }
        if let present, since.map({ present.started >= $0 }) ?? true,
            let result = present.state as? Result<Fact, ProbeError>
        {
            return try result.get()
        }
        return try await reading(name, since: since, read)
    }

    private func reading<Fact: Sendable>(
        _ name: String, since: ContinuousClock.Instant?,
        _ read: @escaping @Sendable () async throws(ProbeError) -> Fact
    ) async throws(ProbeError) -> Fact {
        if let present = readings[name], since.map({ present.started >= $0 }) ?? true,
            let state = present.state as? State<Fact>
        {
            switch state {
            case .running(let reading): return try await reading.value.get()
            case .done(let result): return try result.get()
            }
        }
        let started = ContinuousClock.now
        let reading = Task { () -> Result<Fact, ProbeError> in
            do throws(ProbeError) { return .success(try await read()) } catch { return .failure(error) }
        }
        readings[name] = Reading(started: started, state: State<Fact>.running(reading))
        let result = await reading.value
        if readings[name]?.started == started {
            readings[name] = Reading(started: started, state: State<Fact>.done(result))
            known.withLock { $0[name] = Reading(started: started, state: result) }
        }
        return try result.get()
    }
}

extension Host {
    /// Fails unless it is this machine.
    ///
    /// - Parameter operation: what only the running system can answer.
    package nonisolated func requireThisMachine(_ operation: String) throws(ProbeError) {
        guard isThisMachine else {
            throw ProbeError(
                .unavailable, operation, expected: "the host that runs the check", found: "files below \(root)")
        }
    }
}
