import HostProbes
import Platform
import Documents

/// The causes of failures that are known, by their codes.
public struct DiagnosisCatalogue: Sendable {
    /// The causes, those that others follow from first.
    public let entries: [DiagnosisEntry]
    private let places: [String: SourceRange?]

    init(entries: [DiagnosisEntry], places: [String: SourceRange?]) {
        self.entries = entries
        self.places = places
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
        for entry in entries {
            let place = places[entry.code] ?? nil
            for condition in entry.conditions + entry.exclusions {
                for pattern in condition.checks where !suite.allChecks.contains(where: { pattern.matches($0) }) {
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
            for pattern in entry.explains where !suite.allChecks.contains(where: { pattern.matches($0) }) {
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
            help: SpellingSuggestion.of(pattern.source, among: suite.allChecks.map(\.family)).map {
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
