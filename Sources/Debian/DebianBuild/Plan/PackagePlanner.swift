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
    /// The versions that the repository has as tags, if the changelog is made of these.
    let tags: [GitTag]?
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
        draft(spec, diagnostics: &diagnostics).flatMap { finish($0, siblings: [:], diagnostics: &diagnostics) }
    }

    /// Everything but what depends on the other packages that are planned with it; nil after a diagnostic that leaves
    /// nothing to go on with.
    func draft(_ spec: PackageSpec, diagnostics: inout Diagnostics) -> PackageDraft? {
        let errorsBefore = diagnostics.errorCount
        let name = spec.name
        let changelog = ChangelogPlanner(spec: spec, version: version, sources: sources, tags: tags)
            .load(diagnostics: &diagnostics)
        let declaredEpoch = spec.sourceDateEpoch.map(Int64.init)
        // Why a changelog cannot be read has been reported, and what else is wrong shall be as well.
        let unread: Int64? = spec.changelog != nil && changelog == nil ? 0 : nil
        guard let epoch = sourceDateEpoch ?? declaredEpoch ?? changelog?.newest.timestamp ?? unread else {
            diagnostics.error(
                "no-date", "package '\(name.value)' has no date: no changelog and no SOURCE_DATE_EPOCH", at: name.range,
                help: "add 'changelog:' or 'source-date-epoch:', or pass --source-date-epoch SECONDS")
            return nil
        }
        var contents = ContentPlanner(
            sources: sources, payloads: payloads, unavailablePayloads: unavailablePayloads,
            collector: EntryCollector(sourceDateEpoch: epoch))
        contents.addAll(spec.contents, diagnostics: &diagnostics)
        let profiles = contents.profiles
        // Given on, not copied: there may be a great many entries.
        var integration = IntegrationPlanner(
            package: name.value.description, unitDirectory: spec.unitDirectory, sources: sources,
            collector: (consume contents).collector)
        integration.addUnits(spec.units, diagnostics: &diagnostics)
        integration.addUserUnits(spec.userUnits, diagnostics: &diagnostics)
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
        MaintenancePlanner(spec: spec, version: version, collector: integration.collector)
            .check(diagnostics: &diagnostics)
        let debconf = DebconfPlanner(spec: spec, sources: sources)
        let templates = debconf.templates(diagnostics: &diagnostics)
        let scripts = planScripts(
            spec, integration: integration, accounts: accounts, profiles: profiles,
            diagnostics: &diagnostics)

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
        let machineCode = MachineCode.inspect(
            entries, architecture: architecture, spec: spec, warnings: &warnings, diagnostics: &diagnostics)
        var libraries = SharedLibraryPlanner(entries, spec: spec, version: version)
        libraries.addSymbols(spec, sources: sources, diagnostics: &diagnostics)
        if let newest = changelog?.newest, newest.version != version {
            warnings.append(
                PlanWarning(
                    code: "changelog-version",
                    message: "the newest entry of the changelog is \(newest.version), the package is \(version)"))
        }
        var controlFiles =
            scripts + [conffiles, templates, libraries.triggers(spec.triggers.map(\.value))].compactMap { $0 }
        controlFiles += libraries.controlFiles
        for file in rawControlFiles(spec, diagnostics: &diagnostics) {
            controlFiles.removeAll { $0.name == file.name }
            // The writer makes one of md5sums unless there is one, be it empty.
            if !file.bytes.isEmpty || file.name == "md5sums" { controlFiles.append(file) }
        }
        var draft = PackageDraft(
            spec: spec, sourceDateEpoch: epoch, entries: entries, machineCode: machineCode,
            libraries: libraries.relations,
            controlFiles: controlFiles, warnings: warnings, scenario: scenario)
        draft.description = description(spec, diagnostics: &diagnostics)
        for relations in [accounts.relations, debconf.relations(diagnostics: &diagnostics)] {
            draft.implied.merge(relations) { $0 + $1 }
        }
        draft.hasErrors = diagnostics.errorCount != errorsBefore
        return draft
    }

    /// The plan of a draft, or nil when the diagnostics hold an error.
    ///
    /// - Parameter siblings: sonames that the other packages ship, with the relations to these.
    func finish(
        _ draft: PackageDraft, siblings: [String: String], diagnostics: inout Diagnostics
    ) -> BuildPlan? {
        let errorsBefore = diagnostics.errorCount
        let (spec, entries) = (draft.spec, draft.entries)
        var warnings = draft.warnings
        var elf = draft.machineCode
        elf.resolveDependencies(spec, siblings: siblings, diagnostics: &diagnostics)
        let control = ControlPlanner(
            spec: spec, version: version, architecture: architecture, implied: draft.implied,
            description: draft.description
        )
        .paragraph(entries: entries, elf: elf, diagnostics: &diagnostics)
        guard diagnostics.errorCount == errorsBefore, !draft.hasErrors, let control else { return nil }
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
            package: spec.name.value, version: version, architecture: architecture, control: control,
            controlFiles: draft.controlFiles.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) },
            entries: entries,
            compression: requested.with(branchFilter: elf.branchFilter(of: entries, distribution: distribution)),
            sourceDateEpoch: draft.sourceDateEpoch, warnings: warnings)
        plan.scenario = draft.scenario
        plan.lintOverrides = spec.lintOverrides.map { ($0.name.value, $0.name.range) }
        plan.toolPackages = draft.toolPackages
        guard plan.compression.codec != .none || plan.unpackedSize <= BuildPlan.memberLimit else {
            diagnostics.error(
                "package-too-large",
                "data.tar would have \(plan.unpackedSize) bytes (must be <=\(BuildPlan.memberLimit), deb(5) has ten digits "
                    + "for it)", at: spec.compression?.range ?? spec.name.range,
                help: "compress it, with 'compression: zstd' or --compression, or make several packages of it")
            return nil
        }
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

    private func description(_ spec: PackageSpec, diagnostics: inout Diagnostics) -> Located<String>? {
        switch spec.description {
        case .text(let text)?: return text
        case .file(let file)?:
            guard let text = sources.document(file, diagnostics: &diagnostics) else { return nil }
            if text.allSatisfy(\.isWhitespace) {
                diagnostics.error(
                    "description", "'\(file.value)' is empty", at: file.range, help: "describe the package")
            }
            return Located(value: text, range: file.range)
        case nil: return nil
        }
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

    /// Members of the control archive that the specification has as files.
    private func rawControlFiles(_ spec: PackageSpec, diagnostics: inout Diagnostics) -> [ControlFile] {
        spec.controlFiles.compactMap { item in
            let name = LexicalPath.split(item.file.value).name
            guard name != "control", !name.hasPrefix(".") else {
                diagnostics.error(
                    "control-file", "'\(name)' cannot be given as a file", at: item.file.range,
                    help: "the fields of 'control' have keys, and 'raw-fields' for what is left")
                return nil
            }
            guard let bytes = sources.script(item.file, diagnostics: &diagnostics) else { return nil }
            let isScript = MaintainerScriptName(rawValue: name) != nil
            return ControlFile(name: name, permissions: item.mode ?? (isScript ? 0o755 : 0o644), bytes: bytes)
        }
    }

    // MARK: - scripts

    private func planScripts(
        _ spec: PackageSpec, integration: IntegrationPlanner, accounts: AccountPlanner,
        profiles: [String],
        diagnostics: inout Diagnostics
    ) -> [ControlFile] {
        let assembler = MaintainerScriptAssembler(
            package: integration.package, units: integration.units, hasSysusers: spec.sysusers != nil,
            hasTmpfiles: spec.tmpfiles != nil,
            alternatives: AlternativePlanner(collector: integration.collector)
                .alternatives(spec, diagnostics: &diagnostics),
            capabilities: integration.collector.capabilities, earlyAccounts: accounts.early,
            fallbackAccounts: accounts.needsSysusers ? [] : accounts.fallback,
            maintenance: spec.maintenance.map(\.value),
            usesDebconf: DebconfPlanner(spec: spec, sources: sources).isUsed,
            userUnits: integration.userUnits,
            profiles: profiles)
        var files: [ControlFile] = []
        for script in MaintainerScriptName.allCases {
            var own: String?
            if let file = spec.scripts[script] {
                guard let bytes = sources.script(file, diagnostics: &diagnostics) else { continue }
                guard bytes.starts(with: "#!".utf8) else {
                    diagnostics.error(
                        "script-interpreter", "maintainer script '\(file.value)' does not start with '#!'",
                        at: file.range, help: "begin it with '#!/bin/sh' and 'set -e' (Policy 6.1, 10.4)")
                    continue
                }
                if assembler.snippet(for: script).isEmpty, !bytes.contains(MaintainerScriptAssembler.marker.utf8) {
                    // Nothing is put into it, and so it need not be a text of ours.
                    files.append(ControlFile(name: script.rawValue, permissions: 0o755, bytes: bytes))
                    continue
                }
                guard let text = sources.text(file, diagnostics: &diagnostics)?.bytes else { continue }
                own = String(decoding: text, as: UTF8.self)
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
                    help: "what the package declares needs lines in it, its units for example: add '#DEBHELPER#' on a "
                        + "line of its own where they are to go")
            case nil: break
            }
        }
        return files
    }
}

/// A package of which everything is known but what it needs of those that are planned with it.
struct PackageDraft {
    let spec: PackageSpec
    let sourceDateEpoch: Int64
    /// In the order of the archive, each inspected.
    var entries: [PlannedEntry]
    let machineCode: MachineCode
    /// What depends on this package that needs one of its shared libraries, by soname.
    let libraries: [String: String]
    let controlFiles: [ControlFile]
    let warnings: [PlanWarning]
    let scenario: PackageScenario
    /// The extended description, wherever it is written.
    var description: Located<String>?
    /// Relations that follow from what the package does.
    var implied: [RelationField.Kind: [String]] = [:]
    /// The symbols that its machine code has lost.
    var debugFiles: [DebugFile] = []
    /// Debian packages whose programs have changed contents.
    var toolPackages: Set<String> = []
    /// Whether something was found that keeps it from being built.
    var hasErrors = false
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
