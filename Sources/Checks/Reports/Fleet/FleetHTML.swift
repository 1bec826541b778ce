import Platform
import Scenarios

extension HTMLRenderer {
    /// The matrix of machines and steps, then the causes of each group of machines that fail alike.
    public func text(of fleet: MaskedFleet) -> String {
        let result = fleet.result
        let matrix = FleetMatrix(result)
        let runs = result.hosts.compactMap(\.run)
        let failed = runs.count(where: \.hasFailed)
        let absent = result.hosts.count - runs.count
        var counts: [String] = []
        if runs.count > failed { counts.append("\(runs.count - failed) passed") }
        if failed > 0 { counts.append("\(failed) failed") }
        if absent > 0 { counts.append("\(absent) without result") }
        let verdict =
            failed > 0
            ? "<span class=\"verdict bad\">✗ Not in order</span>"
            : absent > 0
                ? "<span class=\"verdict warned\">Incomplete</span>"
                : "<span class=\"verdict good\">✓ In order</span>"
        let title = Counted.text(result.hosts.count, "machine")
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
