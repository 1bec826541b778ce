import Documents
import Platform
import Probes

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

    /// The checks of a selection and those that they need.
    public func selecting(_ selection: CheckSelection) throws(ScenarioLoadError) -> ScenarioSuite {
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

/// One step of the guide: a file with checks.
public struct Scenario: Sendable {
    /// The name, unique in a run.
    public let name: String
    /// What the step is about.
    public let title: String
    /// Tags that all its checks have.
    public let tags: [String]
    /// The profiles that it belongs to; empty for all.
    public let profiles: [String]
    /// The path of its file.
    public let path: String
    /// The ids of its checks, in the order of the file.
    public let checks: [String]
}

/// Which checks of a suite are to be run.
public struct CheckSelection: Sendable, Hashable {
    /// Checks with one of these tags; empty for all.
    public var tags: [String]
    /// Checks with one of these ids; `*` stands for any characters: `dns.*`; empty for all.
    public var ids: [String]

    /// Creates a selection.
    public init(tags: [String] = [], ids: [String] = []) {
        self.tags = tags
        self.ids = ids
    }
}

/// Ids with `*` in them.
struct IdentifierPattern: Sendable, Hashable {
    let source: String
    private let parts: [[UInt8]]

    init(_ source: String) {
        self.source = source
        parts = source.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map { Array($0) }
    }

    /// Whether it stands for checks that installed packages bring, which are there where the packages are.
    var isOfPackages: Bool { source.utf8.starts(with: "package.".utf8) }

    /// Whether it stands for one id only.
    var isExact: Bool { parts.count == 1 }

    /// Whether it stands for this id.
    func matches(_ id: String) -> Bool {
        var rest = Array(id.utf8)[...]
        guard let first = parts.first, rest.starts(with: first) else { return false }
        if parts.count == 1 { return rest.count == first.count }
        rest = rest.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() {
            guard let place = Self.firstPlace(of: part, in: rest) else { return false }
            rest = rest[(place + part.count)...]
        }
        guard let last = parts.last else { return true }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }

    /// Whether it stands for a check, by its id or by that of its family.
    func matches(_ check: Check) -> Bool { matches(check.id) || matches(check.family) }

    private static func firstPlace(of part: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= part.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - part.count)).first { bytes[$0...].starts(with: part) }
    }
}

/// What scenarios can be about: kinds of subjects, facts of the host, profiles.
public struct KindCatalogue: Sendable {
    /// What looks at subjects.
    let probes: ProbeCatalogue
    let facts: [any FactSource]
    let profileRule: ProfileRule?

    /// Puts a catalogue together.
    ///
    /// - Parameters:
    ///   - probes: what looks at subjects.
    ///   - facts: what scenarios can mention in addition to the versions of packages.
    ///   - profileRule: how a profile is chosen when nobody names one.
    public init(_ probes: ProbeCatalogue, facts: [any FactSource] = [], profileRule: ProfileRule? = nil) {
        self.probes = probes
        self.facts = facts + [PackageFacts()]
        self.profileRule = profileRule
    }

    /// The kinds, in the order of the reference.
    public var kinds: [SubjectKind] { probes.kinds }

    /// The kind of a name.
    func kind(_ name: String) -> SubjectKind? { probes.kind(name) }

    /// Whether there is a kind of this name.
    func has(_ name: String) -> Bool { probes.has(name) }

    /// What looks at subjects of this kind.
    func probe(_ name: String) -> (any Probe.Type)? { probes.probe(name) }

    /// The names of facts, without those that stand for many.
    var factNames: [String] { facts.flatMap { $0.declarations.filter(\.isSingle).map(\.name) } }

    /// Whether a name is that of a fact, on whatever host.
    func isFact(_ name: String) -> Bool { facts.contains { $0.has(name) } }

    /// The facts of some names; other names are left out.
    func readFacts(_ names: some Sequence<String>, on host: Host) async -> [String: Fact] {
        let reader = FactReader(host: host, kinds: self)
        var read: [String: Fact] = [:]
        for source in facts {
            let wanted = Set(names.filter(source.has))
            if !wanted.isEmpty { read.merge(await source.read(wanted, reader)) { first, _ in first } }
        }
        return read
    }
}

/// Why scenarios or diagnoses cannot be used: everything that is wrong with them.
public struct ScenarioLoadError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, with the places in the user's files.
    public let diagnostics: Diagnostics

    /// Creates an error.
    public init(_ diagnostics: Diagnostics) { self.diagnostics = diagnostics }

    /// All of it for people, in the user's own lines.
    public var description: String { DiagnosticRenderer.text(diagnostics) }
}

/// How the profile of a run is chosen when nobody names one: by whether a package is installed.
public struct ProfileRule: Sendable, Hashable {
    /// The package.
    public let package: String
    /// The profile where it is installed.
    public let installed: String
    /// The profile where it is not.
    public let absent: String

    /// Creates a rule.
    public init(package: String, installed: String, absent: String) {
        self.package = package
        self.installed = installed
        self.absent = absent
    }
}
