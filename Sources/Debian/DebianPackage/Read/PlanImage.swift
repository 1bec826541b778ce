import Archive
import DebianFormat
import ELF
import Files
import Glibc

extension PackageImage {
    /// The package that a plan will become, so that lint can look at it before anything is written.
    ///
    /// Small texts and ELF facts are read where the contents are; checksums are not taken.
    ///
    /// - Throws: ``BuildError`` when a source cannot be read.
    public init(plan: BuildPlan, limits: DebReadLimits = DebReadLimits()) throws(BuildError) {
        self.init(
            fileName: plan.fileName, control: plan.control, controlFiles: plan.controlFiles,
            timeLimit: plan.sourceDateEpoch, isPlanned: true)
        do {
            var texts = TextBudget(limits)
            var archives: [String: [Int]] = [:]
            for planned in plan.entries {
                var image = ImageEntry(
                    path: planned.installedPath, kind: planned.entry.kind, permissions: planned.entry.permissions,
                    owner: planned.entry.owner, group: planned.entry.group,
                    modificationTime: planned.entry.modificationTime)
                switch planned.source {
                case .nothing: break
                case .bytes(let bytes): image.text = texts.take(bytes)
                case .file(let path, let status): try Self.read(path, size: status.size, into: &image, texts: &texts)
                case .archiveEntry(let archive, _, _): archives[archive, default: []].append(entries.count)
                }
                entries.append(image)
            }
            for (archive, indices) in archives {
                try readArchive(archive, plan: plan, indices: indices, texts: &texts)
            }
            skippedTexts = texts.skipped
        } catch let error as FileError {
            throw .file(package: plan.fileName, error)
        } catch let error as ArchiveError {
            throw .archive(package: plan.fileName, error)
        } catch {
            throw .unexpected(package: plan.fileName, detail: "\(error)")
        }
    }

    private static func read(
        _ path: String, size: Int64, into image: inout ImageEntry, texts: inout TextBudget
    ) throws {
        let file = try InputFile(path: path)
        if ELFFile.isELF(prefix: try file.bytes(at: 0, count: 4)) {
            do throws(ELFError) {
                image.elf = try ELFFile(
                    reading: { offset, count in try file.bytes(at: Int64(clamping: offset), count: count) },
                    size: UInt64(max(0, size)))
            } catch {
                image.malformedELF = "\(error)"
            }
        } else if size <= Int64(texts.limits.textBytes) {
            image.text = texts.take(try file.bytes(at: 0, count: Int(size)))
        }
    }

    /// One pass over an archive for all entries that come from it.
    private mutating func readArchive(
        _ path: String, plan: BuildPlan, indices: [Int], texts: inout TextBudget
    ) throws {
        var wanted: [Int: [Int]] = [:]
        for index in indices {
            guard case .archiveEntry(_, let position, _) = plan.entries[index].source else { continue }
            wanted[position, default: []].append(index)
        }
        let reader = try ArchiveReader(path: path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
        defer { buffer.deallocate() }
        var position = -1
        while !wanted.isEmpty, let entry = try reader.next() {
            position += 1
            guard let targets = wanted.removeValue(forKey: position), case .file(let size) = entry.kind else {
                continue
            }
            let isSmall = size <= Int64(texts.limits.textBytes)
            var probe = ContentProbe(
                textLimit: isSmall ? texts.limits.textBytes : 0, scratchFolder: EntryPaths.parent(of: path))
            while true {
                let count = try reader.read(into: buffer)
                if count == 0 { break }
                try probe.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            let result = try probe.finish()
            for index in targets {
                entries[index].elf = result.elf
                entries[index].malformedELF = result.malformedELF
                entries[index].md5 = result.digests.md5
                entries[index].sha256 = result.digests.sha256
                entries[index].text = result.text.flatMap { texts.take($0) }
            }
        }
    }
}

/// How much text an image may still keep.
private struct TextBudget {
    let limits: DebReadLimits
    private var used = 0
    private(set) var skipped = 0

    init(_ limits: DebReadLimits) {
        self.limits = limits
    }

    mutating func take(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count <= limits.textBytes, !bytes.contains(0) else { return nil }
        guard used + bytes.count <= limits.allTextBytes else {
            skipped += 1
            return nil
        }
        used += bytes.count
        return bytes
    }
}
