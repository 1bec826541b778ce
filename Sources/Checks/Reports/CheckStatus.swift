import Probes
import Scenarios

/// What became of a check, as a report shows it: the outcome and how much it matters in one word.
public enum CheckStatus: String, Sendable, Hashable, CaseIterable {
    /// Everything holds.
    case passed
    /// An expectation of severity error does not hold.
    case failed
    /// Nothing could be seen where something had to be.
    case error
    /// It failed with severity warning.
    case warning
    /// It failed with severity info.
    case info
    /// This user may not see it: it says nothing about the host.
    case notPermitted = "not-permitted"
    /// It was not looked at.
    case skipped

    /// The status of a result.
    public init(_ check: CheckResult) {
        switch (check.outcome, check.severity) {
        case (.passed, _): self = .passed
        case (.skipped, _): self = .skipped
        case (.error(let error), _) where error.reason == .notPermitted: self = .notPermitted
        case (_, .warning): self = .warning
        case (_, .info): self = .info
        case (.failed, .error): self = .failed
        case (.error, .error): self = .error
        }
    }

    /// Whether the run fails by it.
    public var isFailure: Bool { self == .failed || self == .error }

    /// Whether a person has to look at it.
    public var needsAttention: Bool { self != .passed && self != .skipped }

    /// The word for people.
    public var label: String {
        switch self {
        case .passed: "passed"
        case .failed: "failed"
        case .error: "error"
        case .warning: "warning"
        case .info: "remark"
        case .notPermitted: "not permitted"
        case .skipped: "skipped"
        }
    }
}

/// How many checks came out how.
public struct Summary: Sendable, Hashable {
    private var counts: [CheckStatus: Int] = [:]
    /// Whether a check of severity error asked for what this user may not see.
    private var isBlind = false

    /// Counts checks.
    public init(_ checks: some Sequence<CheckResult>) {
        for check in checks {
            let status = CheckStatus(check)
            counts[status, default: 0] += 1
            if status == .notPermitted, check.severity == .error { isBlind = true }
        }
    }

    /// The number of checks with this status.
    public subscript(_ status: CheckStatus) -> Int { counts[status] ?? 0 }

    /// All checks.
    public var total: Int { counts.values.reduce(0, +) }

    /// Whether a check failed by which the run fails.
    public var hasFailed: Bool { self[.failed] + self[.error] > 0 }

    /// Whether no check failed, but one of severity error could not be looked at by this user.
    public var isIncomplete: Bool { isBlind && !hasFailed }

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

    /// The worst that happened, which stands for the step. A step of which most was skipped for failures elsewhere has
    /// not passed: it is skipped.
    public var status: CheckStatus {
        let byWeight: [CheckStatus] = [.failed, .error, .warning, .notPermitted, .info]
        if let worst = byWeight.first(where: { summary[$0] > 0 }) { return worst }
        return summary[.passed] > checks.count(where: \.isWithheld) ? .passed : .skipped
    }
}

/// What a report says of one check in words, the same in every format.
enum CheckDetail {
    /// Why it did not pass, in one line; empty when it did.
    static func reason(_ check: CheckResult) -> String {
        switch check.outcome {
        case .passed: return ""
        case .failed:
            guard let first = check.expectations.first(where: { !$0.holds }) else { return "an expectation fails" }
            let others = check.expectations.count { !$0.holds } - 1
            let text = "\(first.attribute): expected \(first.expected), found \(first.found)"
            return others > 0 ? "\(text) (and \(Counted.text(others, "more expectation")))" : text
        case .error(let error): return error.description
        case .skipped(let reason): return skip(reason)
        }
    }

    /// Why it was not looked at.
    static func skip(_ reason: SkipReason) -> String {
        switch reason {
        case .needs(let ids): "needs \(Counted.list(ids, limit: 3))"
        case .condition(let text): "only when \(text)"
        case .stopped: "the run was stopped at the first failure"
        case .missingCapture(let name, let source): "no value for '\(name)' from \(source)"
        }
    }

    /// The expectations that do not hold and the evidence, as plain lines.
    static func lines(_ check: CheckResult) -> [String] {
        var lines: [String] = []
        switch check.outcome {
        case .passed, .skipped: break
        case .failed:
            for expectation in check.expectations where !expectation.holds {
                lines.append("\(expectation.attribute): expected \(expectation.expected)")
                lines.append("\(expectation.attribute): found    \(expectation.found)")
            }
        case .error(let error):
            lines.append("cannot \(error.operation)")
            lines.append("expected \(error.expected)")
            lines.append("found    \(error.found)")
        }
        return lines + evidence(check)
    }

    /// The evidence without what the error itself says already.
    static func evidence(_ check: CheckResult) -> [String] {
        guard case .error(let error) = check.outcome else { return check.evidence }
        return check.evidence.filter { $0 != error.description }
    }
}

/// Numbers with their nouns.
enum Counted {
    /// `1 check`, `2 checks`.
    static func text(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// The first few of some words, and how many more there are.
    static func list(_ words: [String], limit: Int) -> String {
        let shown = words.prefix(limit).joined(separator: ", ")
        return words.count > limit ? "\(shown) and \(words.count - limit) more" : shown
    }
}
