import HostProbes
import Platform

/// A cause of failures, with what tells it from others and what to do about it.
public struct DiagnosisEntry: Sendable {
    /// The stable code, such as `MX0401`.
    public let code: String
    /// How much it matters at the most; a check of less weight makes it matter less.
    public let severity: Severity
    /// The cause in one sentence; `${…}` stands for what was seen.
    public let cause: String
    /// Lines with what was seen; one whose values are not there is left out.
    public let evidence: [String]
    /// What to do: commands, one a line.
    public let remedy: [String]
    /// The section of the documents.
    public let documentation: String
    /// What is behind it, for people who want to understand.
    public let explanation: String

    /// What has to be seen; the first condition is about the check that is explained. Empty for the one that explains
    /// what no other does.
    let conditions: [DiagnosisCondition]
    /// What must not be seen.
    let exclusions: [DiagnosisCondition]
    /// Checks that fail for the same cause, though they have causes of their own.
    let explains: [IdentifierPattern]

    /// Whether it stands for everything that no other explains.
    var isGeneric: Bool { conditions.isEmpty }

    /// How much it asks for: of two that hold, the one that asks for more knows more.
    var specificity: Int {
        conditions.reduce(0) { $0 + $1.specificity } + exclusions.reduce(0) { $0 + 1 + $1.expectations.count }
    }

    /// All texts with values in them.
    var templates: [String] { [cause] + evidence + remedy }
}

/// What has to be seen of a check for a cause to hold.
struct DiagnosisCondition: Sendable {
    /// What became of a check.
    enum State: String, Sendable, CaseIterable {
        /// It failed, or nothing could be seen for another reason than permissions.
        case failed
        case passed
        case skipped
        /// Nothing could be seen.
        case error
        case notPermitted = "not-permitted"
        /// It was looked at.
        case any
    }

    /// The checks that it can be about.
    let checks: [IdentifierPattern]
    /// What became of it.
    let state: State
    /// Why nothing could be seen; empty for any reason.
    let reasons: [ProbeError.Reason]
    /// What its attributes have to be like.
    let expectations: [Expectation]

    /// A condition counts, and everything in it: to name a check says more than to say why nothing of it could be seen.
    var specificity: Int {
        10 + expectations.count * 5 + (reasons.isEmpty ? 0 : 3)
            + (checks.map { $0.isExact ? 8 : ($0.source == "*" ? 0 : 6) }.min() ?? 0)
    }

    /// Whether it holds for a check.
    func holds(_ check: Check, _ end: CheckEnd) -> Bool {
        guard checks.contains(where: { $0.matches(check) }), hasState(end.result) else { return false }
        if !reasons.isEmpty {
            guard case .error(let error) = end.result.outcome, reasons.contains(error.reason) else { return false }
        }
        let matching = MatchContext(captures: [:], now: KernelClock.wall)
        return expectations.allSatisfy { expectation in
            let value = expectation.path.value(in: end.observed)
            do throws(OperandFault) {
                return try MatcherEvaluation.verdict(expectation.matcher, of: value, matching) == .holds
            } catch {
                // Catalogues have no captures, and their literals were checked when they were loaded; a match that was
                // given up explains nothing.
                return false
            }
        }
    }

    private func hasState(_ result: CheckResult) -> Bool {
        switch (state, result.outcome) {
        case (.failed, _): result.isFailure
        case (.passed, .passed), (.skipped, .skipped), (.error, .error): true
        case (.notPermitted, .error(let error)): error.reason == .notPermitted
        case (.any, .passed), (.any, .failed), (.any, .error): true
        default: false
        }
    }
}
