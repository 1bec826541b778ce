import Platform
import Scenarios

/// Why a machine gave no result.
public struct HostFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// No name, no route, refused.
        case unreachable
        /// Its host key is not the one that is known.
        case hostKeyChanged = "host-key-changed"
        /// Its host key is not known at all.
        case hostKeyUnknown = "host-key-unknown"
        /// No key of ours is accepted, and nobody is asked for a password.
        case authentication
        /// No answer within the time limit.
        case timedOut = "timed-out"
        /// It went away in the middle.
        case disconnected
        /// What we need there cannot be put or run there: no space, no write permission, another processor.
        case unsuitable
        /// Rights on it are missing, such as for sudo without a password.
        case notPermitted = "not-permitted"
        /// Our program there refused what it was given, as it would here.
        case refused
        /// What came back is no result of ours.
        case malformed
    }

    /// The kind of failure.
    public var reason: Reason
    /// What was tried: `connect to demo-vm-1`.
    public var operation: String
    /// What came instead.
    public var found: String
    /// What to do, a command where there is one.
    public var remedy: String

    /// Creates a failure.
    public init(_ reason: Reason, _ operation: String, found: String, remedy: String) {
        self.reason = reason
        self.operation = operation
        self.found = found
        self.remedy = remedy
    }

    /// The sentence for people.
    public var description: String { "cannot \(operation): \(found)" }
}

/// One machine of a fleet.
public struct HostResult: Sendable, Hashable {
    /// The name by which the user knows it.
    public var target: String
    /// Groups of the inventory that it is in.
    public var groups: [String]
    /// Its run, or why there is none.
    public var outcome: Result<RunResult, HostFailure>
    /// Checks that were through before it went away; empty where there is a run.
    public var partialChecks: [CheckResult]

    /// Creates a result.
    public init(
        target: String, groups: [String] = [], outcome: Result<RunResult, HostFailure>,
        partialChecks: [CheckResult] = []
    ) {
        self.target = target
        self.groups = groups
        self.outcome = outcome
        self.partialChecks = partialChecks
    }

    /// The run, if there is one.
    public var run: RunResult? { try? outcome.get() }

    /// Why there is no run.
    public var failure: HostFailure? {
        if case .failure(let failure) = outcome { failure } else { nil }
    }
}

/// The runs of several machines.
public struct FleetResult: Sendable, Hashable {
    /// The machines in the order in which they were named.
    public var hosts: [HostResult]
    /// Nanoseconds since 1970.
    public var startedAt: Int64
    /// How long all of it took.
    public var duration: Duration

    /// Creates a result.
    public init(hosts: [HostResult], startedAt: Int64, duration: Duration) {
        self.hosts = hosts
        self.startedAt = startedAt
        self.duration = duration
    }

    /// Whether a check of severity error failed somewhere.
    public var hasFailed: Bool { hosts.contains { $0.run?.hasFailed ?? false } }

    /// Whether a machine gave no result.
    public var hasUnreachable: Bool { hosts.contains { $0.failure != nil } }
}

/// A fleet without secrets.
public struct MaskedFleet: Sendable, Hashable {
    /// The fleet, with every text that came from a machine masked.
    public let result: FleetResult

    /// Masks the runs of a fleet.
    public init(_ result: FleetResult) {
        var copy = result
        copy.hosts = result.hosts.map { host in
            var copy = host
            copy.partialChecks = host.partialChecks.map(MaskedRun.masked)
            switch host.outcome {
            case .success(let run): copy.outcome = .success(MaskedRun(run).result)
            case .failure(var failure):
                failure.found = SecretMask.masked(failure.found)
                copy.outcome = .failure(failure)
            }
            return copy
        }
        self.result = copy
    }

    /// The runs that there are, under the names by which the user knows the machines: two may call themselves alike.
    var runs: [MaskedRun] {
        result.hosts.compactMap { host in
            host.run.map { run in
                var run = run
                run.host = host.target
                return MaskedRun(run)
            }
        }
    }
}
