import Archive
import Crypto
import DebianArchive
import DebianFormat
import Files
import Platform

/// What a package was made of when it was last built, so that a build with the same plan need not be repeated.
struct BuildRecord: Sendable, Equatable {
    /// A checksum over the whole plan including the contents of every file.
    var fingerprint: String
    /// Checksums of the package.
    var checksums: PackageChecksums
    /// The state of the file when it had been written.
    var status: FileStatus

    private static let header = "debbuild build 2"
    /// Stands for a checksum that was not computed.
    private static let none = "-"

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
            checksums: PackageChecksums(
                md5: sums[0] == none ? nil : sums[0], sha1: sums[1] == none ? nil : sums[1], sha256: sums[2]),
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
                \(checksums.md5 ?? Self.none) \(checksums.sha1 ?? Self.none) \(checksums.sha256)
                \(status.size) \(status.modificationSeconds) \(status.modificationNanoseconds) \
                \(Int64(bitPattern: status.inode)) \(Int64(bitPattern: status.device))

                """)
        try file.commit(.none)
    }

    /// Whether the file at a path is the one that this record is about.
    func describes(_ path: String) -> Bool {
        guard let now = try? FileStatus.ofIfExists(path, followLinks: false) else { return false }
        return now.isUnchanged(since: status)
    }
}

/// One checksum over everything that decides the bytes of a package.
enum PlanFingerprint {
    /// Raised whenever the writer would make other bytes of the same plan.
    private static let writerGeneration = "2"

    /// - Parameter contents: checksums by the position of the entry for files that have been read already; the others
    ///   come from the cache, which reads what it does not know.
    static func of(
        _ plan: BuildPlan, contents: [EntryDigests?] = [], checksums: ChecksumCache
    ) throws(FileError) -> String {
        var hash = FieldHash()
        func add(_ text: String) { hash.add(text) }
        add(writerGeneration)
        add(plan.fileName)
        add(plan.control.description)
        add("\(plan.compression) \(plan.compression.branchFilter)")
        add("\(plan.sourceDateEpoch)")
        // The file beside the package changes with it.
        if let scenario = plan.scenario { add(FileDigests.of(Array(scenario.text(of: plan.entries).utf8)).sha256) }
        for file in plan.controlFiles {
            add("\(file.name) \(file.permissions)")
            add(FileDigests.of(file.bytes).sha256)
        }
        for (position, planned) in plan.entries.enumerated() {
            let entry = planned.entry
            hash.add(entry.path)
            hash.add(entry.kind)
            hash.add(Int64(entry.permissions))
            for owner in [entry.owner, entry.group] {
                hash.add(owner.name)
                hash.add(owner.id)
            }
            hash.add(entry.modificationTime)
            hash.add(planned.isConffile ? 1 : 0)
            switch planned.source {
            case .nothing: break
            case .bytes(let bytes): add(FileDigests.of(bytes).sha256)
            case .file(let path, let status):
                if contents.indices.contains(position), let known = contents[position] {
                    checksums.remember(known.sha256, for: status)
                    add(Hexadecimal.text(known.sha256))
                } else {
                    add(try checksums.sha256(of: path, status: status))
                }
            case .archiveEntry(let path, let index, let status):
                add("\(try checksums.sha256(of: path, status: status)) \(index)")
            }
        }
        return hash.finish()
    }
}

/// SHA-256 over fields that cannot be taken for one another: each has its length in front, and a number has eight bytes.
private struct FieldHash {
    private var hash = SHA256()

    mutating func add(_ text: String) {
        var text = text
        add(Int64(text.utf8.count))
        text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
    }

    mutating func add(_ number: Int64) {
        withUnsafeBytes(of: number.littleEndian) { hash.update(bufferPointer: $0) }
    }

    mutating func add(_ kind: Entry.Kind) {
        switch kind {
        case .file(let size):
            add(0)
            add(size)
        case .directory: add(1)
        case .symbolicLink(let target):
            add(2)
            add(target)
        case .hardLink(let target):
            add(3)
            add(target)
        case .other(let name, let device):
            add(4)
            add(name)
            add(device ?? "")
        }
    }

    func finish() -> String { Hexadecimal.text(hash.finalize()) }
}
