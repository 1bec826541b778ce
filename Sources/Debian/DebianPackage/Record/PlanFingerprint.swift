import Archive
import Crypto
import DebianFormat
import Files
import Platform

/// One checksum over everything that decides the bytes of a package.
enum PlanFingerprint {
    /// Raised whenever the writer would make other bytes of the same plan.
    private static let writerGeneration = "2"

    /// - Parameters:
    ///   - contents: checksums by the position of the entry for files that have been read already; the others come from
    ///     the cache.
    ///   - mayRead: whether a file that is in neither may be read now.
    /// - Returns: nil when a file's checksum is not known and may not be read.
    static func of(
        _ plan: BuildPlan, contents: [EntryDigests?] = [], checksums: ChecksumCache, mayRead: Bool
    ) throws(FileError) -> String? {
        var hash = FieldHash()
        func add(_ text: String) { hash.add(text) }
        add(writerGeneration)
        add(plan.fileName)
        add(plan.control.description)
        add("\(plan.compression) \(plan.compression.branchFilter)")
        add("\(plan.sourceDateEpoch)")
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
                } else if let sum = checksums.remembered(status) {
                    add(sum)
                } else if mayRead {
                    add(try checksums.sha256(of: path, status: status))
                } else {
                    return nil
                }
            case .archiveEntry(let path, let index, let status):
                guard mayRead || checksums.remembered(status) != nil else { return nil }
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
        case .other(let name):
            add(4)
            add(name)
        }
    }

    func finish() -> String { Hexadecimal.text(hash.finalize()) }
}
