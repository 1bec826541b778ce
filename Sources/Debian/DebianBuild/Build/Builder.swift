import Archive
import DebianArchive
import DebianFormat
import Documents
import Files
import Platform

/// Plans and builds the packages of a workspace.
public struct Builder: Sendable {
    /// The workspace.
    public let workspace: Workspace
    /// What is to be built.
    public let request: BuildRequest
    /// Where packages are written, absolute.
    public let outputDirectory: String
    private let checksums: ChecksumCache
    private let cache: BuildCache
    private let observer: any BuildObserver

    /// Creates a builder.
    public init(workspace: Workspace, request: BuildRequest, observer: any BuildObserver) {
        self.workspace = workspace
        self.request = request
        self.observer = observer
        outputDirectory = request.outputDirectory ?? workspace.absolute(workspace.spec.output?.value ?? ".")
        checksums = ChecksumCache(path: request.cacheDirectory + "/checksums")
        cache = BuildCache(request.cacheDirectory, warn: { observer.note($0) })
        cache.removeAbandoned()
    }

    // MARK: - planning

    private struct Candidate {
        var folder: String
        var architecture: Architecture
        var spec: PackageSpec
        var version: DebianVersion

        /// The tags that its changelog is made of, if it is.
        var tags: GitTags? {
            guard case .git(let git)? = spec.changelog else { return nil }
            return GitTags(folder: folder, pattern: git.match?.value ?? "*", scheme: spec.versioning.scheme)
        }
    }

    /// The plans of everything that is requested; empty when the diagnostics hold an error.
    ///
    /// - Parameters:
    ///   - keepingTexts: whether small texts are kept for lint.
    ///   - reversed: looks at everything in the opposite order, for a check that order does not matter.
    ///   - stripFolder: a folder in which files are stripped once more, for a check that they become the same; nil takes
    ///     those of the cache.
    public func plans(
        keepingTexts: Bool = false, reversed: Bool = false, stripFolder: String? = nil, diagnostics: inout Diagnostics
    ) async -> [BuildPlan] {
        var candidates: [Candidate] = []
        for name in request.packages ?? workspace.packageNames(diagnostics: &diagnostics) {
            candidates += self.candidates(of: name, diagnostics: &diagnostics)
        }
        if reversed {
            candidates.reverse()
            for index in candidates.indices { candidates[index].spec.contents.reverse() }
        }
        let tags = await readTags(candidates, diagnostics: &diagnostics)
        let (payloads, unavailable) = await resolvePayloads(candidates, diagnostics: &diagnostics)
        var plans: [BuildPlan] = []
        var seen: [String: String] = [:]
        let root = workspace.absolute(workspace.spec.sources?.value ?? ".")
        let texts = keepingTexts ? TextBudget() : nil
        var shared: [String: SourceFiles] = [:]
        var checkedScripts: Set<String> = []
        func sources(_ candidate: Candidate) -> SourceFiles {
            if let present = shared[candidate.folder] { return present }
            let isShared = candidates.count { $0.folder == candidate.folder } > 1
            let files = SourceFiles(
                folder: candidate.folder, workspaceRoot: root, texts: texts, archiveLimits: request.archiveLimits,
                isShared: isShared)
            if isShared { shared[candidate.folder] = files }
            return files
        }
        var libraries = SiblingLibraries()
        var drafts: [(candidate: Candidate, planner: PackagePlanner, draft: PackageDraft)] = []
        for candidate in candidates {
            let planner = PackagePlanner(
                sources: sources(candidate), version: candidate.version, architecture: candidate.architecture,
                sourceDateEpoch: request.sourceDateEpoch, tags: candidate.tags.flatMap { tags[$0] },
                payloads: payloads[candidate.architecture] ?? [:],
                unavailablePayloads: unavailable,
                distribution: request.distribution ?? workspace.spec.distribution?.value,
                compression: request.compression)
            for file in candidate.spec.scripts.values
            where checkedScripts.insert(candidate.folder + "/" + file.value).inserted {
                await checkSyntax(of: file, sources(candidate), diagnostics: &diagnostics)
            }
            guard let draft = planner.draft(candidate.spec, diagnostics: &diagnostics) else { continue }
            libraries.add(draft, for: candidate.architecture, diagnostics: &diagnostics)
            drafts.append((candidate, planner, draft))
        }
        let stripper = Stripper(
            cache: cache, checksums: checksums,
            prefixes: StripTools.prefixes(of: workspace, diagnostics: &diagnostics), jobs: request.jobs,
            freshFolder: stripFolder, announce: { [observer] in observer.note($0) })
        let keepers = DebugPackage.subjects(among: candidates.map(\.spec.name.value), in: workspace)
        for index in drafts.indices where !diagnostics.hasErrors {
            let candidate = drafts[index].candidate
            await stripper.strip(
                &drafts[index].draft, for: candidate.architecture,
                keepsDebug: keepers.contains(candidate.spec.name.value), diagnostics: &diagnostics)
        }
        for (candidate, planner, draft) in drafts {
            let siblings = libraries.relations[candidate.architecture] ?? [:]
            guard let plan = planner.finish(draft, siblings: siblings, diagnostics: &diagnostics) else { continue }
            var debug: BuildPlan?
            if !draft.debugFiles.isEmpty {
                debug = DebugPackage.plan(
                    for: plan, draft.debugFiles, at: candidate.spec.name, diagnostics: &diagnostics)
            }
            for plan in [plan, debug].compactMap({ $0 }) {
                if let other = seen.updateValue(candidate.folder, forKey: plan.fileName) {
                    diagnostics.error(
                        "duplicate-package", "'\(other)' and '\(candidate.folder)' both make \(plan.fileName)",
                        at: candidate.spec.name.range, help: "give one of them another name")
                }
                plans.append(plan)
            }
        }
        return diagnostics.hasErrors ? [] : plans
    }

