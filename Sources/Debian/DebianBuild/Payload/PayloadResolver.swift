import Archive
import DebianArchive
import DebianFormat
import Downloads
import Files

/// Makes a payload available as a plain file: verified, unpacked from its archive, downloaded or compiled.
struct PayloadResolver: Sendable {
    /// Downloads and unpacked members, addressed by checksum.
    var cache: BuildCache
    /// What a download may cost.
    var downloadLimits: DownloadLimits
    /// What an archive may cost.
    var archiveLimits: ArchiveLimits
    /// The root of the Swift package whose products are payload.
    var packageDirectory: String?
    /// Swift SDK names by architecture, for products of other architectures than this machine's.
    var swiftSDKs: [Architecture: String]
    /// Further arguments of `swift build`.
    var swiftOptions: [String]
    /// Remembers checksums by size, time and inode.
    var checksums: ChecksumCache
    /// Told what is being done, in a few words.
    var announce: @Sendable (String) -> Void

    /// Creates a resolver.
    init(
        cache: BuildCache, downloadLimits: DownloadLimits = DownloadLimits(),
        archiveLimits: ArchiveLimits = ArchiveLimits(), packageDirectory: String?,
        swiftSDKs: [Architecture: String] = [:], swiftOptions: [String] = [], checksums: ChecksumCache,
        announce: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.cache = cache
        self.downloadLimits = downloadLimits
        self.archiveLimits = archiveLimits
        self.packageDirectory = packageDirectory
        self.swiftSDKs = swiftSDKs
        self.swiftOptions = swiftOptions
        self.checksums = checksums
        self.announce = announce
    }

    /// Resolves one payload.
    func resolve(_ source: PayloadSource) async throws(PayloadError) -> ResolvedPayload {
        switch source.location {
        case .path(let path):
            let status = try verified(path, sha256: source.sha256)
            return ResolvedPayload(path: path, status: status)
        case .archive(let path, let member):
            _ = try verified(path, sha256: source.sha256)
            return try unpack(path, member: member)
        case .url(let url, let member):
            let path = try await download(url, sha256: source.sha256)
            guard let member else { return ResolvedPayload(path: path, status: try status(path)) }
            return try unpack(path, member: member)
        case .product(let product):
            let path = try await SwiftProduct(
                name: product, packageDirectory: packageDirectory, architecture: source.architecture,
                swiftSDK: swiftSDKs[source.architecture], options: swiftOptions, cache: cache, announce: announce
            ).build()
            return ResolvedPayload(path: path, status: try status(path))
        }
    }

    /// A folder of the cache.
    func folder(_ name: String) throws(PayloadError) -> String {
        do throws(FileError) { return try cache.folder(name) } catch { throw .file(error) }
    }

    /// Whether it is worth trying again, because the cache could not be written and something else is in its place.
    func turnsAway(from error: FileError) throws(PayloadError) -> Bool {
        do throws(FileError) { return try cache.giveUp(error) } catch { throw .file(error) }
    }

    private func status(_ path: String) throws(PayloadError) -> FileStatus {
        do {
            guard let status = try FileStatus.ofIfExists(path, followLinks: true) else {
                throw PayloadError.missing(path: path, nearest: NearestPath.existing(for: path))
            }
            guard status.kind == .file else { throw PayloadError.notAFile(path: path) }
            let file = try InputFile(path: path)
            guard try file.hasItsSize() else { throw PayloadError.sizeless(path: path) }
            return status
        } catch let error as PayloadError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .file(FileError(operation: "stat", path: path, errno: 0))
        }
    }

    func verified(_ path: String, sha256 expected: String?) throws(PayloadError) -> FileStatus {
        let status = try status(path)
        guard let expected else { return status }
        do {
            let found = try checksums.sha256(of: path, status: status)
            guard found == expected else { throw PayloadError.checksum(path: path, expected: expected, found: found) }
            return status
        } catch let error as PayloadError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .file(FileError(operation: "read", path: path, errno: 0))
        }
    }

    /// The member lies in the cache under the archive's checksum, so a changed archive is unpacked again.
    private func unpack(_ archive: String, member: String) throws(PayloadError) -> ResolvedPayload {
        while true {
            do throws(PayloadError) {
                return try unpack(archive, member: member, to: try folder("members"))
            } catch {
                let failure: FileError
                switch error {
                case .file(let error): failure = error
                case .archive(let archiveError):
                    guard case .output(let error) = archiveError.code else { throw error }
                    failure = error
                default: throw error
                }
                guard try turnsAway(from: failure) else { throw error }
            }
        }
    }

    private func unpack(
        _ archive: String, member: String, to directory: String
    ) throws(PayloadError) -> ResolvedPayload {
        do {
            let archiveSum = try checksums.sha256(of: archive, status: status(archive))
            let memberSum = FileDigests.of(Array(member.utf8)).sha256
            let target = directory + "/\(archiveSum.prefix(32))-\(memberSum.prefix(16))"
            if let present = try FileStatus.ofIfExists(target, followLinks: false), present.kind == .file {
                return ResolvedPayload(path: target, status: present)
            }
            announce("unpacking \(member) from \(archive)")
            try MemberExtractor.extract(
                archive: archive, member: member, to: target, permissions: 0o755, limits: archiveLimits)
            return ResolvedPayload(path: target, status: try status(target))
        } catch let error as PayloadError {
            throw error
        } catch let error as ArchiveError {
            throw .archive(error)
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .file(FileError(operation: "unpack", path: archive, errno: 0))
        }
    }
}
