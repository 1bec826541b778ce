import Platform
import Probes
import Scenarios

/// The report for people: steps first, causes with their remedies last, so that they stand above the prompt.
public struct TerminalRenderer: Renderer {
    let style: TerminalText.Features
    let isVerbose: Bool

    /// Creates a renderer.
    ///
    /// - Parameters:
    ///   - usesColor: whether to colour; the caller knows about terminals and NO_COLOR (no-color.org).
    ///   - usesSymbols: whether the terminal shows more than ASCII.
    ///   - width: columns to keep within; nil breaks no line.
    ///   - isVerbose: whether checks that passed or were skipped are named as well.
    public init(usesColor: Bool = false, usesSymbols: Bool = false, width: Int? = nil, isVerbose: Bool = false) {
        style = TerminalText.Features(usesColor: usesColor, usesSymbols: usesSymbols, width: width.map { max(40, $0) })
        self.isVerbose = isVerbose
    }

    /// The document of one run.
    public func text(of run: MaskedRun) -> String {
        var output = TerminalText(style)
        for step in StepReport.grouped(run.result.checks) { write(step, to: &output) }
        var causes = TerminalText(style)
        write(run.result.diagnoses, checks: run.result.checks, to: &causes)
        var summary = TerminalText(style)
        write(summaryOf: run.result, to: &summary)
        output.append(causes)
        if causes.lineCount + summary.lineCount > Self.screenLines {
            let roots = run.result.diagnoses.map { RootCause($0, hosts: []) }
            output.append(closing(roots, lines: Self.screenLines - summary.lineCount))
        }
        output.append(summary)
        return output.text
    }

    /// The columns of symbols.
    private var symbolWidth: Int { style.usesSymbols ? 2 : 5 }

    private func write(_ step: StepReport, to output: inout TerminalText) {
        let parts = step.summary.parts.map(\.text).joined(separator: ", ")
        let status = step.status
        output.paragraph(
            lead: status.symbol(style), leadColor: status.color, leadWidth: symbolWidth, "\(step.name)  \(parts)",
            color: status.isFailure ? .strong : nil)
        for check in step.checks {
            let status = CheckStatus(check)
            if status.needsAttention || (isVerbose && status == .passed) { write(check, status, to: &output) }
        }
        writeSkipped(step.checks, to: &output)
    }

    private func write(_ check: CheckResult, _ status: CheckStatus, to output: inout TerminalText) {
        var head = "\(check.id)  \(check.title)"
        if check.attempts > 1 { head += "  (\(check.attempts) attempts in \(DurationText.short(check.duration)))" }
        output.paragraph(
            indentation: symbolWidth, lead: status.symbol(style), leadColor: status.color, leadWidth: symbolWidth, head)
        guard status.needsAttention else { return }
        let indentation = 2 * symbolWidth
        output.paragraph(indentation: indentation, "\(check.subject)  (\(check.place))", color: .dim)
        switch check.outcome {
        case .failed:
            for expectation in check.expectations where !expectation.holds {
                output.paragraph(indentation: indentation, expectation.attribute)
                output.paragraph(indentation: indentation + 2, lead: "expected", leadWidth: 10, expectation.expected)
                output.paragraph(
                    indentation: indentation + 2, lead: "found", leadWidth: 10, expectation.found, color: status.color)
            }
        case .error(let error):
            output.paragraph(indentation: indentation, "cannot \(error.operation)")
            output.paragraph(indentation: indentation + 2, lead: "expected", leadWidth: 10, error.expected)
            output.paragraph(
                indentation: indentation + 2, lead: "found", leadWidth: 10, error.found, color: status.color)
        case .passed, .skipped: break
        }
        for line in CheckDetail.evidence(check) {
            output.paragraph(indentation: indentation, lead: "|", leadColor: .dim, leadWidth: 2, line)
        }
    }

    /// Skipped checks by their reason: one line per reason, not one per check.
    private func writeSkipped(_ checks: [CheckResult], to output: inout TerminalText) {
        var reasons: [SkipReason] = []
        var ids: [SkipReason: [String]] = [:]
        for check in checks {
            guard case .skipped(let reason) = check.outcome else { continue }
            if ids[reason] == nil { reasons.append(reason) }
            ids[reason, default: []].append(check.id)
        }
        for reason in reasons {
            if case .condition = reason, !isVerbose { continue }
            let skipped = ids[reason] ?? []
            output.paragraph(
                indentation: symbolWidth, lead: CheckStatus.skipped.symbol(style), leadColor: .dim,
                leadWidth: symbolWidth,
                "\(skipped.count) skipped, \(CheckDetail.skip(reason)): \(Counted.list(skipped, limit: isVerbose ? .max : 5))",
                color: .dim)
        }
    }

    private func write(summaryOf result: RunResult, to output: inout TerminalText) {
        let summary = Summary(result.checks)
        output.line()
        let verdict =
            result.hasFailed
            ? "FAILED" : summary.isIncomplete ? "INCOMPLETE" : summary.total == 0 ? "NOTHING CHECKED" : "PASSED"
        let isGood = !summary.isIncomplete && summary.total > 0
        var text = "\(result.host) (\(result.profile)): "
        text += summary.parts.isEmpty ? "no checks" : summary.parts.map(\.text).joined(separator: ", ")
        if !result.diagnoses.isEmpty { text += "; \(Counted.text(result.diagnoses.count, "cause"))" }
        output.paragraph(
            lead: verdict, leadColor: result.hasFailed ? .strongBad : isGood ? .strongGood : .warned,
            leadWidth: 8, "\(text) in \(DurationText.short(result.duration))")
    }
}

