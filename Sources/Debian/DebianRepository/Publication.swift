import DebianFormat
import Files
import Platform

/// What a change wrote, in the order in which another place has to get it.
public struct PublishedFiles: Sendable {
    /// Files that may be copied in any order, after those of the stages before.
    public struct Stage: Sendable {
        /// Its name: pool, by-hash, indexes, release or inrelease.
        public var name: String
        /// Paths from the repository's root on.
        public var paths: [String]
    }

    /// The stages.
    public var stages: [Stage] = []

    mutating func add(_ stage: String, _ paths: [String]) {
        guard !paths.isEmpty else { return }
        if let index = stages.firstIndex(where: { $0.name == stage }) {
            let known = Set(stages[index].paths)
            stages[index].paths += paths.filter { !known.contains($0) }
        } else {
            stages.append(Stage(name: stage, paths: paths))
        }
    }
}

/// A suite with its new indexes, which nobody sees yet.
struct SuiteUpdate {
    var state: Repository.State
    /// The new indexes; those of the state that are not replaced stay.
    var files: [IndexFile] = []
    /// Indexes of the state that are gone, by path without compression.
    var dropped: Set<String> = []

    /// What `Release` will list.
    var listed: [String: FileSums] {
        var listed = (state.release?.files ?? [:]).filter { path, _ in
            !dropped.contains { path == $0 || path.hasPrefix($0 + ".") }
        }
        for file in files { listed[file.path] = file.sums }
        return listed
    }
}

extension Repository {
    /// Publishes suites: files under the names of their checksums, then under their own, then `Release`, and `InRelease` last.
    func commit(
        _ updates: [SuiteUpdate], pool: [(file: String, entry: IndexEntry)] = []
    ) async throws(RepositoryError) -> PublishedFiles {
        var published = PublishedFiles()
        for start in stride(from: 0, to: pool.count, by: Self.poolBatch) {
            try copyToPool(pool[start..<min(start + Self.poolBatch, pool.count)])
        }
        published.add("pool", pool.map(\.entry.path))
        // Everything is signed before anything is exchanged.
        var signed: [(update: SuiteUpdate, release: ReleaseFile, signatures: SignedRelease)] = []
        for update in updates {
            try RepositoryError.wrapping { try ByHash.commit(update.files, in: folder(of: update.state.suite.name)) }
            let release = ReleaseFile(fields: releaseFields(update.state), files: update.listed)
            let signatures = try await ReleaseSigner(settings: settings, keyring: keyring).sign(
                release.text, suite: update.state.suite.name)
            signed.append((update, release, signatures))
        }
        for (update, release, signatures) in signed {
            // Before they are replaced: after a kill nobody would know when that was.
            retire(update.state, replacedBy: release)
            try exchange(update, signatures)
            let folder = update.state.folder + "/"
            let indexes = release.files.filter { path, _ in path.hasSuffix(".xz") || path.hasSuffix(".gz") }
            published.add(
                "by-hash",
                indexes.flatMap { path, sums in
                    ByHash.Kind.allCases.map { folder + ByHash.path(of: path, sums, $0) }
                }.sorted())
            published.add("indexes", indexes.keys.sorted().map { folder + $0 })
        }
        for (update, _, signatures) in signed {
            published.add(
                "release",
                ["Release"].map { update.state.folder + "/" + $0 }
                    + (signatures.detached == nil ? [] : [update.state.folder + "/Release.gpg"]))
        }
        published.add("inrelease", signed.map { $0.update.state.folder + "/InRelease" })
        for (update, release, _) in signed { removeRetired(in: update.state.folder, keeping: release) }
        return published
    }

    private func exchange(_ update: SuiteUpdate, _ signatures: SignedRelease) throws(RepositoryError) {
        let folder = folder(of: update.state.suite.name)
        try PoolPath.makeFolder("dists/" + update.state.suite.name, in: root)
        try RepositoryError.wrapping {
            try ByHash.exchange(update.files, in: folder)
            try write(folder + "/Release", signatures.release, .contents)
            if let detached = signatures.detached {
                try write(folder + "/Release.gpg", detached, .contents)
            } else if try FileStatus.ofIfExists(folder + "/Release.gpg", followLinks: false) != nil {
                try FileTree.remove(folder + "/Release.gpg")
            }
            try write(folder + "/InRelease", signatures.inRelease, .name)
        }
    }

    private func write(_ path: String, _ bytes: [UInt8], _ durability: AtomicFile.Durability) throws(FileError) {
        let file = try AtomicFile(target: path)
        try file.write(bytes)
        try file.commit(durability)
    }

