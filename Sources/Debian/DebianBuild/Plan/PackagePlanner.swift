import Archive
import DebianArchive
import DebianFormat
import DebianManifest
import Documents
import ELF
import Files
import Platform

/// Makes a ``BuildPlan`` of a specification: resolves every entry, computes every control field, and reports everything
/// that is wrong at once.
struct PackagePlanner {
    /// The files that the package is made of.
    let sources: SourceFiles
    /// The version that the package gets.
    let version: DebianVersion
    /// The architecture to plan for.
    let architecture: Architecture
    /// SOURCE_DATE_EPOCH; nil takes the date of the newest changelog entry.
    let sourceDateEpoch: Int64?
    /// Payloads by name, resolved.
    let payloads: [String: ResolvedPayload]
    /// Names of payloads that are declared but could not be resolved; their absence has been reported already.
    let unavailablePayloads: Set<String>
    /// The distribution that the package is for, as far as it is known; some can read what others cannot.
    let distribution: String?
    /// Overrides the specification's compression.
    let compression: Compression?

    /// The plan, or nil when the diagnostics hold an error.
    func plan(_ spec: PackageSpec, diagnostics: inout Diagnostics) -> BuildPlan? {
        let errorsBefore = diagnostics.errorCount
        let name = spec.name
        let changelog = loadChangelog(spec, diagnostics: &diagnostics)
        guard let epoch = sourceDateEpoch ?? changelog?.newest.timestamp else {
            diagnostics.error(
                "no-date", "package '\(name.value)' has no date: no changelog and no SOURCE_DATE_EPOCH", at: name.range,
                help: "add 'changelog:', or pass --source-date-epoch SECONDS")
            return nil
        }
        var contents = ContentPlanner(
            sources: sources, payloads: payloads, unavailablePayloads: unavailablePayloads,
            collector: EntryCollector(sourceDateEpoch: epoch))
        contents.addAll(spec.contents, diagnostics: &diagnostics)
        // Given on, not copied: there may be a great many entries.
        var integration = IntegrationPlanner(
            package: name.value.description, unitDirectory: spec.unitDirectory, sources: sources,
            collector: (consume contents).collector)
        integration.addUnits(spec.units, diagnostics: &diagnostics)
        integration.addConfiguration(spec, diagnostics: &diagnostics)
        integration.addDocumentation(
            spec, changelog: changelog, isNative: version.revision == nil, diagnostics: &diagnostics)

        checkDeclaredConffiles(spec, collector: &integration.collector, diagnostics: &diagnostics)
        let scenario = scenario(spec, integration, diagnostics: &diagnostics)
        if spec.shipsChecks {
            // What is in it is known when everything else is.
            integration.collector.add(
                scenario.installedPath, kind: .file(size: 0), permissions: 0o644, owner: OwnerTable.user("root"),
                group: OwnerTable.group("root"), modificationTime: epoch, source: .bytes([]), range: name.range,
                diagnostics: &diagnostics)
        }
        let accounts = AccountPlanner(
            spec, entries: integration.collector, sources: sources, diagnostics: &diagnostics)
        let scripts = planScripts(spec, integration: integration, accounts: accounts, diagnostics: &diagnostics)

        var warnings: [PlanWarning] = []
        let conffiles = conffilesFile(spec, collector: integration.collector)
        var entries = integration.collector.takeSorted()
        for failure in sources.inspect(&entries) {
            diagnostics.error("source-unreadable", "\(failure)", at: name.range)
        }
        if spec.shipsChecks, let own = entries.firstIndex(where: { $0.installedPath == scenario.installedPath }) {
            // Checksums are all of the same length.
            let text = Array(scenario.text(of: entries).utf8)
            entries[own].entry.kind = .file(size: Int64(text.count))
            entries[own].source = .bytes(text)
        }
        let elf = MachineCode.inspect(
            entries, architecture: architecture, spec: spec, warnings: &warnings, diagnostics: &diagnostics)
        let control = ControlPlanner(
            spec: spec, version: version, architecture: architecture, implied: accounts.relations
        )
        .paragraph(entries: entries, elf: elf, diagnostics: &diagnostics)
        if let newest = changelog?.newest, newest.version != version {
            warnings.append(
                PlanWarning(
                    code: "changelog-version",
                    message: "the newest entry of the changelog is \(newest.version), the package is \(version)"))
        }
        guard diagnostics.errorCount == errorsBefore, let control else { return nil }

        var controlFiles = scripts
        if let conffiles { controlFiles.append(conffiles) }
        if !spec.triggers.isEmpty {
            let text = spec.triggers.map { "\($0.value.description)\n" }.joined()
            controlFiles.append(ControlFile(name: "triggers", permissions: 0o644, bytes: Array(text.utf8)))
        }
        let isSetcapThere = [RelationField.Kind.depends, .preDepends].contains { kind in
            control[kind.rawValue]?.contains("libcap2-bin") ?? false
        }
        if entries.contains(where: { $0.capabilities != nil }), !isSetcapThere {
            warnings.append(
                PlanWarning(
                    code: "capabilities-depends",
                    message: "files get capabilities by setcap(8), and 'depends' does not name libcap2-bin"))
        }
        let requested = compression ?? spec.compression?.value ?? .default
        var plan = BuildPlan(
            package: name.value, version: version, architecture: architecture, control: control,
            controlFiles: controlFiles.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) },
            entries: entries,
            compression: requested.with(branchFilter: elf.branchFilter(of: entries, distribution: distribution)),
            sourceDateEpoch: epoch, warnings: warnings)
        plan.scenario = scenario
        return plan
    }

    // MARK: - checks

    /// What the specification says about an installed package, but for its files.
    private func scenario(
        _ spec: PackageSpec, _ integration: IntegrationPlanner, diagnostics: inout Diagnostics
    ) -> PackageScenario {
        var scenario = PackageScenario(
            package: spec.name.value.description, version: version.description,
            architecture: spec.multiArch?.value == .same ? architecture.description : nil,
            origin: "the specification that debbuild built it from")
        func text(_ file: Located<String>?) -> String? {
            file.flatMap { sources.text($0, diagnostics: &diagnostics) }.map {
                String(decoding: $0.bytes, as: UTF8.self)
            }
        }
        if let text = text(spec.sysusers) { scenario.accounts = DeclaredAccounts(sysusers: text) }
        AccountPlanner.add(spec, to: &scenario.accounts)
        if let text = text(spec.tmpfiles) { scenario.paths = DeclaredPaths(tmpfiles: text) }
        scenario.units = integration.units.map { unit in
            let declared = spec.units.first { LexicalPath.split($0.file.value).name == unit.name }
            let isEnabled = unit.isEnabled && unit.isInstallable
            // One that is started once and not by the machine's start may be over.
            return PackageScenario.Unit(
                name: unit.name, isEnabled: isEnabled, isRunning: isEnabled && unit.isStarted,
                ports: declared?.ports.map(\.value.description) ?? [])
        }
        scenario.alternatives = spec.alternatives.map { item in
            PackageScenario.Alternative(
                name: item.name.value, link: InstalledPath.normalised(item.link.value),
                path: InstalledPath.normalised(item.path.value), priority: item.priority)
        }
        return scenario
    }

    // MARK: - conffiles

    private func checkDeclaredConffiles(
        _ spec: PackageSpec, collector: inout EntryCollector, diagnostics: inout Diagnostics
    ) {
        for path in spec.conffiles {
            guard let normalised = InstalledPath.parse(path, diagnostics: &diagnostics) else { continue }
            switch collector.kind(of: normalised) {
            case .file: collector.markConffile(normalised)
            case nil:
                let files = collector.sorted().map(\.installedPath)
                diagnostics.error(
                    "conffile-missing", "conffile '\(normalised)' is not in the package", at: path.range,
                    help: SpellingSuggestion.of(normalised, among: files).map { "did you mean '\($0)'?" }
                        ?? "a path that the package no longer ships belongs in 'obsolete-conffiles'")
            default:
                diagnostics.error(
                    "conffile-not-file", "conffile '\(normalised)' is not a regular file", at: path.range)
            }
        }
        for path in spec.obsoleteConffiles {
            guard let normalised = InstalledPath.parse(path, diagnostics: &diagnostics) else { continue }
            if collector.contains(normalised) {
                diagnostics.error(
                    "conffile-shipped", "obsolete conffile '\(normalised)' is in the package", at: path.range,
                    help: "dpkg refuses a conffile that is both shipped and to be removed on upgrade: drop one")
            }
        }
    }

    private func conffilesFile(_ spec: PackageSpec, collector: EntryCollector) -> ControlFile? {
        var entries = collector.conffiles.map { Conffiles.Entry(path: $0, removeOnUpgrade: false) }
        entries += spec.obsoleteConffiles.map { Conffiles.Entry(path: $0.value, removeOnUpgrade: true) }
        if entries.isEmpty { return nil }
        return ControlFile(
            name: "conffiles", permissions: 0o644, bytes: Array(Conffiles(entries: entries).text.utf8))
    }

    // MARK: - scripts and changelog

    private func planScripts(
        _ spec: PackageSpec, integration: IntegrationPlanner, accounts: AccountPlanner, diagnostics: inout Diagnostics
    ) -> [ControlFile] {
        let assembler = MaintainerScriptAssembler(
            package: integration.package, units: integration.units, hasSysusers: spec.sysusers != nil,
            hasTmpfiles: spec.tmpfiles != nil, alternatives: alternatives(spec, integration, &diagnostics),
            capabilities: integration.collector.capabilities, earlyAccounts: accounts.early,
            fallbackAccounts: accounts.needsSysusers ? [] : accounts.fallback)
        var files: [ControlFile] = []
        for script in MaintainerScriptName.allCases {
            var own: String?
            if let file = spec.scripts[script] {
                guard let bytes = sources.text(file, diagnostics: &diagnostics)?.bytes else { continue }
                let text = String(decoding: bytes, as: UTF8.self)
                guard text.hasPrefix("#!") else {
                    diagnostics.error(
                        "script-interpreter", "maintainer script '\(file.value)' does not start with '#!'",
                        at: file.range, help: "begin it with '#!/bin/sh' and 'set -e' (Policy 6.1, 10.4)")
                    continue
                }
                own = text
                if !assembler.snippet(for: script).isEmpty {
                    ScriptCheck.check(bytes, script, file, diagnostics: &diagnostics)
                }
            }
            switch assembler.script(script, own: own) {
            case .complete(let text):
                files.append(ControlFile(name: script.rawValue, permissions: 0o755, bytes: Array(text.utf8)))
            case .markerMissing:
                diagnostics.error(
                    "script-marker", "maintainer script '\(script.rawValue)' has no line '#DEBHELPER#'",
                    at: spec.scripts[script]?.range,
                    help: "units, users or alternatives of this package need lines in it: add '#DEBHELPER#' on a line "
                        + "of its own where they are to go")
            case nil: break
            }
        }
        return files
    }

    private func alternatives(
        _ spec: PackageSpec, _ integration: IntegrationPlanner, _ diagnostics: inout Diagnostics
    ) -> [Alternative] {
        spec.alternatives.compactMap { item in
            guard let linkPath = InstalledPath.parse(item.link, diagnostics: &diagnostics),
                let filePath = InstalledPath.parse(item.path, diagnostics: &diagnostics)
            else { return nil }
            for text in [item.name, item.link, item.path] where !ShellWord.isPlain(text.value) {
                diagnostics.error(
                    "alternative-characters", "'\(text.value)' has characters that a maintainer script would interpret",
                    at: text.range, help: "use letters, digits and /._+- only")
                return nil
            }
            if !integration.collector.contains(filePath) {
                diagnostics.error(
                    "alternative-missing", "alternative '\(filePath)' is not in the package", at: item.path.range,
                    help: SpellingSuggestion.of(filePath, among: integration.collector.sorted().map(\.installedPath))
                        .map { "did you mean '\($0)'?" })
                return nil
            }
            return Alternative(name: item.name.value, link: linkPath, path: filePath, priority: item.priority)
        }
    }

    private func loadChangelog(
        _ spec: PackageSpec, diagnostics: inout Diagnostics
    ) -> LoadedChangelog? {
        guard let file = spec.changelog, let bytes = sources.text(file, diagnostics: &diagnostics)?.bytes else {
            return nil
        }
        do {
            let entries = try Changelog.parse(String(decoding: bytes, as: UTF8.self))
            guard let newest = entries.first else {
                diagnostics.error("changelog-empty", "changelog '\(file.value)' has no entry", at: file.range)
                return nil
            }
            if newest.package != spec.name.value.description {
                diagnostics.error(
                    "changelog-package",
                    "changelog '\(file.value)' is of package '\(newest.package)', not '\(spec.name.value)'",
                    at: file.range)
            }
            return LoadedChangelog(bytes: bytes, newest: newest)
        } catch {
            let (line, _) = TextPosition.of(offset: error.offset, in: bytes)
            diagnostics.error(
                "changelog-syntax", "changelog '\(file.value)' line \(line): \(error)", at: file.range,
                help: "see deb-changelog(5)")
            return nil
        }
    }
}

/// A changelog that has been read: its bytes go into the package, its newest entry dates it.
struct LoadedChangelog {
    let bytes: [UInt8]
    let newest: ChangelogEntry
}

/// Finds lines in texts that a parser gave an offset for.
enum TextPosition {
    /// Line and column, both from 1.
    static func of(offset: Int, in bytes: [UInt8]) -> (line: Int, column: Int) {
        let before = bytes.prefix(max(0, min(offset, bytes.count)))
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return (line, before.count - lineStart + 1)
    }
}
