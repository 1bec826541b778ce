import Crypto
import Downloads
import Files
import MeshContract
import Platform

/// The packages of a published release, kept in a cache by their checksums.
public struct ReleasePackages: Sendable {
    private let url: String
    private let cache: String
    private let architecture: String?
    private let timeLimit: Int

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
        self.timeLimit = timeLimit
    }

    /// Downloads what is not in the cache, checked.
    public func files(progress: (String) -> Void) async throws(SetupProblems) -> [StagedFile] {
        do throws(FileError) {
            try FileTree.createDirectories(cache, permissions: 0o700)
        } catch {
            throw Self.fault(cache, error)
        }
        let origin = url + "/" + ReleaseDescription.fileName
        let description = try ReleaseDescription(
            try await bytes(origin, limit: 1 << 20), origin: origin)
        var lists: [String: ChecksumFile] = [:]
        var files: [StagedFile] = []
        for name in PackageInput.names {
            // meshcheck has no setting of its own: it is beside the sidecar.
            guard let folder = description.folders[name] ?? description.folders["istio-proxy"] else { continue }
            if lists[folder] == nil {
                lists[folder] = ChecksumFile(
                    try await bytes(folder + "/" + ChecksumFile.fileName, limit: ChecksumFile.limit))
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
        let expected = candidates.values.sorted().joined(separator: " or ")
        // A name of its own for every expected content, so that only the right beginning is continued.
        let key = Hexadecimal.text(SHA256.hash(data: Array((source + expected).utf8))).prefix(16)
        let downloaded = cache + "/\(name).\(key)"
        progress("\(plain): downloading \(source)")
        var found: StagedFile?
        var fault: String?
        let isRight = try await download(source, to: downloaded, limit: PackageInput.sizeLimit, isCovered: true) {
            path in
            do throws(FileError) {
                let file = StagedFile(name: plain, bytes: try FileTree.readWhole(path, limit: PackageInput.sizeLimit))
                let isExpected = candidates.values.contains(file.digest)
                let other = "it has \(file.bytes.count) bytes and SHA-256 \(file.digest), expected \(expected)"
                fault = PackageInput.fault(of: file.bytes) ?? (isExpected ? nil : other)
                found = file
            } catch {
                fault = error.description
            }
            return fault == nil
        }
        guard isRight, let file = found else {
            throw SetupProblems([
                SetupProblem(
                    .unreachable, "use \(source)", found: fault ?? "nothing",
                    remedy: "run it again; if it stays so, the file and SHA256SUMS there do not belong together")
            ])
        }
        do throws(FileError) {
            try FileTree.rename(downloaded, to: path(file.digest))
        } catch {
            throw Self.fault(downloaded, error)
        }
        return file
    }

    /// A small file, which is not kept.
    private func bytes(_ url: String, limit: Int) async throws(SetupProblems) -> [UInt8] {
        let path = cache + "/.small.\(FileTree.processIdentifier).tmp"
        _ = try await download(url, to: path, limit: limit, isCovered: false) { _ in true }
        do throws(FileError) {
            let bytes = try FileTree.readWhole(path, limit: limit)
            try FileTree.remove(path)
            return bytes
        } catch {
            throw Self.fault(path, error)
        }
    }

    private func download(
        _ url: String, to path: String, limit: Int, isCovered: Bool, isRight: (String) -> Bool
    ) async throws(SetupProblems) -> Bool {
        do throws(DownloadError) {
            var limits = DownloadLimits()
            limits.time = timeLimit
            limits.bytes = limit
            return try await Downloader(limits: limits)
                .file(url, to: path, isCovered: isCovered, isRight: isRight)
        } catch {
            let (kind, remedy): (SetupProblem.Kind, String) =
                switch error.reason {
                case .noCurl: (.fault, "apt-get install curl")
                case .file: (.fault, "look for space and rights there")
                case .timedOut, .stalled: (.timedOut, "run it again: it continues where it stopped")
                case .waited: (.timedOut, "another meshex is downloading the same file: wait for it, or end it")
                case .cancelled, .interrupted: (.unreachable, "run it again: it continues where it stopped")
                case .curl(status: 23, _): (.fault, "look for space there: df -h \(path)")
                case .retryLater: (.unreachable, "run it again when the server is ready")
                case .status: (.unreachable, "check that the release is published there")
                case .tooLarge: (.unreachable, "check what the server has")
                case .curl: (.unreachable, "check that the address is right and can be reached")
                }
            throw SetupProblems([SetupProblem(kind, "download \(error.url)", found: error.found, remedy: remedy)])
        }
    }

    private static func fault(_ path: String, _ error: FileError) -> SetupProblems {
        SetupProblems([
            SetupProblem(.fault, "use \(path)", found: error.description, remedy: "look for space and rights there")
        ])
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
            throw Self.fault(path, error)
        }
    }
}

/// What `istio.VERSION` says: where the packages of a release are.
public struct ReleaseDescription: Sendable, Hashable {
    /// The name of the file.
    public static let fileName = "istio.VERSION"
    /// The settings with the address of each package.
    static let settings = [
        ("istio-agent", "PILOT_DEBIAN_URL"), ("istio-proxy", "PROXY_DEBIAN_URL"),
        ("istio-auth-node-agent", "AUTH_DEBIAN_URL"),
    ]

    /// The version of the packages, where it is said.
    public let version: String?
    /// Folders by package, without a final slash.
    public let folders: [String: String]

    /// Reads the file; it is never executed.
    ///
    /// - Parameter origin: its address, for the error.
    public init(_ bytes: [UInt8], origin: String) throws(SetupProblems) {
        let values = EnvironmentFile(bytes).values
        var folders: [String: String] = [:]
        var problems: [SetupProblem] = []
        for (package, setting) in Self.settings {
            guard var url = values[setting], ReleaseAddress.isValid(url) else {
                problems.append(
                    SetupProblem(
                        "use \(origin)", found: values[setting].map { "\(setting) is '\($0)'" } ?? "no \(setting)",
                        remedy: "write it with: debbuild all --release-url URL"))
                continue
            }
            while url.utf8.last == UInt8(ascii: "/") { url = String(decoding: url.utf8.dropLast(), as: UTF8.self) }
            folders[package] = url
        }
        guard problems.isEmpty else { throw SetupProblems(problems) }
        self.folders = folders
        version = values["ISTIO_VM_VERSION"]
    }
}

/// Addresses that are given to curl(1).
enum ReleaseAddress {
    /// Whether it is a plain http, https or file URL: printable, without blanks and what curl expands.
    static func isValid(_ url: String) -> Bool {
        let schemes = ["https://", "http://", "file:///"]
        guard url.utf8.count <= 2000, schemes.contains(where: { url.utf8.starts(with: $0.utf8) }) else { return false }
        return url.utf8.allSatisfy { (0x21..<0x7f).contains($0) && !Array("\"'`\\<>{}|^[]".utf8).contains($0) }
    }
}
