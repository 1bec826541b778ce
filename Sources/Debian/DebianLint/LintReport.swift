import Documents
import Platform

/// Findings for people and for programs.
public struct LintReport: Sendable {
    /// What was looked at, such as a file's path.
    public var subject: String
    /// What was found.
    public var findings: [LintFinding]

    /// Creates a report.
    public init(subject: String, findings: [LintFinding]) {
        self.subject = subject
        self.findings = findings
    }

    /// Whether there is an error among the findings.
    public var hasErrors: Bool { findings.contains { $0.severity == .error } }

    /// One finding after the other, then how many there were.
    ///
    /// - Parameter color: whether ANSI colours are used (ECMA-48).
    public func text(color: Bool = false) -> String {
        var text = ""
        for finding in findings {
            let label = "\(finding.severity.rawValue)[\(finding.code)]"
            text += paint(label, finding.severity, color) + ": \(finding.subject): \(finding.message)\n"
            text += "   = help: \(finding.remedy)\n   = see: \(finding.reference)\n"
        }
        let counts = LintSeverity.allCases.compactMap { severity -> String? in
            let count = findings.lazy.filter { $0.severity == severity }.reduce(0) { $0 + $1.count }
            guard count > 0 else { return nil }
            switch severity {
            case .error: return "\(count) error\(count == 1 ? "" : "s")"
            case .warning: return "\(count) warning\(count == 1 ? "" : "s")"
            case .info: return "\(count) remark\(count == 1 ? "" : "s")"
            }
        }
        return text + "\(DisplayText.inline(subject)): "
            + (counts.isEmpty ? "no findings" : counts.joined(separator: ", "))
            + "\n"
    }

    /// For programs.
    public var json: JSONValue {
        .object([
            ("subject", .string(subject)),
            (
                "findings",
                .array(
                    findings.map { finding in
                        .object([
                            ("code", .string(finding.code)), ("severity", .string(finding.severity.rawValue)),
                            ("subject", .string(finding.subject)), ("message", .string(finding.message)),
                            ("remedy", .string(finding.remedy)), ("reference", .string(finding.reference)),
                            ("count", .int(finding.count)),
                        ])
                    })
            ),
        ])
    }

    private func paint(_ text: String, _ severity: LintSeverity, _ color: Bool) -> String {
        guard color else { return text }
        let code =
            switch severity {
            case .error: "1;31"
            case .warning: "1;33"
            case .info: "1;36"
            }
        return "\u{1b}[\(code)m\(text)\u{1b}[0m"
    }
}
