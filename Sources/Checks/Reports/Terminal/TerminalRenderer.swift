import HostProbes
import Platform
import Scenarios

/// The report for people: steps first, causes with their remedies last, so that they stand above the prompt.
public struct TerminalRenderer: Renderer {
    let style: Canvas.Style
    let isVerbose: Bool

    /// Creates a renderer.
    ///
    /// - Parameters:
    ///   - usesColor: whether to colour; the caller knows about terminals and NO_COLOR (no-color.org).
    ///   - usesSymbols: whether the terminal shows more than ASCII.
    ///   - width: columns to keep within; nil breaks no line.
    ///   - isVerbose: whether checks that passed or were skipped are named as well.
    public init(usesColor: Bool = false, usesSymbols: Bool = false, width: Int? = nil, isVerbose: Bool = false) {
        style = Canvas.Style(usesColor: usesColor, usesSymbols: usesSymbols, width: width.map { max(40, $0) })
        self.isVerbose = isVerbose
    }

    /// The document of one run.
    public func text(of run: MaskedRun) -> String {
        var canvas = Canvas(style)
        for step in StepReport.grouped(run.result.checks) { write(step, to: &canvas) }
        write(run.result.diagnoses, checks: run.result.checks, to: &canvas)
        write(summaryOf: run.result, to: &canvas)
        return canvas.text
    }

    /// The columns of symbols.
    private var symbolWidth: Int { style.usesSymbols ? 2 : 5 }

    private func write(_ step: StepReport, to canvas: inout Canvas) {
        let parts = step.summary.parts.map(\.text).joined(separator: ", ")
        let status = step.status
        canvas.paragraph(
            lead: status.symbol(style), leadTint: status.tint, leadWidth: symbolWidth, "\(step.name)  \(parts)",
            tint: status.isFailure ? .strong : nil)
        for check in step.checks {
            let status = CheckStatus(check)
            if status.needsAttention || (isVerbose && status == .passed) { write(check, status, to: &canvas) }
        }
        writeSkipped(step.checks, to: &canvas)
    }

    private func write(_ check: CheckResult, _ status: CheckStatus, to canvas: inout Canvas) {
        var head = "\(check.id)  \(check.title)"
        if check.attempts > 1 { head += "  (\(check.attempts) attempts in \(DurationText.short(check.duration)))" }
        canvas.paragraph(
            indentation: symbolWidth, lead: status.symbol(style), leadTint: status.tint, leadWidth: symbolWidth, head)
        guard status.needsAttention else { return }
        let indentation = 2 * symbolWidth
        canvas.paragraph(indentation: indentation, "\(check.subject)  (\(check.place))", tint: .dim)
        switch check.outcome {
        case .failed:
            for expectation in check.expectations where !expectation.holds {
                canvas.paragraph(indentation: indentation, expectation.attribute)
                canvas.paragraph(indentation: indentation + 2, lead: "expected", leadWidth: 10, expectation.expected)
                canvas.paragraph(
                    indentation: indentation + 2, lead: "found", leadWidth: 10, expectation.found, tint: status.tint)
            }
        case .error(let error):
            canvas.paragraph(indentation: indentation, "cannot \(error.operation)")
            canvas.paragraph(indentation: indentation + 2, lead: "expected", leadWidth: 10, error.expected)
            canvas.paragraph(
                indentation: indentation + 2, lead: "found", leadWidth: 10, error.found, tint: status.tint)
        case .passed, .skipped: break
        }
        for line in CheckDetail.evidence(check) {
            canvas.paragraph(indentation: indentation, lead: "|", leadTint: .dim, leadWidth: 2, line)
        }
    }

    /// Skipped checks by their reason: one line a reason, not one a check.
    private func writeSkipped(_ checks: [CheckResult], to canvas: inout Canvas) {
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
            canvas.paragraph(
                indentation: symbolWidth, lead: CheckStatus.skipped.symbol(style), leadTint: .dim,
                leadWidth: symbolWidth,
                "\(skipped.count) skipped, \(CheckDetail.skip(reason)): \(Counted.list(skipped, limit: isVerbose ? .max : 5))",
                tint: .dim)
        }
    }

    func write(_ diagnoses: [DiagnosisResult], checks: [CheckResult], to canvas: inout Canvas) {
        for diagnosis in diagnoses {
            canvas.line()
            let tint: Canvas.Tint = diagnosis.severity == .error ? .strongBad : .warned
            canvas.paragraph(
                lead: "\(diagnosis.code) \(diagnosis.severity.rawValue)", leadTint: tint, leadWidth: 15,
                diagnosis.cause, tint: .strong)
            for (lead, lines) in [("seen", diagnosis.evidence), ("do", diagnosis.remedy)] {
                for (index, line) in lines.enumerated() {
                    canvas.paragraph(
                        indentation: 2, lead: index == 0 ? lead : "", leadTint: .dim, leadWidth: 8, line,
                        tint: lead == "do" ? .good : nil)
                }
            }
            if !diagnosis.documentation.isEmpty {
                canvas.paragraph(indentation: 2, lead: "read", leadTint: .dim, leadWidth: 8, diagnosis.documentation)
            }
            canvas.paragraph(
                indentation: 2, lead: "checks", leadTint: .dim, leadWidth: 8,
                Self.consequences(diagnosis, checks: checks))
        }
    }

    /// What a cause explains: `dns.pilot.short; 12 checks were skipped for it`.
    static func consequences(_ diagnosis: DiagnosisResult, checks: [CheckResult]) -> String {
        let explained = Set(diagnosis.checks)
        let skipped = checks.count { check in
            guard case .skipped(.needs(let ids)) = check.outcome, !explained.contains(check.id) else { return false }
            return ids.contains(where: explained.contains)
        }
        let text = Counted.list(diagnosis.checks, limit: 6)
        return skipped == 0 ? text : "\(text); \(Counted.text(skipped, "check")) skipped for it"
    }

    private func write(summaryOf result: RunResult, to canvas: inout Canvas) {
        let summary = Summary(result.checks)
        canvas.line()
        let verdict = result.hasFailed ? "FAILED" : summary.total == 0 ? "NOTHING CHECKED" : "PASSED"
        var text = "\(result.host) (\(result.profile)): "
        text += summary.parts.isEmpty ? "no checks" : summary.parts.map(\.text).joined(separator: ", ")
        if !result.diagnoses.isEmpty { text += "; \(Counted.text(result.diagnoses.count, "cause"))" }
        canvas.paragraph(
            lead: verdict, leadTint: result.hasFailed ? .strongBad : summary.total == 0 ? .warned : .strongGood,
            leadWidth: 8, "\(text) in \(DurationText.short(result.duration))")
    }
}
