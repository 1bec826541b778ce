import Documents
import Platform
import Scenarios

/// Test Anything Protocol, version 14 (testanything.org/tap-version-14-specification.html).
///
/// A warning is a TODO: it is shown as not ok and does not fail the harness. What may not be seen is a SKIP.
/// Several hosts are subtests.
public struct TAPRenderer: Renderer {
    /// Creates a renderer.
    public init() {}

    /// The document of one run.
    public func text(of run: MaskedRun) -> String {
        "TAP version 14\n" + body(run.result).map { $0 + "\n" }.joined()
    }

    /// The document of several hosts.
    public func text(of fleet: MaskedFleet) -> String {
        var text = "TAP version 14\n1..\(fleet.result.hosts.count)\n"
        for (index, host) in fleet.result.hosts.enumerated() {
            let name = Self.safe(host.target)
            switch host.outcome {
            case .success(let run):
                text += "# Subtest: \(name)\n"
                for line in body(run) { text += "    \(line)\n" }
                text += "\(run.hasFailed ? "not ok" : "ok") \(index + 1) - \(name)\n"
            case .failure(let failure):
                text += "not ok \(index + 1) - \(name)\n"
                let members: [(String, String)] = [
                    ("message", failure.description), ("type", failure.reason.rawValue), ("remedy", failure.remedy),
                ]
                text += "  ---\n"
                for (key, value) in members { text += "  \(key): \(JSONValue.string(value).compact)\n" }
                text += "  ...\n"
            }
        }
        return text
    }

    /// The plan, the tests and the causes.
    private func body(_ run: RunResult) -> [String] {
        if run.checks.isEmpty { return ["1..0 # SKIP no checks"] }
        var lines = ["1..\(run.checks.count)"]
        for (index, check) in run.checks.enumerated() { lines += test(check, number: index + 1) }
        for diagnosis in run.diagnoses {
            lines.append("# \(Self.comment("\(diagnosis.code) \(diagnosis.severity.rawValue): \(diagnosis.cause)"))")
            lines += diagnosis.evidence.map { "#   seen: \(Self.comment($0))" }
            lines += diagnosis.remedy.map { "#   do: \(Self.comment($0))" }
        }
        return lines
    }

    private func test(_ check: CheckResult, number: Int) -> [String] {
        let status = CheckStatus(check)
        let point = "\(number) - \(Self.safe("\(check.id): \(check.title)"))"
        switch status {
        case .passed: return ["ok \(point)"]
        case .skipped: return ["ok \(point) # SKIP \(Self.safe(CheckDetail.reason(check)))"]
        case .notPermitted:
            return ["ok \(point) # SKIP \(status.label): \(Self.safe(CheckDetail.reason(check)))"] + details(check)
        case .warning, .info:
            return ["not ok \(point) # TODO \(status.label)"] + details(check)
        case .failed, .error: return ["not ok \(point)"] + details(check)
        }
    }

    /// The YAML block: JSON's strings are YAML's double-quoted ones.
    private func details(_ check: CheckResult) -> [String] {
        func quoted(_ text: String) -> String { JSONValue.string(text).compact }
        var lines = ["  ---"]
        lines.append("  message: \(quoted(CheckDetail.reason(check)))")
        lines.append("  severity: \(check.severity.rawValue)")
        lines.append("  subject: \(quoted(check.subject))")
        lines.append("  at: \(quoted(check.place))")
        if let code = check.diagnosis { lines.append("  diagnosis: \(quoted(code))") }
        lines.append("  duration_ms: \(DurationText.milliseconds(check.duration))")
        let failing = check.expectations.filter { !$0.holds }
        if !failing.isEmpty {
            lines.append("  expectations:")
            for expectation in failing {
                lines.append("    - attribute: \(quoted(expectation.attribute))")
                lines.append("      expected: \(quoted(expectation.expected))")
                lines.append("      found: \(quoted(expectation.found))")
            }
        }
        let evidence = CheckDetail.evidence(check)
        if !evidence.isEmpty {
            // One text and no list: Perl's reader takes a list of texts for mappings as soon as one has a colon.
            lines.append("  evidence: \(quoted(evidence.joined(separator: "\n")))")
        }
        lines.append("  ...")
        return lines
    }

    /// A description or reason: `#` begins a directive and `\` an escape.
    private static func safe(_ text: String) -> String {
        var result = ""
        for scalar in comment(text).unicodeScalars {
            if scalar == "#" || scalar == "\\" { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    /// One line that drives nothing.
    private static func comment(_ text: String) -> String { DisplayText.visible(text, keepsNewlines: false) }
}
