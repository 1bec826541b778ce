import HostProbes
import Scenarios

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