    /// Has each maintainer script read by its own shell.
    private func checkSyntax(
        of file: Located<String>, _ sources: SourceFiles, diagnostics: inout Diagnostics
    ) async {
        // A script that cannot be read is reported by the planner.
        var ignored = Diagnostics()
        guard let source = sources.file(file, diagnostics: &ignored),
            let bytes = sources.script(file, diagnostics: &ignored)
        else { return }
        do throws(PayloadError) {
            guard let fault = try await ScriptCheck.syntaxFault(of: source.path, bytes: bytes) else { return }
            diagnostics.error(
                "script-syntax", "maintainer script '\(file.value)' does not parse: \(fault)", at: file.range)
        } catch {
            diagnostics.warning(
                "script-syntax", "maintainer script '\(file.value)' was not checked: \(error)", at: file.range)
        }
    }

    /// The tags of the repositories that changelogs are made of.
    private func readTags(
        _ candidates: [Candidate], diagnostics: inout Diagnostics
    ) async -> [GitTags: [GitTag]] {
        var tags: [GitTags: [GitTag]] = [:]
        var seen: Set<GitTags> = []
        for candidate in candidates {
            guard let wanted = candidate.tags, seen.insert(wanted).inserted else { continue }
            do throws(GitTagError) {
                tags[wanted] = try await wanted.read()
            } catch {
                diagnostics.error("changelog-git", "\(error)", at: candidate.spec.changelog?.range, help: error.help)
            }
        }
        return tags
    }

