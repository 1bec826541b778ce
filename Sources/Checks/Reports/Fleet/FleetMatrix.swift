import Scenarios

/// Machines against steps, with machines that fail alike in one row.
public struct FleetMatrix: Sendable {
    /// Machines with the same failures.
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

    /// Machines that gave no result for the same reason.
    public struct Absence: Sendable {
        /// Why, as it was with the first.
        public var failure: HostFailure
        /// Their names.
        public var hosts: [String]
    }

    /// The steps of any machine, in order.
    public let steps: [String]
    /// Rows: those that fail first, and of those the larger groups first.
    public let rows: [Row]
    /// Machines without a result.
    public let absences: [Absence]

    /// What makes two machines alike.
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
            // Remedies name the machine, so the reason alone decides.
            if let index = result.firstIndex(where: { $0.failure.reason == failure.reason }) {
                result[index].hosts.append(host.target)
            } else {
                result.append(Absence(failure: failure, hosts: [host.target]))
            }
        }
        return result
    }
}
