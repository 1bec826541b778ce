import Archive
import DebianArchive
import DebianFormat
import Files
import Platform

/// What a change did, or would do.
public struct RepositoryChange: Sendable {
    /// A package in a suite.
    public struct Item: Sendable, Hashable {
        /// The suite.
        public var suite: String
        /// The component.
        public var component: String
        /// The package's name.
        public var package: String
        /// Its version.
        public var version: String
        /// Its architecture.
        public var architecture: String
        /// Its path from the repository's root on.
        public var path: String
    }

    /// Packages that are new.
    public var added: [Item] = []
    /// Packages that were there with the same bytes.
    public var unchanged: [Item] = []
    /// Packages that are gone.
    public var removed: [Item] = []
    /// Files of the pool that no suite has had for longer than the grace, by path.
    public var deletedFiles: [String] = []
    /// The suites that were signed anew.
    public var suites: [String] = []
    /// What was written; empty when nothing was.
    public var files = PublishedFiles()
}

extension Repository {
    /// Adds packages to a suite and publishes it.
    ///
    /// - Parameters:
    ///   - suite: nil for the only one.
    ///   - component: nil for the suite's first.
    public func add(
        _ files: [String], suite name: String?, component: String?, limits: DebReadLimits = DebReadLimits(),
        patience: Duration = .zero
    ) async throws(RepositoryError) -> RepositoryChange {
        let suite = try suites(name.map { [$0] } ?? [])[0]
        let component = try self.component(component, of: suite)
        let candidates = try candidates(files, suite: suite, component: component, limits: limits)
        let lock = try lock(patience: patience)
        defer { withExtendedLifetime(lock) {} }
        let state = try await state(of: suite)
        try await refuseTakenNames(candidates, besides: suite)
        var change = RepositoryChange()
        var update = SuiteUpdate(state: state)
        var added: Set<String> = []
        for architecture in settings.architectures(of: suite) {
            let index = Self.packagesPath(component, architecture.description)
            var rewrite = IndexRewrite(reader: nil, name: "\(state.folder)/\(index)", change: setPhases)
            for candidate in candidates where [architecture.description, "all"].contains(candidate.entry.architecture) {
                rewrite.additions[candidate.entry.package, default: []].append(candidate.entry)
            }
            let isNew = state.release?.files[index] == nil
            if rewrite.additions.isEmpty, !isNew { continue }
            let outcome = try self.rewrite(
                &rewrite, component, architecture.description, in: &update,
                contents: Dictionary(
                    candidates.map { ($0.entry.path, $0.contents) }, uniquingKeysWith: { first, _ in first }))
            added.formUnion(outcome.added.map(\.path))
        }
        try addMissingIndexes(to: &update)
        for candidate in candidates {
            let item = item(candidate.entry, suite, component)
            if added.contains(candidate.entry.path) { change.added.append(item) } else { change.unchanged.append(item) }
        }
        let isWhole = try RepositoryError.wrapping {
            try candidates.allSatisfy { candidate in
                try FileStatus.ofIfExists(root + "/" + candidate.entry.path, followLinks: false) != nil
            }
        }
        if added.isEmpty, isWhole, state.release != nil { return change }
        change.files = try await commit([update], pool: candidates.map { ($0.file, $0.entry) })
        change.suites = [suite.name]
        return change
    }

    /// A package and what of it is meant.
    public struct Selection: Sendable {
        /// The name.
        public var package: String
        /// The version; nil for each.
        public var version: String?

        /// Reads `NAME` or `NAME=VERSION`.
        public init(_ text: String) {
            let parts = text.split(separator: "=", maxSplits: 1)
            package = String(parts.first ?? "")
            version = parts.count == 2 ? String(parts[1]) : nil
        }
    }

    /// Removes packages from suites and publishes them. Their files stay for the grace.
    public func remove(
        _ selections: [Selection], suites names: [String], isDryRun: Bool = false, patience: Duration = .zero
    ) async throws(RepositoryError) -> RepositoryChange {
        let suites = try suites(names)
        let lock = try lock(patience: patience)
        defer { withExtendedLifetime(lock) {} }
        let change = try await rewriteAll(suites, isDryRun: isDryRun) { versions, _ in
            versions.removeAll { entry in
                selections.contains {
                    $0.package == entry.package && ($0.version == nil || $0.version == entry.version)
                }
            }
        }
        for selection in selections where !change.removed.contains(where: { $0.package == selection.package }) {
            throw RepositoryError(
                .input, "no-such-package",
                "there is no package '\(DisplayText.inline(selection.package))' in "
                    + suites.map(\.name).joined(separator: ", "), help: "'debbuild repo list' shows what there is")
        }
        return change
    }

    // MARK: - rewriting