    private func candidates(of name: String, diagnostics: inout Diagnostics) -> [Candidate] {
        guard let folder = workspace.folder(of: name, diagnostics: &diagnostics),
            let document = workspace.packageDocument(in: folder, diagnostics: &diagnostics)
        else { return [] }
        let requested = request.architectures.isEmpty ? [Architecture.host] : request.architectures
        var result: [Candidate] = []
        for architecture in requested {
            guard
                let (spec, version) = workspace.packageSpec(
                    document, named: name, architecture: architecture, distribution: request.distribution,
                    version: request.version, diagnostics: &diagnostics)
            else { continue }
            let supported = spec.architectures.map(\.value)
            for declared in spec.architectures where declared.value == .oldARM {
                diagnostics.warning(
                    "architecture-old", "'arm' is a port that ended in 2010", at: declared.range,
                    help: "Go's 'arm' is 'armhf' (GOARM=7) or 'armel' (GOARM=5 and 6)")
            }
            if supported.contains(.all) {
                if supported.count > 1 {
                    diagnostics.error(
                        "architectures", "'all' is listed beside other architectures",
                        at: spec.architectures.first?.range,
                        help: "a package is either for all or for some (Policy 5.6.8)")
                }
                if !result.contains(where: { $0.architecture == .all }) {
                    result.append(Candidate(folder: folder, architecture: .all, spec: spec, version: version))
                }
            } else if supported.contains(architecture) {
                result.append(Candidate(folder: folder, architecture: architecture, spec: spec, version: version))
            } else {
                diagnostics.error(
                    "architecture-unsupported",
                    "package '\(name)' is not for \(architecture) "
                        + "(architectures: \(supported.map(\.description).joined(separator: ", ")))",
                    at: spec.architectures.first?.range, help: "add it to 'architectures', or leave it out of --arch")
            }
        }
        return result
    }

    // MARK: - payloads

    private func resolvePayloads(
        _ candidates: [Candidate], diagnostics: inout Diagnostics
    ) async -> (resolved: [Architecture: [String: ResolvedPayload]], unavailable: Set<String>) {
        var sdks: [Architecture: String] = [:]
        for (name, value) in workspace.spec.swiftSDKs {
            if let architecture = Workspace.architecture(name, diagnostics: &diagnostics) {
                sdks[architecture] = value.value
            }
        }
        let observer = observer
        let resolver = PayloadResolver(
            cache: cache, downloadLimits: request.downloadLimits, archiveLimits: request.archiveLimits,
            packageDirectory: workspace.absolute(workspace.spec.swiftPackage?.value ?? ".."), swiftSDKs: sdks,
            swiftOptions: workspace.spec.swiftOptions.map(\.value), checksums: checksums,
            announce: { observer.note($0) })
        let catalogue = PayloadCatalogue(workspace: workspace, overrides: request.payloadOverrides)
        catalogue.checkOverrides(diagnostics: &diagnostics)
        var resolved: [Architecture: [String: ResolvedPayload]] = [:]
        var unavailable: Set<String> = []
        for candidate in candidates {
            for item in candidate.spec.contents {
                guard case .payload(let name, _) = item.kind,
                    resolved[candidate.architecture]?[name.value] == nil, !unavailable.contains(name.value)
                else { continue }
                // One that is not declared is reported by the planner, at the place that names it.
                guard catalogue.names.contains(name.value) else { continue }
                guard
                    let source = catalogue.source(
                        of: name.value, for: candidate.architecture, diagnostics: &diagnostics)
                else {
                    unavailable.insert(name.value)
                    continue
                }
                do throws(PayloadError) {
                    resolved[candidate.architecture, default: [:]][name.value] = try await resolver.resolve(source)
                } catch {
                    unavailable.insert(name.value)
                    diagnostics.error(
                        error.code, "payload '\(name.value)': \(error)", at: source.range ?? name.range,
                        help: error.help)
                }
            }
        }
        return (resolved, unavailable)
    }

    // MARK: - building