extension TerminalRenderer {
    /// Hosts against steps; below it the causes, each with the hosts that it was found on.
    public func text(of fleet: MaskedFleet) -> String {
        var output = TerminalText(style)
        let matrix = FleetMatrix(fleet.result)
        write(matrix, to: &output)
        let beforeCauses = output.lineCount
        for row in matrix.rows where !row.diagnoses.isEmpty {
            output.line()
            output.paragraph(
                "\(Counted.text(row.hosts.count, "host")): \(Counted.list(row.hosts, limit: isVerbose ? .max : 8))",
                color: .strong)
            let run = fleet.result.hosts.first { row.hosts.contains($0.target) }?.run
            write(row.diagnoses, checks: run?.checks ?? [], to: &output)
        }
        for row in matrix.rows where row.diagnoses.isEmpty && !row.failures.isEmpty {
            output.line()
            output.paragraph(
                "\(Counted.list(row.hosts, limit: isVerbose ? .max : 8)): \(Counted.list(row.failures, limit: 8))")
        }
        for absence in matrix.absences { write(absence, to: &output) }
        var summary = TerminalText(style)
        write(summaryOf: fleet.result, to: &summary)
        if output.lineCount - beforeCauses + summary.lineCount > Self.screenLines {
            output.append(closing(RootCause.all(of: matrix), lines: Self.screenLines - summary.lineCount))
        }
        output.append(summary)
        return output.text
    }

    /// The table; a row is a group of hosts that fail alike.
    private func write(_ matrix: FleetMatrix, to output: inout TerminalText) {
        guard !matrix.rows.isEmpty else { return }
        let names = matrix.rows.map { row in
            let name = row.hosts.first ?? ""
            return row.hosts.count == 1 ? name : "\(name) +\(row.hosts.count - 1)"
        }
        let nameWidth =
            min(40, max(8, names.map { TerminalText.columns(TerminalText.lines($0).joined()) }.max() ?? 0)) + 2
        let short = matrix.steps.map(Self.shortStep)
        let cellWidths = short.map { max(5, TerminalText.columns($0)) + 2 }
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
            if start > 0 { output.line() }
            var head = Self.padded("", nameWidth)
            for column in start..<end {
                head += column == end - 1 ? short[column] : Self.padded(short[column], cellWidths[column])
            }
            output.line(output.painted(head, .dim))
            for (row, name) in zip(matrix.rows, names) {
                var line = Self.padded(Self.cut(TerminalText.lines(name).joined(), to: nameWidth - 2), nameWidth)
                for column in start..<end {
                    line += cell(row.cells[column], width: column == end - 1 ? 0 : cellWidths[column], output)
                }
                output.line(line)
            }
            start = end
        }
    }

    private func cell(_ step: StepReport?, width: Int, _ output: TerminalText) -> String {
        guard let step else { return Self.padded("", width) }
        let status = step.status
        var text = status.symbol(style)
        if status != .passed { text += " \(step.summary[status])" }
        let padding = String(repeating: " ", count: max(0, width - TerminalText.columns(text)))
        return output.painted(text, status.color) + padding
    }

    private func write(_ absence: FleetMatrix.Absence, to output: inout TerminalText) {
        output.line()
        output.paragraph(
            lead: "NO RESULT", leadColor: .strongBad, leadWidth: 11,
            "\(absence.failure.reason.rawValue): \(Counted.list(absence.hosts, limit: isVerbose ? .max : 8))")
        output.paragraph(indentation: 2, lead: "seen", leadColor: .dim, leadWidth: 8, absence.failure.description)
        output.paragraph(
            indentation: 2, lead: "do", leadColor: .dim, leadWidth: 8, absence.failure.remedy, color: .good)
    }

    private func write(summaryOf fleet: FleetResult, to output: inout TerminalText) {
        let runs = fleet.hosts.compactMap(\.run)
        let failed = runs.count(where: \.hasFailed)
        let absent = fleet.hosts.count - runs.count
        var parts: [String] = []
        let incomplete = runs.count(where: \.isIncomplete)
        if runs.count > failed + incomplete { parts.append("\(runs.count - failed - incomplete) passed") }
        if failed > 0 { parts.append("\(failed) failed") }
        if incomplete > 0 { parts.append("\(incomplete) incomplete") }
        if absent > 0 { parts.append("\(absent) without result") }
        output.line()
        let isGood = failed == 0 && !fleet.isIncomplete
        output.paragraph(
            lead: failed > 0 ? "FAILED" : fleet.isIncomplete ? "INCOMPLETE" : "PASSED",
            leadColor: isGood ? .strongGood : .strongBad, leadWidth: 8,
            "\(Counted.text(fleet.hosts.count, "host")): \(parts.joined(separator: ", ")) "
                + "in \(DurationText.short(fleet.duration))")
    }

    /// `10-dns` as a head of a narrow column.
    static func shortStep(_ name: String) -> String { cut(TerminalText.lines(name).joined(), to: 16) }

    static func cut(_ text: String, to width: Int) -> String {
        guard TerminalText.columns(text) > width else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if TerminalText.columns(result) + 2 > width { break }
            result.unicodeScalars.append(scalar)
        }
        return result + "…"
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - TerminalText.columns(text)))
    }
}
