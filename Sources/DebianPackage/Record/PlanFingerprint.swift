import Archive
import Crypto
import DebianFormat
import Files

/// One checksum over everything that decides the bytes of a package.
enum PlanFingerprint {
    /// Raised whenever the writer would make other bytes of the same plan.
    private static let writerGeneration = "1"

    /// - Parameters:
    ///   - contents: SHA-256 by path for files that have been read already; the others come from the cache.
    ///   - mayRead: whether a file that is in neither may be read now.
    /// - Returns: nil when a file's checksum is not known and may not be read.
    static func of(
        _ plan: BuildPlan, contents: [String: FileDigests] = [:], checksums: ChecksumCache, mayRead: Bool
    ) throws(FileError) -> String? {
        var hash = SHA256()
        func add(_ text: String) {
            var text = text
            // Lengths in front keep two neighbouring fields from being taken for one another.
            let length = text.utf8.count
            text = "\(length):\(text)"
            text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        }
        add(writerGeneration)
        add(plan.fileName)
        add(plan.control.description)
        add("\(plan.compression) \(plan.compression.branchFilter)")
        add("\(plan.sourceDateEpoch)")
        for file in plan.controlFiles {
            add("\(file.name) \(file.permissions)")
            add(FileDigests.of(file.bytes).sha256)
        }
        for planned in plan.entries {
            let entry = planned.entry
            add(entry.path)
            add(
                "\(entry.kind) \(entry.permissions) \(entry.owner) \(entry.group) \(entry.modificationTime) "
                    + "\(planned.isConffile)")
            switch planned.source {
            case .nothing: break
            case .bytes(let bytes): add(FileDigests.of(bytes).sha256)
            case .file(let path, let status):
                if let sum = contents[planned.installedPath]?.sha256 {
                    checksums.remember(sum, for: status)
                    add(sum)
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
        return Hexadecimal.text(hash.finalize())
    }
}
