import Platform

/// How one kind of subject is read on a host.
public protocol Probe: Sendable {
    /// What it reads.
    static var kind: SubjectKind { get }

    /// Creates the probe; facts that several checks need are read once and kept in the host's.
    init(host: Host)

    /// Reads the subject.
    ///
    /// A subject that is not there is not an error: it is an observation whose `exists` is false, so that a check can expect
    /// that. The runner cancels the task at the deadline; a probe that waits in a system call keeps to it by itself.
    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation
}

/// One look at a subject.
public struct ProbeRequest: Sendable {
    /// The parameters as the scenario gives them; the loader has checked their names and types.
    public var parameters: [String: Value]
    /// The attributes that somebody needs; the others need not be read.
    public var attributes: Set<String>
    /// When the answer is too late.
    public var deadline: ContinuousClock.Instant
    /// The user to look as; nil is the user of this process.
    public var user: String?
    /// Facts that began to be read before this moment are read again; nil takes any. A check that is tried again after a
    /// while gives the start of the attempt.
    public var since: ContinuousClock.Instant?

    /// Creates a request.
    public init(
        parameters: [String: Value], attributes: Set<String>, deadline: ContinuousClock.Instant, user: String? = nil,
        since: ContinuousClock.Instant? = nil
    ) {
        self.parameters = parameters
        self.attributes = attributes
        self.deadline = deadline
        self.user = user
        self.since = since
    }
}

/// What was seen.
public struct Observation: Sendable, Hashable {
    /// The attributes that were read, by name.
    public var attributes: [String: Value]
    /// What a person wants to see when a check fails: short lines, without secrets.
    public var evidence: [String]

    /// Creates an observation.
    public init(_ attributes: [String: Value], evidence: [String] = []) {
        self.attributes = attributes
        self.evidence = evidence
    }
}
