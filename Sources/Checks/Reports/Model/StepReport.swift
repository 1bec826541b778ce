import Scenarios

/// One step of the guide with its checks.
public struct StepReport: Sendable, Hashable {
    /// The scenario's name.
    public let name: String
    /// Its checks in their order.
    public let checks: [CheckResult]
    /// How they came out.
    public let summary: Summary

    /// Groups checks by step, in the order in which the steps come first.
    public static func grouped(_ checks: [CheckResult]) -> [StepReport] {
        var order: [String] = []
        var members: [String: [CheckResult]] = [:]
        for check in checks {
            if members[check.step] == nil { order.append(check.step) }
            members[check.step, default: []].append(check)
        }
        return order.map { name in
            let checks = members[name] ?? []
            return StepReport(name: name, checks: checks, summary: Summary(checks))
        }
    }

    /// The worst that happened, which stands for the step.
    public var status: CheckStatus {
        let byWeight: [CheckStatus] = [.failed, .error, .warning, .notPermitted, .info, .passed]
        return byWeight.first { summary[$0] > 0 } ?? .skipped
    }
}
