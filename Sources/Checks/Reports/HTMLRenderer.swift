import Platform
import Probes
import Scenarios

/// A page that stands by itself: one file, no scripts, nothing loaded from anywhere.
public struct HTMLRenderer: Renderer {
    let route: Route
    let refreshSeconds: Int?

    /// Creates a renderer.
    ///
    /// - Parameters:
    ///   - route: what is drawn above the causes.
    ///   - refreshSeconds: after how many seconds a browser asks for the page again; nil for never.
    public init(route: Route, refreshSeconds: Int? = nil) {
        self.route = route
        self.refreshSeconds = refreshSeconds
    }

    /// The document of one run.
    public func text(of run: MaskedRun) -> String {
        let result = run.result
        let title =
            "\(result.host): \(result.hasFailed ? "not in order" : result.isIncomplete ? "incomplete" : "in order")"
        var body = HTMLParts.header(
            title: result.host, verdict: HTMLParts.verdict(result),
            meta: "profile \(result.profile), \(RFC3339.readableText(result.startedAt)), "
                + "took \(DurationText.short(result.duration))")
        body += "<section class=\"card map\">\n\(RouteDrawing.svg(RouteReport(route, result.checks)))</section>\n"
        body += HTMLParts.causes(result)
        body += HTMLParts.checks(result)
        return page(title: title, body: body)
    }

    /// The frame of a page. The policy forbids what the page does not need, should a text ever get past the escaping.
    func page(title: String, body: String) -> String {
        let refresh = refreshSeconds.map { "<meta http-equiv=\"refresh\" content=\"\($0)\">\n" } ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            base-uri 'none'; form-action 'none'">
            \(refresh)<title>\(Markup.escaped(title))</title>
            <style>
            \(PageStyle.css)</style>
            </head>
            <body>
            <div class="page">
            \(body)<footer>Written by meshcheck.</footer>
            </div>
            </body>
            </html>

            """
    }
}

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
        if summary.isIncomplete {
            return "<span class=\"verdict warned\">Incomplete</span><span>\(counts)</span>"
        }
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
        status.symbol(TerminalText.Features(usesColor: false, usesSymbols: true, width: nil))
    }
}

extension HTMLRenderer {
    /// The matrix of hosts and steps, then the causes of each group of hosts that fail alike.
    public func text(of fleet: MaskedFleet) -> String {
        let result = fleet.result
        let matrix = FleetMatrix(result)
        let runs = result.hosts.compactMap(\.run)
        let failed = runs.count(where: \.hasFailed)
        let absent = result.hosts.count - runs.count
        var counts: [String] = []
        let incomplete = runs.count(where: \.isIncomplete)
        if runs.count > failed + incomplete { counts.append("\(runs.count - failed - incomplete) passed") }
        if failed > 0 { counts.append("\(failed) failed") }
        if incomplete > 0 { counts.append("\(incomplete) incomplete") }
        if absent > 0 { counts.append("\(absent) without result") }
        let verdict =
            failed > 0
            ? "<span class=\"verdict bad\">✗ Not in order</span>"
            : result.isIncomplete
                ? "<span class=\"verdict warned\">Incomplete</span>"
                : "<span class=\"verdict good\">✓ In order</span>"
        let title = Counted.text(result.hosts.count, "host")
        var body = HTMLParts.header(
            title: title, verdict: verdict + "<span>\(counts.joined(separator: ", "))</span>",
            meta: "\(RFC3339.readableText(result.startedAt)), took \(DurationText.short(result.duration))")
        if !matrix.rows.isEmpty { body += table(matrix) }
        body += absences(matrix.absences)
        for row in matrix.rows where row.status != .passed { body += group(row, in: result) }
        return page(title: "\(title): \(counts.joined(separator: ", "))", body: body)
    }

    private func table(_ matrix: FleetMatrix) -> String {
        var text = "<section class=\"card scroll\"><table class=\"matrix\"><thead><tr><th></th>"
        for step in matrix.steps { text += "<th scope=\"col\">\(Markup.escaped(step))</th>" }
        text += "</tr></thead>\n<tbody>\n"
        for row in matrix.rows {
            text += "<tr><th scope=\"row\">\(hosts(row.hosts, limit: 6))</th>"
            for cell in row.cells { text += self.cell(cell) }
            text += "</tr>\n"
        }
        return text + "</tbody></table></section>\n"
    }

    private func cell(_ step: StepReport?) -> String {
        guard let step else { return "<td class=\"none\"></td>" }
        let status = step.status
        let kind: String
        switch status {
        case .passed: kind = "good"
        case .failed, .error: kind = "bad"
        case .warning, .notPermitted: kind = "warned"
        case .info, .skipped: kind = "none"
        }
        let title = Markup.attribute(step.summary.parts.map(\.text).joined(separator: ", "))
        let number = status.needsAttention ? " \(step.summary[status])" : ""
        return "<td class=\"\(kind)\" title=\"\(title)\">\(HTMLParts.mark(status))\(number)</td>"
    }

    private func absences(_ absences: [FleetMatrix.Absence]) -> String {
        if absences.isEmpty { return "" }
        var text = "<h2>Without result</h2>\n"
        for absence in absences {
            text += "<section class=\"card cause\"><h3><span class=\"code\">\(absence.failure.reason.rawValue)</span>"
            text += "\(hosts(absence.hosts, limit: 20))</h3>\n<dl><dt>Seen</dt><dd>"
            text += HTMLParts.preformatted([absence.failure.description])
            text += "</dd>\n<dt>Do</dt><dd>\(HTMLParts.preformatted([absence.failure.remedy]))</dd></dl></section>\n"
        }
        return text
    }

    private func group(_ row: FleetMatrix.Row, in fleet: FleetResult) -> String {
        var text = "<h2>\(hosts(row.hosts, limit: 20))</h2>\n"
        let checks = fleet.hosts.first { row.hosts.contains($0.target) }?.run?.checks ?? []
        for diagnosis in row.diagnoses { text += HTMLParts.cause(diagnosis, checks: checks) }
        let explained = Set(row.diagnoses.flatMap(\.checks))
        let others = checks.filter { CheckStatus($0).needsAttention && !explained.contains($0.id) }
        if !others.isEmpty {
            let lines = others.map { "\($0.id) (\(CheckStatus($0).label)): \(CheckDetail.reason($0))" }
            text += "<section class=\"card cause \(row.diagnoses.isEmpty ? "" : "info")\">"
            text += "<h3>\(row.diagnoses.isEmpty ? "Checks" : "Other checks")</h3>\n"
            text += HTMLParts.preformatted(lines) + "</section>\n"
        }
        return text
    }

    private func hosts(_ names: [String], limit: Int) -> String { Markup.escaped(Counted.list(names, limit: limit)) }
}
