import Archive
import DebianFormat
import Files
import Platform

/// An apt repository in a folder.
///
/// What is published is its only state: a suite's `InRelease` names the indexes by their checksums, and they name the
/// packages. A change writes everything else first and exchanges `InRelease` last, by rename, so the state before is valid
/// until the one after is.
public struct Repository: Sendable {
    /// The absolute path of the folder.
    public let root: String
    /// What `repository.yaml` says.
    public let settings: RepositorySettings
    let keyring: Keyring
    let now: Int64
    let observer: any RepositoryObserver

    /// The compressions of an index of packages. xz of a higher level takes several times as long and saves little.
    static let compressions = [Compression(codec: .xz, level: 2), Compression(codec: .gzip, level: 6)]
    static let contentsCompressions = [Compression(codec: .gzip, level: 6)]
    private static let decoderMemory: Int64 = 129 << 20

    /// Opens a repository; the folder has to be there.
    ///
    /// - Parameter now: seconds since 1970, for the dates that are signed.
    public init(
        root: String, settings: RepositorySettings, now: Int64, observer: any RepositoryObserver
    ) async throws(RepositoryError) {
        self.root = root
        self.settings = settings
        self.now = now
        self.observer = observer
        keyring = try await Keyring.load(settings)
    }

    /// Keeps other processes from changing it; the kernel lets go when this process ends.
    func lock(patience: Duration) throws(RepositoryError) -> DirectoryLock {
        do throws(FileError) { return try DirectoryLock(root) } catch {
            guard error.errno == FileError.wouldBlock else { throw RepositoryError(error) }
        }
        let owner = DirectoryLock.owner(of: root).map { "process \($0.pid) (\(DisplayText.inline($0.command)))" }
        observer.note("waiting for \(owner ?? "another process"), which changes '\(root)'")
        do throws(FileError) { return try DirectoryLock(root, patience: patience) } catch {
            guard error.errno == FileError.wouldBlock else { throw RepositoryError(error) }
            let owner = DirectoryLock.owner(of: root).map { "process \($0.pid) (\(DisplayText.inline($0.command)))" }
            throw RepositoryError(
                .locked, "repository-locked",
                "'\(root)' is being changed by \(owner ?? "another process"), for more than \(DurationText.short(patience))",
                help: "try again when it has ended")
        }
    }

    func folder(of suite: String) -> String { root + "/dists/" + suite }

    // MARK: - what is published

    /// A suite as it is published.
    struct State {
        var suite: RepositorySettings.Suite
        /// Nil when it was never published.
        var release: ReleaseFile?
        /// From the root on.
        var folder: String
    }

    /// Reads the state of a suite, which a key of the keyring has to have signed: what is built on it will be signed again.
    func state(of suite: RepositorySettings.Suite) async throws(RepositoryError) -> State {
        var state = State(suite: suite, folder: "dists/" + suite.name)
        let path = root + "/" + state.folder + "/InRelease"
        guard try RepositoryError.wrapping({ try FileStatus.ofIfExists(path, followLinks: true) }) != nil else {
            return state
        }
        let bytes = try RepositoryError.wrapping { try FileTree.readWhole(path, limit: 64 << 20) }
        let signatures = try await SignatureCheck(keyring: keyring).check(inRelease: bytes, in: ScratchFolder())
        guard !signatures.isEmpty, let text = ClearSignedText.text(of: String(decoding: bytes, as: UTF8.self)) else {
            throw RepositoryError(
                .input, "state-unsigned", "'\(path)' is not signed by a key of the keyring",
                help:
                    "if the key was exchanged, keep the former one in the keyring until clients have the new one; if not, "
                    + "somebody else has changed the repository: compare it with a copy")
        }
        let release = try ReleaseFile(parsing: text, name: path)
        if let date = release.date, date > now {
            throw RepositoryError(
                .machine, "clock",
                "suite '\(suite.name)' was published on \(MailDate.text(date)), and this machine's clock shows "
                    + MailDate.text(now),
                help: "set the clock; clients ignore a state that is older than the one that they have")
        }
        state.release = release
        return state
    }

