import HostProbes
import Platform
import Documents

/// All checks of a run, complete and consistent: nothing that follows can be a mistake of whoever wrote them.
public struct ScenarioSuite: Sendable {
    /// The scenarios of the profile, in the order of their files.
    public let scenarios: [Scenario]
    /// Their checks, in the order of the files.
    public let checks: [Check]
    /// The profile that was chosen; `all` when no scenario belongs to one.
    public let profile: String
    /// What is worth knowing and no error.
    public let warnings: Diagnostics
    /// What is looked at how.
    let kinds: KindCatalogue
    /// The variables that the scenarios mention, for the texts of diagnoses.
    let variables: VariableTable
    /// The checks of all profiles and selections, for the catalogue of causes.
    let allChecks: [Check]

    /// Loads scenarios and checks everything about them before anything runs.
    ///
    /// - Parameters:
    ///   - paths: files, or folders whose files ending in `.yaml` or `.yml` are loaded in the order of their names.
    ///   - variables: what wins over the scenarios' own variables.
    ///   - profile: `classic` or `modern` or whatever the scenarios name; nil to choose by what is installed.
    ///   - host: the machine whose facts the scenarios mention.
    ///   - kinds: what can be looked at.
    public static func load(
        paths: [String], variables: VariableSources = VariableSources(), profile: String? = nil, host: Host,
        kinds: KindCatalogue = .standard
    ) async throws(ScenarioLoadError) -> ScenarioSuite {
        var loader = ScenarioLoader(kinds: kinds, host: host)
        return try await loader.load(paths: paths, sources: variables, profile: profile)
    }

    /// The checks of a selection and those that they need.
    public func selecting(_ selection: Selection) throws(ScenarioLoadError) -> ScenarioSuite {
        var diagnostics = Diagnostics()
        let patterns = selection.ids.map { IdentifierPattern($0) }
        let tags = Set(checks.flatMap(\.tags))
        for tag in selection.tags where !tags.contains(tag) {
            diagnostics.error(
                "unknown-tag", "no check has the tag '\(tag)'", at: nil,
                help: SpellingSuggestion.of(tag, among: tags.sorted()).map { "did you mean '\($0)'?" }
                    ?? "tags: " + tags.sorted().joined(separator: ", "))
        }
        for pattern in patterns where !checks.contains(where: { pattern.matches($0) }) {
            diagnostics.error(
                "unknown-id", "no check has the id '\(pattern.source)'", at: nil,
                help: SpellingSuggestion.of(pattern.source, among: checks.map(\.id)).map { "did you mean '\($0)'?" }
                    ?? "'meshcheck list' shows all ids; '\(pattern.source).*' would stand for a family")
        }
        if diagnostics.hasErrors { throw ScenarioLoadError(diagnostics) }
        let byID = Dictionary(checks.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var wanted: Set<String> = []
        var pending = checks.filter { check in
            (selection.tags.isEmpty || selection.tags.contains { check.tags.contains($0) })
                && (patterns.isEmpty || patterns.contains { $0.matches(check) })
        }.map(\.id)
        guard !pending.isEmpty else {
            diagnostics.error("empty-selection", "no check has both one of the tags and one of the ids", at: nil)
            throw ScenarioLoadError(diagnostics)
        }
        while let id = pending.popLast() {
            // What it only waits for can be left out.
            if wanted.insert(id).inserted { pending += byID[id]?.needs ?? [] }
        }
        return ScenarioSuite(
            scenarios: scenarios.filter { $0.checks.contains(where: wanted.contains) },
            checks: checks.filter { wanted.contains($0.id) }, profile: profile, warnings: warnings, kinds: kinds,
            variables: variables, allChecks: allChecks)
    }
}