    /// Writes the packages that have changed and returns what became of each, in the order of the plans.
    ///
    /// - Throws: ``BuildError`` of the first that failed; the others are finished or left as they were.
    public func build(_ plans: [BuildPlan]) async throws(BuildError) -> [BuildOutcome] {
        do throws(FileError) {
            try FileTree.createDirectories(outputDirectory)
        } catch {
            throw .file(package: outputDirectory, error)
        }
        removeAbandoned()
        keepingRecords { () throws(FileError) in
            try FileTree.createDirectories(recordDirectory, permissions: 0o700)
        }
        var outcomes: [Int: BuildOutcome] = [:]
        var pending: [(index: Int, plan: BuildPlan)] = []
        for (index, plan) in plans.enumerated() {
            if !request.isForced, let outcome = upToDate(plan) {
                outcomes[index] = outcome
                observer.finished(outcome)
            } else {
                pending.append((index, plan))
            }
        }
        // The largest first, so that the small ones fill the gaps.
        pending.sort { $0.plan.payloadSize > $1.plan.payloadSize }
        let scheduler = BuildScheduler(threads: request.threads, jobs: request.jobs)
        let results = await scheduler.run(pending.map(\.plan)) { plan, threads in
            do throws(BuildError) {
                return .success(try write(plan, threads: threads))
            } catch {
                return .failure(error)
            }
        }
        var failure: BuildError?
        for (position, result) in results.enumerated() {
            switch result {
            case .success(let outcome): outcomes[pending[position].index] = outcome
            case .failure(let error): failure = failure ?? error
            case nil: break
            }
        }
        keepingRecords { () throws(FileError) in try checksums.save() }
        if let failure { throw failure }
        return plans.indices.compactMap { outcomes[$0] }
    }

    private func write(_ unfinished: BuildPlan, threads: Int) throws(BuildError) -> BuildOutcome {
        let plan = try finished(unfinished)
        observer.began(plan)
        let observer = observer
        let writer = PackageWriter(
            outputDirectory: outputDirectory, threads: threads, computesAllChecksums: request.writesBuildInformation,
            progress: { observer.advanced(plan, bytes: $0) })
        var scenario: String?
        var lock: DirectoryLock?
        // Until the name is given, what lies beside the package is about the one before.
        let built = try writer.write(plan) { built in
            let text = try self.scenario(of: plan, built)
            scenario = text
            lock = try ReleaseNeighbours.locked(outputDirectory)
            try ReleaseNeighbours.withdraw(
                in: outputDirectory, plan, sha256: built.checksums.sha256, scenario: text)
        }
        withExtendedLifetime(lock) {}
        lock = nil
        let status: FileStatus
        do throws(FileError) { status = try FileStatus.of(built.path, followLinks: false) } catch {
            throw .file(package: plan.fileName, error)
        }
        // Started again, so that it holds the files of this plan and no others.
        let contents = ChecksumCache(path: contentsPath(of: built.path), isFresh: true)
        let fingerprint: String
        do throws(FileError) {
            fingerprint = try PlanFingerprint.of(unfinished, contents: built.digests, checksums: contents)
        } catch {
            throw .file(package: plan.fileName, error)
        }
        keepingRecords { () throws(FileError) in
            try BuildRecord(fingerprint: fingerprint, checksums: built.checksums, status: status)
                .save(recordPath(of: built.path))
            try contents.save()
        }
        let outcome = BuildOutcome(
            plan: plan, path: built.path, size: built.size, checksums: built.checksums, isUpToDate: false,
            scenario: scenario, status: status)
        observer.finished(outcome)
        return outcome
    }

    /// Does what only helps the next build; that it cannot be done is worth a warning.
    private func keepingRecords(_ body: () throws(FileError) -> Void) {
        do throws(FileError) { try body() } catch { cache.report(error) }
    }

    /// Removes what killed builds have left in the output folder.
    private func removeAbandoned() {
        AtomicFile.removeAbandoned(in: outputDirectory) { name in
            [".deb", ".buildinfo", ".meshcheck.yaml"].contains { name.hasSuffix($0) }
                || name == ChecksumList.fileName || name.utf8.count >= 200
        }
        AbandonedFolders.remove(in: outputDirectory, prefix: Self.secondPrefix)
    }

    private static let secondPrefix = ".debbuild-second-"

    // MARK: - checks