    func releaseFields(_ state: State) -> ControlParagraph {
        let suite = state.suite
        var fields = ControlParagraph()
        fields["Origin"] = settings.origin
        fields["Label"] = settings.label
        fields["Suite"] = suite.name
        fields["Codename"] = suite.codename ?? suite.name
        fields["Date"] = MailDate.text(now)
        fields["Valid-Until"] = MailDate.text(now + settings.validity(of: suite))
        if suite.isNotAutomatic { fields["NotAutomatic"] = "yes" }
        if suite.upgradesAutomatically { fields["ButAutomaticUpgrades"] = "yes" }
        fields["Acquire-By-Hash"] = "yes"
        fields["Signed-By"] = keyring.primaryFingerprints.joined(separator: ", ")
        fields["Snapshots"] = settings.snapshots
        fields["Architectures"] = settings.architectures(of: suite).map(\.description).joined(separator: " ")
        fields["Components"] = settings.components(of: suite).joined(separator: " ")
        fields["Description"] = suite.summary
        return fields
    }

    // MARK: - pool

    /// Files that are synced side by side.
    private static let poolBatch = 64

    /// Copies package files to their places.
    private func copyToPool(_ files: ArraySlice<(file: String, entry: IndexEntry)>) throws(RepositoryError) {
        var written: [AtomicFile] = []
        for (file, entry) in files {
            if let copy = try copyToPool(file, entry) { written.append(copy) }
        }
        try RepositoryError.wrapping {
            try AtomicFile.commit(written)
            for folder in Set(written.map { LexicalPath.split($0.target).folder }) {
                try FileTree.syncDirectory(folder)
            }
        }
    }

    /// A copy that has no name yet; nil when the file is there already, which then has to be the same.
    private func copyToPool(_ file: String, _ entry: IndexEntry) throws(RepositoryError) -> AtomicFile? {
        let target = root + "/" + entry.path
        try PoolPath.makeFolder(LexicalPath.split(entry.path).folder, in: root)
        let status = try RepositoryError.wrapping { try FileStatus.ofIfExists(target, followLinks: false) }
        switch status?.kind {
        case nil: break
        case .file:
            // What was removed and comes back counts as new again.
            guard try RepositoryError.wrapping({ try FileTree.firstDifference(file, target) }) == nil else {
                throw RepositoryError(
                    .input, "name-taken", "'\(target)' is there with other contents, though no index lists it",
                    help: "if no client has ever seen it, remove the file; otherwise give the package a new version")
            }
            try RepositoryError.wrapping { try FileTree.setModificationTime(now, of: target) }
            return nil
        default:
            throw RepositoryError(
                .input, "link-in-repository", "'\(target)' is not a regular file",
                help: "remove it; debbuild writes through no links")
        }
        return try RepositoryError.wrapping {
            let input = try InputFile(path: file)
            let output = try AtomicFile(target: target)
            let sink = SummingSink(output)
            try sink.copy(input)
            guard sink.finish().sha256 == entry.sha256 else {
                throw RepositoryError(.machine, "file-changed", "'\(file)' was changed while it was read")
            }
            return output
        }
    }

    // MARK: - indexes that were replaced

    /// Notes on the files of the former state that they are no longer current from now on.
    private func retire(_ state: State, replacedBy release: ReleaseFile) {
        for (path, sums) in state.release?.files ?? [:] where release.files[path] != sums {
            for kind in ByHash.Kind.allCases {
                let file = root + "/" + state.folder + "/" + ByHash.path(of: path, sums, kind)
                do throws(FileError) { try FileTree.setModificationTime(now, of: file) } catch {
                    // One that is only listed, or that somebody has removed.
                    continue
                }
            }
        }
    }

    /// Removes what was replaced so long ago that no client can still ask for it, and what killed processes have left. A
    /// failure does not matter: the next publication does it.
    private func removeRetired(in folder: String, keeping release: ReleaseFile) {
        let current = Set(
            release.files.flatMap { path, sums in ByHash.Kind.allCases.map { ByHash.path(of: path, sums, $0) } })
        for path in Set(release.files.keys.map { LexicalPath.split($0).folder }) {
            for kind in ByHash.Kind.allCases {
                let relative = path + "/" + ByHash.folder(kind)
                let absolute = root + "/" + folder + "/" + relative
                AtomicFile.removeAbandoned(in: absolute)
                do throws(FileError) {
                    for name in try FileTree.children(of: absolute) where !current.contains(relative + "/" + name) {
                        let file = absolute + "/" + name
                        let status = try FileStatus.of(file, followLinks: false)
                        guard status.kind == .file, name.utf8.allSatisfy(Ascii.isHexadecimal),
                            status.modificationSeconds < now - settings.grace
                        else { continue }
                        try FileTree.remove(file)
                    }
                } catch {
                    observer.note("\(error)")
                }
            }
        }
        AtomicFile.removeAbandoned(in: root + "/" + folder)
    }
}
