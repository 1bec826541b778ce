import Archive
import Crypto
import DebianArchive
import Dispatch
import Files
import Platform
import Synchronization

/// SHA-256 of the files that a plan is made of, before they are packed.
enum EntryChecksums {
    /// The checksums by the position of the entry, in lower-case hexadecimal; nil for what has no contents.
    ///
    /// On all processors; what the cache remembers is not read.
    static func of(_ plan: BuildPlan, checksums: ChecksumCache) throws(BuildError) -> [String?] {
        typealias Found = (sums: [String?], failure: FileError?)
        let found = Mutex<Found>(([String?](repeating: nil, count: plan.entries.count), nil))
        let entries = plan.entries
        let share = 64
        DispatchQueue.concurrentPerform(iterations: (entries.count + share - 1) / share) { part in
            for position in part * share..<min((part + 1) * share, entries.count) {
                do throws(FileError) {
                    let sum: String
                    switch entries[position].source {
                    case .bytes(let bytes): sum = FileDigests.of(bytes).sha256
                    case .file(let path, let status): sum = try checksums.sha256(of: path, status: status)
                    case .nothing, .archiveEntry: continue
                    }
                    found.withLock { $0.sums[position] = sum }
                } catch {
                    found.withLock { $0.failure = $0.failure ?? error }
                }
            }
        }
        var (sums, failure) = found.withLock { $0 }
        if let failure { throw .file(package: plan.fileName, failure) }
        do throws(ArchiveError) { try addArchives(plan, to: &sums) } catch {
            throw .archive(package: plan.fileName, error)
        }
        return sums
    }

    /// One pass over each archive, whatever the order of the plan.
    private static func addArchives(_ plan: BuildPlan, to sums: inout [String?]) throws(ArchiveError) {
        var wanted: [ByteKey: [Int: [Int]]] = [:]
        for (position, planned) in plan.entries.enumerated() {
            guard case .archiveEntry(let path, let index, _) = planned.source, case .file = planned.entry.kind else {
                continue
            }
            wanted[ByteKey(path), default: [:]][index, default: []].append(position)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        for (archive, positions) in wanted {
            let reader = try ArchiveReader(path: archive.text, limits: .readBefore)
            var left = positions.count
            var index = 0
            // An archive that has become shorter is noticed when the package is written.
            while left > 0, try reader.next() != nil {
                defer { index += 1 }
                guard let places = positions[index] else { continue }
                left -= 1
                var hash = SHA256()
                while case let count = try reader.read(into: buffer), count > 0 {
                    hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
                let sum = Hexadecimal.text(hash.finalize())
                for place in places { sums[place] = sum }
            }
        }
    }
}
