import Archive
import Files

/// What a package was made of when it was last built, so that a build with the same plan need not be repeated.
struct BuildRecord: Sendable, Equatable {
    /// A checksum over the whole plan including the contents of every file.
    var fingerprint: String
    /// Checksums of the package.
    var checksums: PackageChecksums
    /// The state of the file when it had been written.
    var status: FileStatus

    private static let header = "debbuild build 2"

    /// Reads a record; one that is missing or not understood means that the package has to be built.
    static func load(_ path: String) -> BuildRecord? {
        guard let bytes = try? FileTree.readWhole(path, limit: 4096) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.count == 4, lines[0] == header else { return nil }
        let sums = lines[2].split(separator: " ").map(String.init)
        let numbers = lines[3].split(separator: " ").compactMap { Int64($0) }
        guard numbers.count == 5, sums.count == 3 else { return nil }
        return BuildRecord(
            fingerprint: String(lines[1]),
            checksums: PackageChecksums(md5: sums[0], sha1: sums[1], sha256: sums[2]),
            status: FileStatus(
                kind: .file, permissions: 0o644, size: numbers[0], modificationSeconds: numbers[1],
                modificationNanoseconds: numbers[2], inode: UInt64(bitPattern: numbers[3]),
                device: UInt64(bitPattern: numbers[4]), owner: 0, group: 0))
    }

    /// Writes the record.
    func save(_ path: String) throws(FileError) {
        let file = try AtomicFile(target: path)
        try file.write(
            text: """
                \(Self.header)
                \(fingerprint)
                \(checksums.md5) \(checksums.sha1) \(checksums.sha256)
                \(status.size) \(status.modificationSeconds) \(status.modificationNanoseconds) \
                \(Int64(bitPattern: status.inode)) \(Int64(bitPattern: status.device))

                """)
        try file.commit(.none)
    }

    /// Whether the file at a path is the one that this record is about.
    func describes(_ path: String) -> Bool {
        guard let now = try? FileStatus.ofIfExists(path, followLinks: false) else { return false }
        return now.kind == .file && now.size == status.size && now.inode == status.inode
            && now.device == status.device && now.modificationSeconds == status.modificationSeconds
            && now.modificationNanoseconds == status.modificationNanoseconds
    }
}
