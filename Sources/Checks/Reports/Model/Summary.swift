import Scenarios

/// How many checks came out how.
public struct Summary: Sendable, Hashable {
    private var counts: [CheckStatus: Int] = [:]

    /// Counts checks.
    public init(_ checks: some Sequence<CheckResult>) {
        for check in checks { counts[CheckStatus(check), default: 0] += 1 }
    }

    /// The number of checks with this status.
    public subscript(_ status: CheckStatus) -> Int { counts[status] ?? 0 }

    /// All checks.
    public var total: Int { counts.values.reduce(0, +) }

    /// Whether a check failed by which the run fails.
    public var hasFailed: Bool { self[.failed] + self[.error] > 0 }

    /// The statuses that occur with their numbers, the good news first: `5 passed, 1 failed`.
    var parts: [(status: CheckStatus, text: String)] {
        CheckStatus.allCases.compactMap { status in
            let count = self[status]
            guard count > 0 else { return nil }
            switch status {
            case .error, .warning, .info: return (status, Counted.text(count, status.label))
            default: return (status, "\(count) \(status.label)")
            }
        }
    }
}