    /// The plan with its scenario in it, where the package brings that: it has the checksums of all other files, so these
    /// are read once more, unless they are remembered.
    private func finished(_ plan: BuildPlan) throws(BuildError) -> BuildPlan {
        guard let position = plan.scenarioPosition, let scenario = plan.scenario else { return plan }
        var plan = plan
        let sums = try EntryChecksums.of(plan, checksums: checksums)
        plan.entries[position].source = .bytes(Array(scenario.text(of: plan.entries, checksums: sums).utf8))
        return plan
    }

    /// The scenario of a package that has been written.
    private func scenario(of plan: BuildPlan, _ built: BuiltPackage) throws(BuildError) -> String? {
        guard let scenario = plan.scenario else { return nil }
        let text = scenario.text(
            of: plan.entries, checksums: built.digests.map { $0.map { Hexadecimal.text($0.sha256) } })
        if let position = plan.scenarioPosition, case .bytes(let bytes) = plan.entries[position].source,
            !bytes.elementsEqual(text.utf8)
        {
            throw .changedWhileRead(path: built.path)
        }
        return text
    }

    /// The scenario of an outcome; its files are read where nothing is remembered of them.
    func scenario(of outcome: BuildOutcome) throws(BuildError) -> String? {
        if let text = outcome.scenario { return text }
        return try outcome.plan.scenario?.text(
            of: outcome.plan.entries, checksums: EntryChecksums.of(outcome.plan, checksums: checksums))
    }

    // MARK: - what has not changed

    private var recordDirectory: String { request.cacheDirectory + "/builds" }

    private func recordPath(of package: String) -> String {
        recordDirectory + "/" + FileDigests.of(Array(package.utf8)).sha256.prefix(32)
    }

    private func contentsPath(of package: String) -> String { recordPath(of: package) + ".contents" }

    private func upToDate(_ plan: BuildPlan) -> BuildOutcome? {
        let path = outputDirectory + "/" + plan.fileName
        guard let record = BuildRecord.load(recordPath(of: path)), record.describes(path) else { return nil }
        let contents = ChecksumCache(path: contentsPath(of: path))
        guard let fingerprint = try? PlanFingerprint.of(plan, checksums: contents),
            fingerprint == record.fingerprint
        else { return nil }
        // Files that were touched and not changed need not be read again; that the cache is a help and no more is why a
        // failure to write it does not matter.
        try? contents.save()
        return BuildOutcome(
            plan: plan, path: path, size: record.status.size, checksums: record.checksums, isUpToDate: true,
            scenario: nil, status: record.status)
    }

    // MARK: - reproducibility

    /// Builds everything a second time into a folder of its own, planned again in the opposite order and with another
    /// number of threads, and compares the bytes.
    ///
    /// - Throws: ``BuildError/notReproducible(path:firstDifference:)`` for the first package that differs.
    public func verifyReproducible(
        _ outcomes: [BuildOutcome], diagnostics: inout Diagnostics
    ) async throws(BuildError) {
        let scratch = outputDirectory + "/" + Self.secondPrefix + "\(FileTree.processIdentifier)"
        let lock: DirectoryLock
        do throws(FileError) {
            try FileTree.createDirectories(scratch, permissions: 0o700)
            lock = try DirectoryLock(scratch)
        } catch {
            throw .file(package: scratch, error)
        }
        defer {
            FileTree.removeRecursively(scratch)
            withExtendedLifetime(lock) {}
        }
        let plans = await plans(reversed: true, stripFolder: scratch, diagnostics: &diagnostics)
        for plan in plans {
            guard let first = outcomes.first(where: { $0.plan.fileName == plan.fileName }) else { continue }
            observer.note("building \(plan.fileName) a second time")
            let writer = PackageWriter(
                outputDirectory: scratch, threads: request.threads == 1 ? 3 : 1, computesAllChecksums: false)
            let second = try writer.write(try finished(plan))
            let difference: Int64?
            do throws(FileError) {
                difference = try FileTree.firstDifference(first.path, second.path)
                try FileTree.remove(second.path)
            } catch {
                throw .file(package: plan.fileName, error)
            }
            if let difference { throw .notReproducible(path: first.path, firstDifference: difference) }
        }
    }
}
