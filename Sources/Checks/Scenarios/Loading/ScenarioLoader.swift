import Documents
import Files
import Platform
import Probes

extension ScenarioSuite {
    /// Loads scenarios and checks everything about them before anything runs.
    ///
    /// - Parameters:
    ///   - paths: files, or folders whose files ending in `.yaml` or `.yml` are loaded in the order of their names.
    ///   - texts: further scenarios, which have been read already.
    ///   - variables: what wins over the scenarios' own variables.
    ///   - profile: one that the scenarios name; nil to choose by what is installed.
    ///   - host: the host whose facts the scenarios mention.
    ///   - kinds: what can be looked at.
    public static func load(
        paths: [String], texts: [SourceText] = [], variables: VariableSources = VariableSources(),
        profile: String? = nil, host: Host, kinds: KindCatalogue
    ) async throws(ScenarioLoadError) -> ScenarioSuite {
        var loader = ScenarioLoader(kinds: kinds, host: host)
        return try await loader.load(paths: paths, texts: texts, sources: variables, profile: profile)
    }
}

/// Makes a suite of files: reads all of them, reports everything that is wrong at once.
struct ScenarioLoader {
    let kinds: KindCatalogue
    let host: Host
    private var diagnostics = Diagnostics()

    init(kinds: KindCatalogue, host: Host) {
        self.kinds = kinds
        self.host = host
    }

    mutating func load(
        paths: [String], texts: [SourceText], sources: VariableSources, profile: String?
    ) async throws(ScenarioLoadError) -> ScenarioSuite {
        let outlines = readOutlines(paths, texts)
        let external = ExternalVariables(sources, diagnostics: &diagnostics)
        let mentioned = outlines.map { outline in
            var names: Set<String> = []
            ScenarioOutline.mentioned(in: outline.document, into: &names)
            return names
        }
        reportUnused(external, outlines, mentioned)
        let facts = await kinds.readFacts(mentioned.reduce(into: Set<String>()) { $0.formUnion($1) }, on: host)
        var base = VariableTable(factNames: kinds.factNames)
        for (name, fact) in facts {
            switch fact {
            case .value(let value): base.values[name] = Variable(value)
            case .missing(let reason): base.missing[name] = reason
            }
        }
        base.captures = readCaptureNames(outlines)
        var scenarios: [ReadScenario] = []
        var known = base
        for (outline, names) in zip(outlines, mentioned) {
            let resolver = VariableResolver(
                outline, base: base, external: external, mentioned: names, &diagnostics)
            known.values.merge(resolver.table.values) { first, _ in first }
            scenarios.append(readChecks(outline, resolver.table))
        }
        let chosen = await choose(profile, scenarios)
        CheckGraph.validate(scenarios, &diagnostics)
        if diagnostics.hasErrors { throw ScenarioLoadError(diagnostics) }
        return suite(scenarios, chosen, known)
    }

    private func suite(_ scenarios: [ReadScenario], _ profile: String, _ known: VariableTable) -> ScenarioSuite {
        let kept = scenarios.filter { $0.outline.profiles.isEmpty || $0.profiles.contains(profile) }
        let expanded = CheckGraph.expandNeeds(kept.flatMap(\.checks))
        return ScenarioSuite(
            scenarios: kept.map { read in
                Scenario(
                    name: read.outline.name, title: read.outline.title, tags: read.outline.tags,
                    profiles: read.profiles, path: read.outline.path, checks: read.checks.map(\.check.id))
            }, checks: expanded, profile: profile, warnings: diagnostics, kinds: kinds, variables: known,
            allChecks: scenarios.flatMap { $0.checks.map(\.check) })
    }

    // MARK: - files

    private mutating func readOutlines(_ paths: [String], _ texts: [SourceText]) -> [ScenarioOutline] {
        var outlines: [ScenarioOutline] = []
        let files = ScenarioFiles.collect(paths, &diagnostics).compactMap { ScenarioFiles.read($0, &diagnostics) }
        for source in files + texts {
            guard let document = YAMLLoader.load(source, diagnostics: &diagnostics),
                let outline = ScenarioOutline(document, path: source.path, &diagnostics)
            else { continue }
            if let twin = outlines.first(where: { $0.name == outline.name && !outline.name.isEmpty }) {
                diagnostics.error(
                    "duplicate-name", "there is another scenario '\(outline.name)'", at: outline.nameRange,
                    notes: ["the other one is at \(twin.nameRange?.place ?? twin.path)"],
                    help: "give it a name of its own")
            }
            outlines.append(outline)
        }
        return outlines
    }

    /// A variable that the command line sets and nothing mentions is a slip of the keyboard.
    private mutating func reportUnused(
        _ external: ExternalVariables, _ outlines: [ScenarioOutline], _ mentioned: [Set<String>]
    ) {
        let known = mentioned.reduce(into: Set<String>()) { $0.formUnion($1) }
            .union(outlines.flatMap { $0.variables.compactMap(\.key.scalarText) })
        for name in external.assigned where !known.contains(name) {
            diagnostics.error(
                "unused-variable", "no scenario mentions the variable '\(name)'", at: nil,
                help: SpellingSuggestion.of(name, among: known.sorted()).map { "did you mean '\($0)'?" })
        }
        for name in external.fromFiles where !known.contains(name.value) {
            diagnostics.warning(
                "unused-variable", "no scenario mentions the variable '\(name.value)'", at: name.range,
                help: SpellingSuggestion.of(name.value, among: known.sorted()).map { "did you mean '\($0)'?" })
        }
    }

