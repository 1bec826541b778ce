/// The machine that is looked at, with the facts of it that were read already.
///
/// Facts are read once a run, by whoever asks first; the others wait for the same reading.
public actor Host {
    /// Where the machine's files begin: `/`, or a directory that holds a recorded machine in tests.
    public nonisolated let root: String
    private var readings: [String: any Sendable] = [:]

    /// Creates a host.
    public init(root: String = "/") { self.root = root }

    /// A path on the machine as the running system has to open it.
    public nonisolated func path(_ path: String) -> String {
        root == "/" ? path : root + path
    }

    /// The fact of this name; the body reads it when nobody has.
    public func fact<Fact: Sendable>(
        _ name: String, as type: Fact.Type = Fact.self,
        _ read: @escaping @Sendable () async throws(ProbeError) -> Fact
    ) async throws(ProbeError) -> Fact {
        let reading: Task<Result<Fact, ProbeError>, Never>
        if let present = readings[name] as? Task<Result<Fact, ProbeError>, Never> {
            reading = present
        } else {
            reading = Task {
                do throws(ProbeError) { return .success(try await read()) } catch { return .failure(error) }
            }
            readings[name] = reading
        }
        return try await reading.value.get()
    }
}
