import Platform
import Scenarios

/// What is different between two runs on one host.
public struct ChangeReport: Sendable {
    /// A check that came out differently.
    public struct Change: Sendable {
        /// The check as it is now.
        public var check: CheckResult
        /// What it was before; nil for a check that is new.
        public var before: CheckStatus?
        /// What it is now.
        public var now: CheckStatus
    }

    /// The checks that changed, in the order of the scenarios.
    public let changes: [Change]
    /// Causes that are new.
    public let appeared: [DiagnosisResult]
    /// Causes that are gone.
    public let disappeared: [DiagnosisResult]
    private let time: Int64
    private let summary: Summary

    /// Compares two runs. Secrets are masked.
    public init(from old: RunResult, to new: RunResult) {
        let (old, new) = (MaskedRun(old).result, MaskedRun(new).result)
        let before = Dictionary(old.checks.map { ($0.id, CheckStatus($0)) }) { first, _ in first }
        changes = new.checks.compactMap { check in
            let now = CheckStatus(check)
            return before[check.id] == now ? nil : Change(check: check, before: before[check.id], now: now)
        }
        let (oldCodes, newCodes) = (Set(old.diagnoses.map(\.code)), Set(new.diagnoses.map(\.code)))
        appeared = new.diagnoses.filter { !oldCodes.contains($0.code) }
        disappeared = old.diagnoses.filter { !newCodes.contains($0.code) }
        time = new.startedAt
        summary = Summary(new.checks)
    }

    /// Lines for people; empty when nothing changed.
    public func text(color: Bool, symbols: Bool = false) -> String {
        if changes.isEmpty, appeared.isEmpty, disappeared.isEmpty { return "" }
        let style = TerminalText.Features(usesColor: color, usesSymbols: symbols, width: nil)
        var output = TerminalText(style)
        output.paragraph(
            "\(RFC3339.readableText(time))  \(summary.parts.map(\.text).joined(separator: ", "))", color: .strong)
        for change in changes {
            let reason = change.now.needsAttention ? "  \(CheckDetail.reason(change.check))" : ""
            output.paragraph(
                indentation: 2, lead: change.now.symbol(style), leadColor: change.now.color, leadWidth: 5,
                "\(change.check.id): \(change.before?.label ?? "new") -> \(change.now.label)\(reason)")
        }
        for diagnosis in appeared {
            output.paragraph(
                indentation: 2, lead: diagnosis.code, leadColor: .strongBad, leadWidth: 8, diagnosis.cause,
                color: .strong
            )
            for line in diagnosis.remedy {
                output.paragraph(indentation: 4, lead: "do", leadColor: .dim, leadWidth: 6, line, color: .good)
            }
        }
        for diagnosis in disappeared {
            output.paragraph(
                indentation: 2, lead: diagnosis.code, leadColor: .good, leadWidth: 8, "gone: \(diagnosis.cause)")
        }
        return output.text
    }
}