    /// The values that checks capture: names and the checks' ids.
    private mutating func readCaptureNames(_ outlines: [ScenarioOutline]) -> [String: String] {
        var captures: [String: String] = [:]
        for node in outlines.flatMap(\.checks) {
            guard let id = node[key: CheckKey.id.rawValue]?.scalarText,
                case .mapping(let pairs)? = node[key: CheckKey.capture.rawValue]?.content
            else { continue }
            for pair in pairs {
                let name = pair.key.scalarText ?? ""
                guard VariableNames.check(name, at: pair.key.range, &diagnostics) else { continue }
                if let other = captures[name] {
                    diagnostics.error(
                        "duplicate-capture", "check '\(other)' captures '\(name)' as well", at: pair.key.range,
                        help: "give it another name")
                } else if kinds.isFact(name)
                    || outlines.contains(where: { $0.variables.contains { $0.key.scalarText == name } })
                {
                    diagnostics.error(
                        "duplicate-capture", "'\(name)' is a variable already", at: pair.key.range,
                        help: "give it another name")
                } else {
                    captures[name] = id
                }
            }
        }
        return captures
    }

    private mutating func readChecks(_ outline: ScenarioOutline, _ table: VariableTable) -> ReadScenario {
        var reader = CheckReader(outline: outline, kinds: kinds, table: table)
        var checks: [ReadCheck] = []
        for node in outline.checks { checks += reader.read(node, &diagnostics) }
        return ReadScenario(outline: outline, checks: checks)
    }

    // MARK: - profile

    /// The profile of the run: the one that was asked for, else by what is installed.
    private mutating func choose(_ wanted: String?, _ scenarios: [ReadScenario]) async -> String {
        let known = Set(scenarios.flatMap(\.profiles))
        if let wanted {
            if !known.contains(wanted), !known.isEmpty {
                diagnostics.error(
                    "unknown-profile", "no scenario belongs to a profile '\(wanted)'", at: nil,
                    help: SpellingSuggestion.of(wanted, among: known.sorted()).map { "did you mean '\($0)'?" }
                        ?? "profiles: " + known.sorted().joined(separator: ", "))
            }
            return wanted
        }
        guard !known.isEmpty else { return "all" }
        guard let rule = kinds.profileRule, known.contains(rule.installed) || known.contains(rule.absent) else {
            return "all"
        }
        let fact = "package.\(rule.package).installed"
        if case .value(.bool(true))? = await kinds.readFacts([fact], on: host)[fact], known.contains(rule.installed) {
            return rule.installed
        }
        return rule.absent
    }
}

/// A scenario whose checks were read.
struct ReadScenario {
    let outline: ScenarioOutline
    let checks: [ReadCheck]

    var profiles: [String] { outline.profiles.map(\.value) }
}

/// A check with the places that later steps of loading need.
struct ReadCheck {
    let check: Check
    let idRange: SourceRange?
    /// The ids under `needs`.
    let needs: [Located<String>]
    /// The ids under `after`.
    let after: [Located<String>]
    /// Captured values that it mentions.
    let captures: [Located<String>]
    /// The checks that capture them, by the names of the values.
    let sources: [String: String]
}

/// The files that paths stand for.
enum ScenarioFiles {
    /// The file of diagnoses, which is not a scenario.
    static let diagnosesName = "diagnoses.yaml"
    private static let depthLimit = 8
    private static let fileLimit = 1000
    private static let byteLimit = 8 << 20

    /// The scenario files, each once, in the order of the paths and of the names in folders.
    static func collect(_ paths: [String], _ diagnostics: inout Diagnostics) -> [String] {
        var files: [String] = []
        var seen: Set<String> = []
        for path in paths {
            let before = files.count
            add(path, depth: 0, isNamed: true, &files, &seen, &diagnostics)
            if files.count == before, !seen.contains(path), !diagnostics.hasErrors {
                diagnostics.error(
                    "no-scenarios", "there is no scenario in '\(path)'", at: nil,
                    help: "scenarios are files ending in .yaml or .yml")
            }
        }
        return files
    }

    /// The text of a file; nil after a diagnostic.
    static func read(_ path: String, _ diagnostics: inout Diagnostics) -> SourceText? {
        do throws(FileError) {
            return SourceText(path: path, bytes: try FileTree.readWhole(path, limit: byteLimit))
        } catch {
            diagnostics.error("file", error.description, at: nil)
            return nil
        }
    }

    private static func add(
        _ path: String, depth: Int, isNamed: Bool, _ files: inout [String], _ seen: inout Set<String>,
        _ diagnostics: inout Diagnostics
    ) {
        do throws(FileError) {
            let status = try FileStatus.of(path, followLinks: true)
            guard status.kind == .directory else {
                // Two ways to the same file, such as a folder and a file in it, are one scenario.
                if isNamed || isScenario(path), seen.insert("\(status.device):\(status.inode)").inserted {
                    files.append(path)
                }
                return
            }
            guard depth <= depthLimit, files.count <= fileLimit else {
                diagnostics.error(
                    "too-many-scenarios",
                    "'\(path)' is deeper than \(depthLimit) folders or has more than \(fileLimit) files before it",
                    at: nil)
                return
            }
            let folder = path.utf8.last == UInt8(ascii: "/") ? path : path + "/"
            for name in try FileTree.children(of: path).sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) })
            where name.utf8.first != UInt8(ascii: ".") {
                add(folder + name, depth: depth + 1, isNamed: false, &files, &seen, &diagnostics)
            }
        } catch {
            diagnostics.error("file", error.description, at: nil)
        }
    }

    private static func isScenario(_ path: String) -> Bool {
        let name = LexicalPath.split(path).name
        guard name != diagnosesName else { return false }
        return [".yaml", ".yml"].contains { name.utf8.reversed().starts(with: $0.utf8.reversed()) }
    }
}