    /// Rewrites one index of packages with its list of files.
    func rewrite(
        _ rewrite: inout IndexRewrite, _ component: String, _ architecture: String, in update: inout SuiteUpdate,
        contents known: [String: ContentsIndex.Files] = [:], completesContents: Bool = false
    ) throws(RepositoryError) -> IndexRewrite.Outcome {
        let state = update.state
        let index = Self.packagesPath(component, architecture)
        let list = ContentsIndex.path(component: component, architecture: architecture)
        rewrite.reader = try reader(index, in: state)
        for path in [index, list] { try ByHash.makeFolders(for: path, suite: state.suite.name, in: root) }
        let former = settings.hasContents ? try source(list, in: state) : nil
        rewrite.tellsAllNewest = former == nil
        let folder = folder(of: state.suite.name)
        let output = try IndexOutput(in: folder, index, as: Self.compressions)
        let outcome = try rewrite.run(to: output)
        update.files += try output.finish()
        guard settings.hasContents else {
            update.dropped.insert(list)
            return outcome
        }
        // Without a list of what was there before the whole pool would have to be read, which only 'publish' does.
        if former == nil, !completesContents, state.release?.files[index].map({ $0.size > 0 }) == true {
            return outcome
        }
        var changed: [String: ContentsIndex.Files?] = [:]
        for (name, entry) in outcome.newest {
            guard let entry else {
                changed[name] = .some(nil)
                continue
            }
            if let files = known[entry.path] {
                changed[name] = .some(files)
            } else {
                changed[name] = .some(try filesInPool(entry))
            }
        }
        let listOutput = try IndexOutput(in: folder, list, as: Self.contentsCompressions)
        try ContentsIndex.rewrite(former, name: "\(state.folder)/\(list)", changed: changed, to: listOutput)
        update.files += try listOutput.finish()
        return outcome
    }

    /// The files of a package that is published, if its file is here.
    private func filesInPool(_ entry: IndexEntry) throws(RepositoryError) -> ContentsIndex.Files? {
        let path = root + "/" + entry.path
        guard try RepositoryError.wrapping({ try FileStatus.ofIfExists(path, followLinks: false) }) != nil else {
            observer.note("'\(path)' is not here, so the list of files is without those of \(entry.package)")
            return nil
        }
        let image = try RepositoryError.wrapping { try DebReader.read(path) }
        return ContentsIndex.Files(image)
    }

    /// Empty indexes for what the settings have and the suite has not, with the packages for all architectures.
    func addMissingIndexes(to update: inout SuiteUpdate) throws(RepositoryError) {
        for component in settings.components(of: update.state.suite) {
            for architecture in settings.architectures(of: update.state.suite) {
                let index = Self.packagesPath(component, architecture.description)
                if update.listed[index] != nil { continue }
                var rewrite = IndexRewrite(reader: nil, name: "\(update.state.folder)/\(index)")
                let other = Self.indexes(of: update.state).first { $0.component == component }
                if let other,
                    let reader = try reader(Self.packagesPath(component, other.architecture), in: update.state)
                {
                    while let entry = try reader.next() {
                        if entry.architecture == "all" { rewrite.additions[entry.package, default: []].append(entry) }
                    }
                }
                _ = try self.rewrite(&rewrite, component, architecture.description, in: &update)
            }
        }
    }

    /// Rewrites every index of suites, and publishes those that have changed.
    func rewriteAll(
        _ suites: [RepositorySettings.Suite], isDryRun: Bool, publishesAll: Bool = false,
        _ change: @escaping (inout [IndexEntry], RepositorySettings.Suite) -> Void
    ) async throws(RepositoryError) -> RepositoryChange {
        var result = RepositoryChange()
        var updates: [SuiteUpdate] = []
        for suite in suites {
            let state = try await state(of: suite)
            var update = SuiteUpdate(state: state)
            var isChanged = false
            var removed: Set<RepositoryChange.Item> = []
            for (component, architecture) in Self.indexes(of: state) {
                let index = Self.packagesPath(component, architecture)
                guard settings.components(of: suite).contains(component),
                    settings.architectures(of: suite).contains(where: { $0.description == architecture })
                else {
                    // The settings no longer have it.
                    update.dropped.formUnion([
                        index, ContentsIndex.path(component: component, architecture: architecture),
                    ])
                    continue
                }
                var rewrite = IndexRewrite(reader: nil, name: "\(state.folder)/\(index)") {
                    versions throws(RepositoryError) in
                    change(&versions, suite)
                    try setPhases(&versions)
                }
                let outcome: IndexRewrite.Outcome
                if isDryRun {
                    rewrite.reader = try reader(index, in: state)
                    outcome = try rewrite.run(to: nil)
                } else {
                    outcome = try self.rewrite(
                        &rewrite, component, architecture, in: &update, completesContents: publishesAll)
                }
                isChanged = isChanged || outcome.isChanged
                for entry in outcome.removed {
                    let item = item(entry, suite, component)
                    // A package for all architectures is in each of the indexes.
                    if removed.insert(item).inserted { result.removed.append(item) }
                }
            }
            guard !isDryRun, isChanged || publishesAll else { continue }
            try addMissingIndexes(to: &update)
            updates.append(update)
        }
        if updates.isEmpty { return result }
        // The grace begins now.
        for item in result.removed {
            do throws(FileError) { try FileTree.setModificationTime(now, of: root + "/" + item.path) } catch {
                // The pool need not be here.
                continue
            }
        }
        result.files = try await commit(updates)
        result.suites = updates.map(\.state.suite.name)
        return result
    }

    private func setPhases(_ versions: inout [IndexEntry]) throws(RepositoryError) {
        for index in versions.indices {
            let entry = versions[index]
            let phase = settings.phases.first {
                $0.package == entry.package && ($0.version == nil || $0.version == entry.version)
            }?.percentage
            guard phase != entry.phase else { continue }
            versions[index].set(IndexEntry.phaseField, phase.map(String.init))
            versions[index].phase = phase
        }
    }

    private func item(_ entry: IndexEntry, _ suite: RepositorySettings.Suite, _ component: String)
        -> RepositoryChange.Item
    {
        RepositoryChange.Item(
            suite: suite.name, component: component, package: entry.package, version: entry.version,
            architecture: entry.architecture, path: entry.path)
    }
}
