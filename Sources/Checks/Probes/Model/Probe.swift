import Files
import Glibc
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

/// Why nothing could be seen.
public struct ProbeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// The user of this process may not see it: it says nothing about the host.
        case notPermitted = "not-permitted"
        /// The host refuses it to everybody, or to the user that was to be looked as (`run-as`).
        case denied
        /// No answer within the time limit.
        case timedOut = "timed-out"
        /// Refused, no route, no name.
        case unreachable
        /// An answer that breaks its own format.
        case malformed
        /// A program or facility that the probe needs is not here.
        case unavailable
        /// The parameters make no sense together.
        case invalid
    }

    /// The kind of failure.
    public var reason: Reason
    /// What was tried, such as `read /etc/certs/key.pem`.
    public var operation: String
    /// What a healthy host answers.
    public var expected: String
    /// What came instead.
    public var found: String

    /// Creates an error.
    public init(_ reason: Reason, _ operation: String, expected: String, found: String) {
        self.reason = reason
        self.operation = operation
        self.expected = expected
        self.found = found
    }

    /// One line for people.
    public var description: String { "cannot \(operation): expected \(expected), found \(found)" }
}

extension ProbeError {
    /// What a failed system call says about the host: nothing, if the user was not allowed to make it.
    package static func system(_ operation: String, errno number: Int32, expected: String = "success") -> ProbeError {
        let reason: Reason =
            switch number {
            case EACCES, EPERM: .notPermitted
            case ETIMEDOUT: .timedOut
            case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ECONNRESET, ENETDOWN, EHOSTDOWN: .unreachable
            case EINVAL, EFBIG, EISDIR: .invalid
            default: .unavailable
            }
        return ProbeError(reason, operation, expected: expected, found: SystemErrorText.of(number))
    }

    /// The same failure where it was not this process's user that was refused.
    var asDenied: ProbeError {
        var error = self
        if reason == .notPermitted { error.reason = .denied }
        return error
    }

    /// A file that could not be read.
    package init(_ error: FileError) {
        self = .system("\(error.operation) \(error.path)", errno: error.errno)
    }
}
