import Platform
import Scenarios

extension TerminalRenderer {
    /// Machines against steps; below it the causes, each with the machines that it was found on.
    public func text(of fleet: MaskedFleet) -> String {
        var canvas = Canvas(style)
        let matrix = FleetMatrix(fleet.result)
        write(matrix, to: &canvas)
        for row in matrix.rows where !row.diagnoses.isEmpty {
            canvas.line()
            canvas.paragraph(
                "\(Counted.text(row.hosts.count, "machine")): \(Counted.list(row.hosts, limit: isVerbose ? .max : 8))",
                tint: .strong)
            let run = fleet.result.hosts.first { row.hosts.contains($0.target) }?.run
            write(row.diagnoses, checks: run?.checks ?? [], to: &canvas)
        }
        for row in matrix.rows where row.diagnoses.isEmpty && !row.failures.isEmpty {
            canvas.line()
            canvas.paragraph(
                "\(Counted.list(row.hosts, limit: isVerbose ? .max : 8)): \(Counted.list(row.failures, limit: 8))")
        }
        for absence in matrix.absences { write(absence, to: &canvas) }
        write(summaryOf: fleet.result, to: &canvas)
        return canvas.text
    }

    /// The table; a row is a group of machines that fail alike.
    private func write(_ matrix: FleetMatrix, to canvas: inout Canvas) {
        guard !matrix.rows.isEmpty else { return }
        let names = matrix.rows.map { row in
            let name = row.hosts.first ?? ""
            return row.hosts.count == 1 ? name : "\(name) +\(row.hosts.count - 1)"
        }
        let nameWidth = min(40, max(8, names.map { Canvas.columns(Canvas.lines($0).joined()) }.max() ?? 0)) + 2
        let short = matrix.steps.map(Self.shortStep)
        let cellWidths = short.map { max(5, Canvas.columns($0)) + 2 }
        // As many columns as fit beside each other; the rest follows below, as a whole table again.
        let room = max(12, (style.width ?? .max) - nameWidth)
        var start = 0
        while start < matrix.steps.count {
            var end = start
            var width = 0
            while end < matrix.steps.count, end == start || width + cellWidths[end] <= room {
                width += cellWidths[end]
                end += 1
            }
            if start > 0 { canvas.line() }
            var head = Self.padded("", nameWidth)
            for column in start..<end {
                head += column == end - 1 ? short[column] : Self.padded(short[column], cellWidths[column])
            }
            canvas.line(canvas.painted(head, .dim))
            for (row, name) in zip(matrix.rows, names) {
                var line = Self.padded(Self.cut(Canvas.lines(name).joined(), to: nameWidth - 2), nameWidth)
                for column in start..<end {
                    line += cell(row.cells[column], width: column == end - 1 ? 0 : cellWidths[column], canvas)
                }
                canvas.line(line)
            }
            start = end
        }
    }

    private func cell(_ step: StepReport?, width: Int, _ canvas: Canvas) -> String {
        guard let step else { return Self.padded("", width) }
        let status = step.status
        var text = status.symbol(style)
        if status.needsAttention { text += " \(step.summary[status])" }
        let padding = String(repeating: " ", count: max(0, width - Canvas.columns(text)))
        return canvas.painted(text, status.tint) + padding
    }

    private func write(_ absence: FleetMatrix.Absence, to canvas: inout Canvas) {
        canvas.line()
        canvas.paragraph(
            lead: "NO RESULT", leadTint: .strongBad, leadWidth: 11,
            "\(absence.failure.reason.rawValue): \(Counted.list(absence.hosts, limit: isVerbose ? .max : 8))")
        canvas.paragraph(indentation: 2, lead: "seen", leadTint: .dim, leadWidth: 8, absence.failure.description)
        canvas.paragraph(indentation: 2, lead: "do", leadTint: .dim, leadWidth: 8, absence.failure.remedy, tint: .good)
    }

    private func write(summaryOf fleet: FleetResult, to canvas: inout Canvas) {
        let runs = fleet.hosts.compactMap(\.run)
        let failed = runs.count(where: \.hasFailed)
        let absent = fleet.hosts.count - runs.count
        var parts: [String] = []
        if runs.count > failed { parts.append("\(runs.count - failed) passed") }
        if failed > 0 { parts.append("\(failed) failed") }
        if absent > 0 { parts.append("\(absent) without result") }
        canvas.line()
        let isGood = failed == 0 && absent == 0
        canvas.paragraph(
            lead: failed > 0 ? "FAILED" : absent > 0 ? "INCOMPLETE" : "PASSED",
            leadTint: isGood ? .strongGood : .strongBad, leadWidth: 8,
            "\(Counted.text(fleet.hosts.count, "machine")): \(parts.joined(separator: ", ")) "
                + "in \(DurationText.short(fleet.duration))")
    }

    /// `10-dns` as a head of a narrow column.
    static func shortStep(_ name: String) -> String { cut(Canvas.lines(name).joined(), to: 16) }

    static func cut(_ text: String, to width: Int) -> String {
        guard Canvas.columns(text) > width else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if Canvas.columns(result) + 2 > width { break }
            result.unicodeScalars.append(scalar)
        }
        return result + "…"
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - Canvas.columns(text)))
    }
}