    /// The suites of an option, or the only one.
    func suites(_ names: [String], all: Bool = false) throws(RepositoryError) -> [RepositorySettings.Suite] {
        if names.isEmpty {
            if all || settings.suites.count == 1 { return settings.suites }
            throw RepositoryError(
                .input, "suite", "there are several suites",
                help: "pass --suite with one of " + settings.suites.map(\.name).joined(separator: ", "))
        }
        var suites: [RepositorySettings.Suite] = []
        for name in names {
            guard let suite = settings.suite(name) else {
                throw RepositoryError(
                    .input, "suite", "there is no suite '\(DisplayText.inline(name))'",
                    help: SpellingSuggestion.of(name, among: settings.suites.map(\.name)).map {
                        "did you mean '\($0)'?"
                    }
                        ?? "suites: " + settings.suites.map(\.name).joined(separator: ", "))
            }
            suites.append(suite)
        }
        return suites
    }

    /// Refuses a suite that packages cannot be added to, before they are made.
    public func checkSuite(_ name: String?) throws(RepositoryError) { _ = try suites(name.map { [$0] } ?? []) }

    static func packagesPath(_ component: String, _ architecture: String) -> String {
        "\(component)/binary-\(architecture)/Packages"
    }

    /// A published index, or nil when there is none. It is read by its checksum, so that what a killed process has left
    /// beside it does not matter.
    func source(_ index: String, in state: State) throws(RepositoryError) -> (any ByteSource)? {
        let xz = index + ".xz"
        let name = state.release?.files[xz] == nil ? index + ".gz" : xz
        guard let sums = state.release?.files[name] else { return nil }
        let folder = root + "/" + state.folder + "/"
        return try RepositoryError.wrapping("cannot read \(state.folder)/\(name)") {
            let byHash = folder + ByHash.path(of: name, sums, .sha256)
            let path = try FileStatus.ofIfExists(byHash, followLinks: true) == nil ? folder + name : byHash
            // Before anything of it is used.
            guard try SummingSink.sums(of: path) == sums else {
                throw RepositoryError(
                    .input, "index-differs", "'\(path)' is not what the signed state names",
                    help: "copy it from where the repository is served, or from a backup")
            }
            let source = FileSource(try InputFile(path: path))
            if name == xz { return try XzDecoder(source, name: name, memory: Self.decoderMemory) }
            return try GzipSource(source, name: name)
        }
    }

    func reader(_ index: String, in state: State) throws(RepositoryError) -> PackageIndexReader? {
        try source(index, in: state).map { PackageIndexReader($0, name: "\(state.folder)/\(index)") }
    }

    /// The component and architecture of every published index of packages.
    static func indexes(of state: State) -> [(component: String, architecture: String)] {
        (state.release?.files.keys.sorted() ?? []).compactMap { path in
            let parts = path.split(separator: "/")
            guard parts.count == 3, parts[2] == "Packages.xz", parts[1].hasPrefix("binary-") else { return nil }
            return (String(parts[0]), String(parts[1].dropFirst(7)))
        }
    }

    /// Calls the body with every published package of some suites.
    public func list(
        suites names: [String],
        _ body: (_ suite: String, _ component: String, _ index: String, _ entry: IndexEntry) -> Void
    ) async throws(RepositoryError) {
        for suite in try suites(names, all: true) {
            let state = try await state(of: suite)
            for (component, architecture) in Self.indexes(of: state) {
                guard let reader = try reader(Self.packagesPath(component, architecture), in: state) else { continue }
                while let entry = try reader.next() { body(suite.name, component, architecture, entry) }
            }
        }
    }
}

/// What is told while a repository changes.
public protocol RepositoryObserver: Sendable {
    /// Something worth knowing.
    func note(_ text: String)
}

/// Decompresses gzip.
private final class GzipSource: ByteSource {
    private let archive: ArchiveReader
    private let isEmpty: Bool

    init(_ source: any ByteSource, name: String) throws(ArchiveError) {
        archive = try ArchiveReader(nested: source, name: name, formats: [.raw], decompressing: .gzip)
        isEmpty = try archive.next() == nil
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        isEmpty ? 0 : try archive.read(into: buffer)
    }
}
