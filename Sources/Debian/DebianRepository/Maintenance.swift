import DebianFormat
import Files
import Platform

extension Repository {
    /// Brings every suite in line with the settings and publishes it: retention, phases, components and architectures,
    /// lists of files. Then deletes files of the pool that no suite has had for longer than the grace.
    public func publish(isDryRun: Bool = false, patience: Duration = .zero) async throws(RepositoryError)
        -> RepositoryChange
    {
        let lock = try lock(patience: patience)
        defer { withExtendedLifetime(lock) {} }
        var change = try await rewriteAll(settings.suites, isDryRun: isDryRun, publishesAll: true) { versions, suite in
            retain(&versions, settings.retention(of: suite))
        }
        let unused = try unusedPoolFiles()
        change.deletedFiles = unused
        if !isDryRun {
            try RepositoryError.wrapping { for path in unused { try FileTree.remove(root + "/" + path) } }
            removeEmptyFolders("pool")
            change.files = try everything()
        }
        return change
    }

    /// Signs every suite anew with today's date; nothing else changes.
    public func resign(patience: Duration = .zero) async throws(RepositoryError) -> RepositoryChange {
        let lock = try lock(patience: patience)
        defer { withExtendedLifetime(lock) {} }
        var updates: [SuiteUpdate] = []
        for suite in settings.suites {
            let state = try await state(of: suite)
            if state.release != nil { updates.append(SuiteUpdate(state: state)) }
        }
        guard !updates.isEmpty else {
            throw RepositoryError(
                .input, "not-published", "nothing is published in '\(root)'", help: "begin with 'debbuild repo add'")
        }
        var change = RepositoryChange()
        change.files = try await commit(updates)
        change.suites = updates.map(\.state.suite.name)
        return change
    }

    /// Removes versions; the newest of each architecture stays.
    private func retain(_ versions: inout [IndexEntry], _ retention: RepositorySettings.Retention) {
        guard retention.versions != nil || retention.age != nil else { return }
        var seen: [String: Int] = [:]
        var kept: [IndexEntry] = []
        for entry in versions.reversed() {
            let newer = seen[entry.architecture, default: 0]
            seen[entry.architecture] = newer + 1
            if newer > 0 {
                if let count = retention.versions, newer >= count { continue }
                if let age = retention.age, let published = entry.published, published < now - age { continue }
            }
            kept.append(entry)
        }
        versions = kept.reversed()
    }

    // MARK: - the pool

    /// Every suite on disk, those of snapshots and those that the settings no longer have among them. Signatures are not
    /// looked at.
    func suitesOnDisk() throws(RepositoryError) -> [State] {
        try RepositoryError.wrapping {
            var folders = ["dists"]
            if try FileStatus.ofIfExists(root + "/snapshots", followLinks: false)?.kind == .directory {
                folders += try FileTree.children(of: root + "/snapshots").map { "snapshots/\($0)/dists" }
            }
            var states: [State] = []
            for folder in folders
            where try FileStatus.ofIfExists(root + "/" + folder, followLinks: false)?.kind == .directory {
                for name in try FileTree.children(of: root + "/" + folder) {
                    let path = root + "/" + folder + "/" + name + "/InRelease"
                    guard try FileStatus.ofIfExists(path, followLinks: false) != nil else { continue }
                    let message = String(decoding: try FileTree.readWhole(path, limit: 64 << 20), as: UTF8.self)
                    guard let text = ClearSignedText.text(of: message) else {
                        throw RepositoryError(.input, "release-corrupt", "'\(path)' is not signed in the clear")
                    }
                    states.append(
                        State(
                            suite: settings.suite(name) ?? .init(named: name),
                            release: try ReleaseFile(parsing: text, name: path), folder: folder + "/" + name))
                }
            }
            return states
        }
    }

    /// Files of the pool that no suite lists, and that were added or removed longer ago than the grace.
    private func unusedPoolFiles() throws(RepositoryError) -> [String] {
        var used: Set<String> = []
        for state in try suitesOnDisk() {
            for (component, architecture) in Self.indexes(of: state) {
                guard let reader = try reader(Self.packagesPath(component, architecture), in: state) else { continue }
                while let entry = try reader.next() { used.insert(entry.path) }
            }
        }
        var unused: [String] = []
        try RepositoryError.wrapping {
            try walk("pool") { path, status in
                if !used.contains(path), status.modificationSeconds < now - settings.grace { unused.append(path) }
            }
        }
        return unused
    }

    /// Calls the body with every regular file below a folder; links are not followed.
    func walk(_ folder: String, _ body: (_ path: String, _ status: FileStatus) -> Void) throws(FileError) {
        guard try FileStatus.ofIfExists(root + "/" + folder, followLinks: false)?.kind == .directory else { return }
        for name in try FileTree.children(of: root + "/" + folder) {
            let path = folder + "/" + name
            let status = try FileStatus.of(root + "/" + path, followLinks: false)
            switch status.kind {
            case .directory: try walk(path, body)
            case .file: body(path, status)
            default: continue
            }
        }
    }

