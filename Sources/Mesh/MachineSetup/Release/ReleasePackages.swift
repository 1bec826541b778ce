import Files
import MeshContract

/// The packages of a published release, kept in a cache by their checksums.
public struct ReleasePackages: Sendable {
    private let url: String
    private let cache: String
    private let architecture: String?
    private let download: Download

    /// Creates a release.
    ///
    /// - Parameters:
    ///   - url: the folder with istio.VERSION, without a final slash or with it.
    ///   - cache: a folder of the user's.
    ///   - architecture: of the packages, where SHA256SUMS has several; nil for any.
    ///   - timeLimit: seconds for one file.
    public init(
        url: String, cache: String, architecture: String?, timeLimit: Int
    ) throws(SetupProblems) {
        guard ReleaseAddress.isValid(url) else {
            throw SetupProblems([
                SetupProblem(
                    "use the release '\(url)'", found: "no plain URL",
                    remedy: "give an address such as https://HOST/DIR")
            ])
        }
        var bytes = Array(url.utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        self.url = String(decoding: bytes, as: UTF8.self)
        self.cache = cache
        self.architecture = architecture
        download = try Download(timeLimit: timeLimit)
    }

    /// Downloads what is not in the cache, checked.
    public func files(progress: (String) -> Void) async throws(SetupProblems) -> [StagedFile] {
        do throws(FileError) {
            try FileTree.createDirectories(cache, permissions: 0o700)
        } catch {
            throw Download.fault(cache, error)
        }
        let origin = url + "/" + ReleaseDescription.fileName
        let description = try ReleaseDescription(
            try await download.bytes(origin, in: cache, limit: 1 << 20), origin: origin)
        var lists: [String: ChecksumFile] = [:]
        var files: [StagedFile] = []
        for name in PackageInput.names {
            // meshcheck has no setting of its own: it is beside the sidecar.
            guard let folder = description.folders[name] ?? description.folders["istio-proxy"] else { continue }
            if lists[folder] == nil {
                lists[folder] = ChecksumFile(
                    try await download.bytes(
                        folder + "/" + ChecksumFile.fileName, in: cache, limit: ChecksumFile.limit))
            }
            let entries = candidates(name, lists[folder]?.sums ?? [:], version: description.version)
            if entries.isEmpty {
                if !MeshNames.packages.contains(name) { continue }
                throw SetupProblems([
                    SetupProblem(
                        .unreachable, "use \(folder)/\(ChecksumFile.fileName)", found: "no checksum of \(name)",
                        remedy: "publish it as debbuild writes it")
                ])
            }
            files.append(try await package(name, in: folder, entries, progress: progress))
        }
        return files
    }

    /// Names and checksums that `NAME.deb` may have: of the release's version, where that is said.
    private func candidates(_ package: String, _ sums: [String: String], version: String?) -> [String: String] {
        let all = sums.filter { name, _ in
            guard PackageInput.packageName(name) == package, name.utf8.suffix(4).elementsEqual(".deb".utf8) else {
                return false
            }
            guard let architecture else { return true }
            return ["_\(architecture).deb", "_all.deb"].contains {
                name.utf8.suffix($0.utf8.count).elementsEqual($0.utf8)
            }
        }
        guard let version else { return all }
        let own = all.filter { $0.key.utf8.starts(with: "\(package)_\(version)_".utf8) }
        return own.isEmpty ? all : own
    }

    private func package(
        _ name: String, in folder: String, _ candidates: [String: String], progress: (String) -> Void
    ) async throws(SetupProblems) -> StagedFile {
        let plain = "\(name).deb"
        if candidates.count == 1, let entry = candidates.first, let file = try cached(entry.value, as: plain) {
            progress("\(plain): in the cache")
            return file
        }
        let source = folder + "/" + plain
        // A name of its own for every expected content, so that a download goes on with the right beginning only.
        let key = Checksum.sha256(of: Array((source + candidates.values.sorted().joined()).utf8)).prefix(16)
        let part = cache + "/\(name).\(key).part"
        progress("\(plain): downloading \(source)")
        try await download.file(source, to: part, limit: PackageInput.sizeLimit)
        let file = StagedFile(name: plain, bytes: try read(part))
        let expected = candidates.values.sorted().joined(separator: " or ")
        let isExpected = candidates.values.contains(file.digest)
        let other = "it has \(file.bytes.count) bytes and SHA-256 \(file.digest), expected \(expected)"
        let fault = PackageInput.fault(of: file.bytes) ?? (isExpected ? nil : other)
        do throws(FileError) {
            if fault == nil { try FileTree.rename(part, to: path(file.digest)) } else { try FileTree.remove(part) }
        } catch {
            throw Download.fault(part, error)
        }
        if let fault {
            throw SetupProblems([
                SetupProblem(
                    .unreachable, "use \(source)", found: fault,
                    remedy: "run it again; if it stays so, the file and SHA256SUMS there do not belong together")
            ])
        }
        return file
    }

    private func read(_ path: String) throws(SetupProblems) -> [UInt8] {
        do throws(FileError) {
            return try FileTree.readWhole(path, limit: PackageInput.sizeLimit)
        } catch {
            throw Download.fault(path, error)
        }
    }

    private func path(_ digest: String) -> String { cache + "/" + digest + ".deb" }

    private func cached(_ digest: String, as name: String) throws(SetupProblems) -> StagedFile? {
        let path = path(digest)
        do throws(FileError) {
            guard try FileStatus.ofIfExists(path, followLinks: false)?.kind == .file else { return nil }
            let file = StagedFile(name: name, bytes: try FileTree.readWhole(path, limit: PackageInput.sizeLimit))
            if file.digest == digest { return file }
            try FileTree.remove(path)
            return nil
        } catch {
            throw Download.fault(path, error)
        }
    }
}
