import Platform
import Scenarios

/// Why a host gave no result.
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
        /// What came back is not a result of ours.
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

/// One host of a fleet.
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

/// The runs of several hosts.
public struct FleetResult: Sendable, Hashable {
    /// The hosts in the order in which they were named.
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

    /// Whether a host gave no result, or one that proves nothing.
    public var isIncomplete: Bool { hosts.contains { $0.failure != nil || $0.run?.isIncomplete ?? false } }
}

/// A fleet without secrets.
public struct MaskedFleet: Sendable, Hashable {
    /// The fleet, with every text that came from a host masked.
    public let result: FleetResult

    /// Masks the runs of a fleet.
    public init(_ result: FleetResult) {
        var copy = result
        copy.hosts = result.hosts.map { host in
            var copy = host
            copy.target = SecretMask.masked(host.target)
            copy.groups = host.groups.map { SecretMask.masked($0) }
            copy.partialChecks = host.partialChecks.map(MaskedRun.masked)
            switch host.outcome {
            case .success(let run): copy.outcome = .success(MaskedRun(run).result)
            case .failure(var failure):
                failure.operation = SecretMask.masked(failure.operation)
                failure.found = SecretMask.masked(failure.found)
                failure.remedy = SecretMask.masked(failure.remedy)
                copy.outcome = .failure(failure)
            }
            return copy
        }
        self.result = copy
    }

    /// The runs that there are, under the names by which the user knows the hosts: two may call themselves alike.
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

/// Hosts against steps, with hosts that fail alike in one row.
public struct FleetMatrix: Sendable {
    /// Hosts with the same failures.
    public struct Row: Sendable {
        /// Their names, in the order of the fleet.
        public var hosts: [String]
        /// One cell a step; nil where they have no checks of it.
        public var cells: [StepReport?]
        /// The causes that all of them share.
        public var diagnoses: [DiagnosisResult]
        /// Ids of the checks that fail on all of them.
        public var failures: [String]
        /// How much is wrong: the worst of the cells.
        public var status: CheckStatus
    }

    /// Hosts that gave no result for the same reason.
    public struct Absence: Sendable {
        /// Why, as it was with the first.
        public var failure: HostFailure
        /// Their names.
        public var hosts: [String]
    }

    /// The steps of any host, in order.
    public let steps: [String]
    /// Rows: those that fail first, and of those the larger groups first.
    public let rows: [Row]
    /// Hosts without a result.
    public let absences: [Absence]

    /// What makes two hosts alike.
    private struct Key: Hashable {
        var statuses: [String: CheckStatus]
        var codes: [String]
        var steps: [String]
    }

    /// Groups a fleet.
    public init(_ fleet: FleetResult) {
        var steps: [String] = []
        var known: Set<String> = []
        var order: [Key] = []
        var members: [Key: [(host: String, run: RunResult, reports: [StepReport])]] = [:]
        for host in fleet.hosts {
            guard let run = host.run else { continue }
            let reports = StepReport.grouped(run.checks)
            for report in reports where known.insert(report.name).inserted { steps.append(report.name) }
            let bad = run.checks.filter { CheckStatus($0).needsAttention }
            let key = Key(
                statuses: Dictionary(bad.map { ($0.id, CheckStatus($0)) }) { first, _ in first },
                codes: run.diagnoses.map(\.code).sorted(), steps: reports.map(\.name))
            if members[key] == nil { order.append(key) }
            members[key, default: []].append((host.target, run, reports))
        }
        steps.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let rows = order.compactMap { key -> Row? in
            guard let group = members[key], let first = group.first else { return nil }
            let reports = Dictionary(first.reports.map { ($0.name, $0) }) { one, _ in one }
            let weights: [CheckStatus] = [.failed, .error, .warning, .notPermitted, .info]
            let found = Set(key.statuses.values)
            return Row(
                hosts: group.map(\.host), cells: steps.map { reports[$0] }, diagnoses: first.run.diagnoses,
                failures: first.run.checks.filter { CheckStatus($0).isFailure }.map(\.id),
                status: weights.first(where: found.contains) ?? .passed)
        }
        self.steps = steps
        self.rows = rows.enumerated().sorted { left, right in
            let (one, other) = (left.element, right.element)
            if one.status.isFailure != other.status.isFailure { return one.status.isFailure }
            if one.hosts.count != other.hosts.count { return one.hosts.count > other.hosts.count }
            return left.offset < right.offset
        }.map(\.element)
        absences = Self.absences(fleet)
    }

    private static func absences(_ fleet: FleetResult) -> [Absence] {
        var result: [Absence] = []
        for host in fleet.hosts {
            guard let failure = host.failure else { continue }
            // Remedies name the host, so the reason alone decides.
            if let index = result.firstIndex(where: { $0.failure.reason == failure.reason }) {
                result[index].hosts.append(host.target)
            } else {
                result.append(Absence(failure: failure, hosts: [host.target]))
            }
        }
        return result
    }
}