    private func removeEmptyFolders(_ folder: String) {
        do throws(FileError) {
            AtomicFile.removeAbandoned(in: root + "/" + folder)
            for name in try FileTree.children(of: root + "/" + folder)
            where try FileStatus.of(root + "/\(folder)/\(name)", followLinks: false).kind == .directory {
                let child = folder + "/" + name
                removeEmptyFolders(child)
                if try FileTree.children(of: root + "/" + child).isEmpty {
                    try FileTree.removeEmptyDirectory(root + "/" + child)
                }
            }
        } catch {
            // It does no harm; the next publication tries again.
            observer.note("\(error)")
        }
    }

    /// All that is published, to copy a repository as a whole.
    private func everything() throws(RepositoryError) -> PublishedFiles {
        var files = PublishedFiles()
        var pool: [String] = []
        try RepositoryError.wrapping { try walk("pool") { path, _ in if PoolPath.isSafe(path) { pool.append(path) } } }
        files.add("pool", pool)
        let states = try suitesOnDisk()
        for state in states {
            let indexes = (state.release?.files ?? [:]).filter { path, _ in
                path.hasSuffix(".xz") || path.hasSuffix(".gz")
            }
            files.add(
                "by-hash",
                indexes.flatMap { path, sums in
                    ByHash.Kind.allCases.map { state.folder + "/" + ByHash.path(of: path, sums, $0) }
                }.sorted())
            files.add("indexes", indexes.keys.sorted().map { state.folder + "/" + $0 })
        }
        for state in states {
            let names = try RepositoryError.wrapping {
                try ["Release", "Release.gpg"].filter {
                    try FileStatus.ofIfExists(root + "/" + state.folder + "/" + $0, followLinks: false) != nil
                }
            }
            files.add("release", names.map { state.folder + "/" + $0 })
        }
        files.add("inrelease", states.map { $0.folder + "/InRelease" })
        return files
    }

    // MARK: - snapshots

    /// Keeps what is published now under a name of its own, without an end of its validity.
    ///
    /// The indexes are linked and not copied, and the pool is the repository's own.
    ///
    /// - Parameter name: nil for the time, as apt's `--snapshot` takes it: `20261130T120000Z`.
    public func snapshot(_ name: String?, patience: Duration = .zero) async throws(RepositoryError) -> String {
        let lock = try lock(patience: patience)
        defer { withExtendedLifetime(lock) {} }
        let name = name ?? Self.snapshotName(now)
        guard !name.isEmpty, name.utf8.allSatisfy({ Ascii.isAlphanumeric($0) || "-_".utf8.contains($0) }) else {
            throw RepositoryError(
                .input, "snapshot-name", "'\(DisplayText.inline(name))' is not a snapshot's name",
                help: "use letters, digits, '-' and '_'; apt itself wants one such as \(Self.snapshotName(now))")
        }
        let final = "snapshots/" + name
        guard try RepositoryError.wrapping({ try FileStatus.ofIfExists(root + "/" + final, followLinks: false) }) == nil
        else { throw RepositoryError(.input, "snapshot-exists", "there is a snapshot '\(name)'") }
        try PoolPath.makeFolder("snapshots", in: root)
        let temporary = "snapshots/.\(name).tmp"
        FileTree.removeRecursively(root + "/" + temporary)
        for suite in settings.suites {
            let state = try await state(of: suite)
            guard var release = state.release else { continue }
            let folder = root + "/" + temporary + "/dists/" + suite.name
            try RepositoryError.wrapping { try link(state, into: folder) }
            release.fields["Valid-Until"] = nil
            release.fields["Snapshots"] = nil
            let signed = try await ReleaseSigner(settings: settings, keyring: keyring).sign(
                release.text, suite: suite.name)
            try RepositoryError.wrapping {
                for (name, bytes) in [
                    ("Release", signed.release), ("Release.gpg", signed.detached ?? []),
                    ("InRelease", signed.inRelease),
                ] where !bytes.isEmpty {
                    let file = try AtomicFile(target: folder + "/" + name)
                    try file.write(bytes)
                    try file.commit()
                }
            }
        }
        try RepositoryError.wrapping {
            try FileTree.makeLink(to: "../../pool", at: root + "/" + temporary + "/pool")
            try FileTree.rename(root + "/" + temporary, to: root + "/" + final)
        }
        return final
    }

    private func link(_ state: State, into folder: String) throws(FileError) {
        for (path, sums) in state.release?.files ?? [:] where path.hasSuffix(".xz") || path.hasSuffix(".gz") {
            let file = root + "/" + state.folder + "/" + ByHash.path(of: path, sums, .sha256)
            for target in [path] + ByHash.Kind.allCases.map({ ByHash.path(of: path, sums, $0) }) {
                try FileTree.createDirectories(LexicalPath.split(folder + "/" + target).folder)
                try FileTree.replaceWithHardLink(folder + "/" + target, to: file)
            }
        }
    }

    private static func snapshotName(_ now: Int64) -> String {
        let time = CivilTime(secondsSince1970: now)
        return (time.dateText + "T" + time.timeText + "Z").filter { $0 != "-" && $0 != ":" }
    }
}
