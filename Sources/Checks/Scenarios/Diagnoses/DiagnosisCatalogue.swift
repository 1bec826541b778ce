import Documents
import Platform
import Probes

/// The causes of failures that are known, by their codes.
public struct DiagnosisCatalogue: Sendable {
    /// The causes, those that others follow from first.
    public let entries: [DiagnosisEntry]
    private let places: [String: SourceRange?]
    private let groups: [String: [IdentifierPattern]]

    init(entries: [DiagnosisEntry], places: [String: SourceRange?], groups: [String: [IdentifierPattern]]) {
        self.entries = entries
        self.places = places
        self.groups = groups
    }

    /// Loads a catalogue and reports everything that is wrong with it at once.
    public static func load(path: String) throws(ScenarioLoadError) -> DiagnosisCatalogue {
        var diagnostics = Diagnostics()
        guard let source = ScenarioFiles.read(path, &diagnostics),
            let document = YAMLLoader.load(source, diagnostics: &diagnostics)
        else { throw ScenarioLoadError(diagnostics) }
        var reader = DiagnosisReader()
        let catalogue = reader.read(document, &diagnostics)
        if diagnostics.hasErrors { throw ScenarioLoadError(diagnostics) }
        return catalogue
    }

    /// The cause of a code; capital letters or not.
    public func entry(_ code: String) -> DiagnosisEntry? {
        let wanted = code.uppercased()
        return entries.first { $0.code == wanted }
    }

    /// What does not fit a suite: ids that no check has, attributes that their subjects have not.
    public func validate(against suite: ScenarioSuite) -> Diagnostics {
        var diagnostics = Diagnostics()
        for check in suite.allChecks where groups[check.id] != nil {
            diagnostics.error(
                "ambiguous-name", "'\(check.id)' is both the id of a check and a group of the diagnoses", at: nil,
                help: "give one of them another name")
        }
        for entry in entries {
            let place = places[entry.code] ?? nil
            for condition in entry.conditions + entry.exclusions {
                for pattern in condition.checks
                where !pattern.isOfPackages && !suite.allChecks.contains(where: { pattern.matches($0) }) {
                    report(pattern, entry, place, suite, &diagnostics)
                }
                for expectation in condition.expectations {
                    let kinds = suite.allChecks.filter { check in condition.checks.contains { $0.matches(check) } }
                        .compactMap { suite.kinds.kind($0.kind) }
                    let attribute = expectation.path.attribute
                    if !kinds.contains(where: { $0.attributes.contains { $0.name == attribute } }), !kinds.isEmpty {
                        diagnostics.error(
                            "unknown-attribute",
                            "\(entry.code): '\(kinds[0].name)' has no attribute '\(attribute)'", at: place,
                            help: SpellingSuggestion.of(attribute, among: kinds[0].attributes.map(\.name))
                                .map { "did you mean '\($0)'?" })
                    }
                }
            }
            for pattern in entry.explains
            where !pattern.isOfPackages && self.entry(pattern.source) == nil
                && !suite.allChecks.contains(where: { pattern.matches($0) })
            {
                report(pattern, entry, place, suite, &diagnostics)
            }
        }
        return diagnostics
    }

    private func report(
        _ pattern: IdentifierPattern, _ entry: DiagnosisEntry, _ place: SourceRange?, _ suite: ScenarioSuite,
        _ diagnostics: inout Diagnostics
    ) {
        diagnostics.error(
            "unknown-id", "\(entry.code): no check has the id '\(pattern.source)'", at: place,
            help: SpellingSuggestion.of(pattern.source, among: suite.allChecks.map(\.family) + groups.keys.sorted()).map
            {
                "did you mean '\($0)'?"
            })
    }

    /// The attributes that causes want to see beside those that are expected, by the ids of checks.
    func attributes(of checks: [Check], kinds: KindCatalogue) -> [String: Set<String>] {
        var wanted: [String: Set<String>] = [:]
        for check in checks {
            guard let kind = kinds.kind(check.kind) else { continue }
            var names: Set<String> = []
            for entry in entries {
                for condition in entry.conditions + entry.exclusions
                where condition.checks.contains(where: { $0.matches(check) }) {
                    names.formUnion(condition.expectations.map(\.path.attribute))
                }
                names.formUnion(DiagnosisText.attributes(of: entry, check))
            }
            names.formIntersection(kind.attributes.map(\.name))
            if !names.isEmpty { wanted[check.id] = names }
        }
        return wanted
    }
}

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
    /// What to do: commands, one per line.
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
    /// Checks that fail for the same cause, though they have causes of their own; or the codes of such causes.
    let explains: [IdentifierPattern]
    /// Whether no other cause explains it by the ids of its checks.
    let isIndependent: Bool

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
    func holds(_ check: Check, _ end: CompletedCheck) -> Bool {
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
