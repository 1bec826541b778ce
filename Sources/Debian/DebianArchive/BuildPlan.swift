import Archive
import DebianFormat
import ELF
import Files
import Glibc

/// Everything that goes into one `.deb`, decided: every control field computed, every entry resolved.
///
/// Nothing that happens after a plan has been made can be a mistake in the specification; what can still fail is the
/// machine (a full disk, a file that changes while it is read).
public struct BuildPlan: Sendable {
    /// The binary package's name.
    public var package: PackageName
    /// The Debian version (deb-version(7)).
    public var version: DebianVersion
    /// The architecture that the package is built for; `all` where it has no machine code.
    public var architecture: Architecture
    /// The binary control paragraph in dpkg's field order (deb-control(5)).
    public var control: ControlParagraph
    /// The members of `control.tar` beside `control` and `md5sums`, sorted by name.
    public var controlFiles: [ControlFile]
    /// The members of `data.tar` in the order in which they are written: a directory before what is in it.
    public var entries: [PlannedEntry]
    /// How both tar members are compressed.
    public var compression: Compression
    /// Seconds since 1970 that no modification time in the package exceeds.
    public var sourceDateEpoch: Int64
    /// What is worth saying about the plan though it does not stop it.
    public var warnings: [PlanWarning]

    /// Creates a plan.
    public init(
        package: PackageName, version: DebianVersion, architecture: Architecture, control: ControlParagraph,
        controlFiles: [ControlFile], entries: [PlannedEntry], compression: Compression, sourceDateEpoch: Int64,
        warnings: [PlanWarning] = []
    ) {
        self.package = package
        self.version = version
        self.architecture = architecture
        self.control = control
        self.controlFiles = controlFiles
        self.entries = entries
        self.compression = compression
        self.sourceDateEpoch = sourceDateEpoch
        self.warnings = warnings
    }

    /// The name of the file to write, `NAME_VERSION_ARCH.deb`, with the epoch left out as dpkg does.
    public var fileName: String { "\(package)_\(version.withoutEpoch)_\(architecture).deb" }

    /// The bytes of all regular files before compression.
    public var payloadSize: Int64 {
        entries.reduce(0) { sum, entry in
            if case .file(let size) = entry.entry.kind { return sum + size }
            return sum
        }
    }
}

/// A member of `data.tar` with the place that its contents come from.
public struct PlannedEntry: Sendable, Hashable {
    /// Path in the archive (`./usr/bin/x`), kind, mode, owner and time.
    public var entry: Entry
    /// Where the contents are.
    public var source: ContentSource
    /// True when the file is listed in `conffiles`.
    public var isConffile: Bool

    /// Creates a planned entry.
    public init(entry: Entry, source: ContentSource, isConffile: Bool) {
        self.entry = entry
        self.source = source
        self.isConffile = isConffile
    }

    /// The absolute path on the machine that the package is installed on.
    public var installedPath: String {
        var path = entry.path.utf8[...]
        if path.first == UInt8(ascii: ".") { path = path.dropFirst() }
        if path.last == UInt8(ascii: "/") { path = path.dropLast() }
        return path.isEmpty ? "/" : String(Substring(path))
    }

    /// Whether the entry has bytes of its own, and so checksums.
    var hasContents: Bool {
        guard case .file = entry.kind else { return false }
        return source != .nothing
    }
}

/// Where the contents of a planned entry come from.
public enum ContentSource: Sendable, Hashable {
    /// A directory or a link has none.
    case nothing
    /// Made by the plan itself, such as a compressed changelog.
    case bytes([UInt8])
    /// A file on this machine, with its status when the plan was made.
    case file(path: String, status: FileStatus)
    /// The n-th entry (from 0) of an archive on this machine.
    case archiveEntry(archive: String, index: Int, status: FileStatus)
}

/// Something worth knowing about a plan, with a stable code.
public struct PlanWarning: Sendable, Hashable {
    /// A stable code such as `elf-static`.
    public var code: String
    /// The sentence for people, in lower case.
    public var message: String

    /// Creates a remark.
    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}

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
                textLimit: isSmall ? texts.limits.textBytes : 0, scratchFolder: LexicalPath.split(path).folder)
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
