import HostProbes
import Platform
import Scenarios

/// Pieces of pages.
enum HTMLParts {
    static func header(title: String, verdict: String, meta: String) -> String {
        """
        <header><h1>\(Markup.escaped(title))</h1>\(verdict)
        <p class="meta">\(Markup.escaped(meta))</p></header>

        """
    }

    static func verdict(_ run: RunResult) -> String {
        let summary = Summary(run.checks)
        let counts = summary.parts.map(\.text).joined(separator: ", ")
        if run.hasFailed { return "<span class=\"verdict bad\">✗ Not in order</span><span>\(counts)</span>" }
        if summary.total == 0 { return "<span class=\"verdict warned\">Nothing checked</span>" }
        return "<span class=\"verdict good\">✓ In order</span><span>\(counts)</span>"
    }

    /// The causes with what to do, before any list of checks.
    static func causes(_ run: RunResult) -> String {
        guard !run.diagnoses.isEmpty else { return "" }
        var text = "<h2>\(run.diagnoses.count == 1 ? "The cause" : "The causes")</h2>\n"
        for diagnosis in run.diagnoses { text += cause(diagnosis, checks: run.checks) }
        return text
    }

    static func cause(_ diagnosis: DiagnosisResult, checks: [CheckResult]) -> String {
        var text = """
            <section class="card cause \(diagnosis.severity.rawValue)"><h3><span class="code">\
            \(Markup.escaped(diagnosis.code))</span>\(Markup.escaped(diagnosis.cause))</h3>
            <dl>

            """
        if !diagnosis.evidence.isEmpty { text += "<dt>Seen</dt><dd>\(preformatted(diagnosis.evidence))</dd>\n" }
        if !diagnosis.remedy.isEmpty { text += "<dt>Do</dt><dd>\(preformatted(diagnosis.remedy))</dd>\n" }
        if !diagnosis.documentation.isEmpty {
            text += "<dt>Read</dt><dd>\(link(diagnosis.documentation))</dd>\n"
        }
        text += "<dt>Checks</dt><dd>\(Markup.escaped(TerminalRenderer.consequences(diagnosis, checks: checks)))</dd>\n"
        return text + "</dl></section>\n"
    }

    /// A link where the text is an address of the web, the text where it is a path.
    private static func link(_ text: String) -> String {
        let isAddress = ["https://", "http://"].contains { text.utf8.starts(with: $0.utf8) }
        let shown = Markup.escaped(text)
        return isAddress ? "<a href=\"\(Markup.attribute(text))\">\(shown)</a>" : "<code>\(shown)</code>"
    }

    static func preformatted(_ lines: [String]) -> String {
        "<pre>\(Markup.escaped(lines.joined(separator: "\n")))</pre>"
    }

    /// All checks by step behind their filters.
    static func checks(_ run: RunResult) -> String {
        let summary = Summary(run.checks)
        let attention = CheckStatus.allCases.filter(\.needsAttention).reduce(0) { $0 + summary[$1] }
        let choices: [(id: String, label: String, count: Int)] = [
            ("all", "All", summary.total), ("attention", "Needs attention", attention),
            ("failed", "Failed", summary[.failed] + summary[.error]), ("skipped", "Skipped", summary[.skipped]),
            ("passed", "Passed", summary[.passed]),
        ]
        var text = "<section>\n"
        for choice in choices {
            text += "<input class=\"choice\" type=\"radio\" name=\"show\" id=\"show-\(choice.id)\""
            text += choice.id == "all" ? " checked>\n" : ">\n"
        }
        text += "<div class=\"filters\"><h2>Checks</h2>"
        for choice in choices {
            text += "<label for=\"show-\(choice.id)\">\(choice.label) \(choice.count)</label>"
        }
        text += "</div>\n<div class=\"checks\">\n"
        for step in StepReport.grouped(run.checks) { text += self.step(step) }
        return text + "</div>\n</section>\n"
    }

    private static func step(_ step: StepReport) -> String {
        let status = step.status
        var text = "<details class=\"card step\"\(status.needsAttention ? " open" : "")><summary class=\"is-"
        text += "\(status.rawValue)\"><span class=\"mark\">\(mark(status))</span><h3>\(Markup.escaped(step.name))</h3>"
        text += "<span class=\"counts\">\(step.summary.parts.map(\.text).joined(separator: ", "))</span></summary>\n"
        for check in step.checks { text += self.check(check) }
        return text + "</details>\n"
    }

    private static func check(_ check: CheckResult) -> String {
        let status = CheckStatus(check)
        var text = "<div class=\"check is-\(status.rawValue)\"><span class=\"mark\" title=\"\(status.label)\">"
        text += "\(mark(status))</span><div><div class=\"title\">\(Markup.escaped(check.title))</div>"
        text += "<div class=\"id\">\(Markup.escaped(check.id))"
        if status != .passed, status != .failed { text += " <span class=\"badge\">\(status.label)</span>" }
        if let code = check.diagnosis { text += " <span class=\"badge\">\(Markup.escaped(code))</span>" }
        text += "</div></div><div class=\"time\">"
        text += check.attempts > 1 ? "\(check.attempts) attempts, " : ""
        text += status == .skipped ? "</div>" : "\(DurationText.short(check.duration))</div>"
        if let more = detail(check, status) { text += "<div class=\"more\">\(more)</div>" }
        return text + "</div>\n"
    }

    private static func detail(_ check: CheckResult, _ status: CheckStatus) -> String? {
        switch check.outcome {
        case .passed: return nil
        case .skipped: return "<span class=\"id\">\(Markup.escaped(CheckDetail.reason(check)))</span>"
        case .failed, .error: break
        }
        var rows: [(String, String, String)] = check.expectations.filter { !$0.holds }.map {
            ($0.attribute, $0.expected, $0.found)
        }
        if case .error(let error) = check.outcome {
            rows = [("cannot \(error.operation)", error.expected, error.found)]
        }
        var text = "<table><tr><th></th><th>expected</th><th>found</th></tr>"
        for row in rows {
            text += "<tr><th>\(Markup.escaped(row.0))</th><td>\(Markup.escaped(row.1))</td>"
            text += "<td>\(Markup.escaped(row.2))</td></tr>"
        }
        text += "</table>"
        let evidence = CheckDetail.evidence(check)
        if !evidence.isEmpty { text += preformatted(evidence) }
        return text + "<div class=\"id\">\(Markup.escaped("\(check.subject), \(check.place)"))</div>"
    }

    static func mark(_ status: CheckStatus) -> String {
        status.symbol(Canvas.Style(usesColor: false, usesSymbols: true, width: nil))
    }
}
