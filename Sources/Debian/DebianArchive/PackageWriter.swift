import Archive
import DebianFormat
import Files
import Platform

/// Writes a plan as a `.deb` (deb(5)): payload from disk through checksums, tar and compressor to a scratch file, then
/// `control.tar`, then the `ar` around both, under a temporary name that is synced and renamed.
public struct PackageWriter: Sendable {
    /// Called with the number of payload bytes read since the last call.
    public typealias Progress = @Sendable (_ bytes: Int) -> Void

    /// The folder that the package is written to; it exists.
    public var outputDirectory: String
    /// Compressor threads; the bytes of the package do not depend on their number.
    public var threads: Int
    /// Whether MD5 and SHA-1 of the package are computed as well, which a `.buildinfo` needs and nothing else.
    public var computesAllChecksums: Bool
    /// Told about payload bytes as they are read.
    public var progress: Progress?
    private static let blockSize = 256 * 1024

    /// Creates a writer into a folder.
    public init(
        outputDirectory: String, threads: Int = 1, computesAllChecksums: Bool = true, progress: Progress? = nil
    ) {
        self.outputDirectory = outputDirectory
        self.threads = threads
        self.computesAllChecksums = computesAllChecksums
        self.progress = progress
    }

    /// Writes the package and returns what was written.
    ///
    /// - Parameter prepare: called when the package is complete and before it takes its name.
    /// - Throws: ``BuildError``. The file that had the package's name before is then still there, untouched.
    public func write(
        _ plan: BuildPlan, before prepare: (BuiltPackage) throws -> Void = { _ in }
    ) throws(BuildError) -> BuiltPackage {
        let target = outputDirectory + "/" + plan.fileName
        do {
            let file = try AtomicFile(target: target)
            let built =
                plan.compression.codec == .none ? try writeInPlace(plan, to: file) : try writeCompressed(plan, to: file)
            let package = BuiltPackage(
                path: target, size: built.size, checksums: built.checksums, digests: built.digests)
            // What follows is then only a matter of names.
            try file.sync()
            try prepare(package)
            try file.commit(.none)
            return package
        } catch let error as BuildError {
            throw error
        } catch let error as ArchiveError {
            throw .archive(package: plan.fileName, error)
        } catch let error as FileError {
            throw .file(package: plan.fileName, error)
        } catch {
            throw .unexpected(package: plan.fileName, detail: "\(error)")
        }
    }

    private typealias Written = (size: Int64, checksums: PackageChecksums, digests: [EntryDigests?])

    /// The size of the compressed payload is known only when it is there, and stands in front of it.
    private func writeCompressed(_ plan: BuildPlan, to file: AtomicFile) throws -> Written {
        let data = try ScratchFile(in: outputDirectory)
        let digests = try writeData(plan, to: data, size: { data.size })
        let control = try ScratchFile(in: outputDirectory)
        try writeControl(plan, digests: digests, to: control)
        let sink = HashingSink(forwardingTo: file, wantsAll: computesAllChecksums)
        try assemble(plan, control: control, data: Member(data), sink: sink)
        return (sink.count, sink.finish(), digests)
    }

    /// Without compression every size is known before, so that the payload is written where it stays; only the checksums
    /// of its files are filled in afterwards.
    private func writeInPlace(_ plan: BuildPlan, to file: AtomicFile) throws -> Written {
        let empty = ContentDigests()
        empty.endFile()
        let unknown = empty.finish().first
        let placeholder = try ScratchFile(in: outputDirectory)
        try writeControl(plan, digests: plan.entries.map { $0.hasContents ? unknown : nil }, to: placeholder)
        let measure = CountingSink()
        try assemble(plan, control: placeholder, data: Member(placeholder, size: 0), sink: measure)
        let start = measure.count

        try file.seek(to: start)
        let data = CountingSink(forwardingTo: file)
        let digests = try writeData(plan, to: data, size: { data.count })
        let control = try ScratchFile(in: outputDirectory)
        try writeControl(plan, digests: digests, to: control)
        let sink = HashingSink(
            forwardingTo: BeginningSink(file, length: start), wantsAll: computesAllChecksums)
        try assemble(plan, control: control, data: Member(file, start: start, size: data.count), sink: sink)
        guard control.size == placeholder.size, sink.count == start + data.count else {
            throw BuildError.unexpected(
                package: plan.fileName, detail: "\(sink.count) bytes where \(start + data.count) were expected")
        }
        return (sink.count, sink.finish(), digests)
    }

    // MARK: - data.tar

    /// Returns the checksums of each regular file by the position of its entry.
    ///
    /// - Parameter size: bytes that have reached the sink.
    private func writeData(
        _ plan: BuildPlan, to sink: any ByteSink, size: () -> Int64
    ) throws -> [EntryDigests?] {
        let archive = try ArchiveWriter(
            format: .gnutar, compression: plan.compression, threads: threads, sink: sink)
        let digests = ContentDigests()
        var positions: [Int] = []
        let archives = ArchivePayload(plan.entries, scratchFolder: outputDirectory)
        for (position, planned) in plan.entries.enumerated() {
            try archive.begin(planned.entry)
            switch planned.source {
            case .nothing: break
            case .bytes(let bytes):
                try bytes.withUnsafeBytes {
                    digests.update($0)
                    try archive.append($0)
                }
                positions.append(position)
                digests.endFile()
            case .file(let path, let status):
                try copy(path, expecting: status, to: archive, digests: digests)
                positions.append(position)
                digests.endFile()
            case .archiveEntry(let path, let index, let status):
                let contents = try archives.contents(of: path, entry: index) {
                    try Self.check(try FileStatus.of(path, followLinks: true), against: status, path: path)
                }
                try copy(contents, to: archive, digests: digests)
                positions.append(position)
                digests.endFile()
            }
            try archive.end()
            try Self.checkSize(size(), of: plan)
        }
        try archive.finish()
        try Self.checkSize(size(), of: plan)
        var result = [EntryDigests?](repeating: nil, count: plan.entries.count)
        for (position, digest) in zip(positions, digests.finish()) { result[position] = digest }
        return result
    }

    private static func checkSize(_ size: Int64, of plan: BuildPlan) throws(BuildError) {
        guard size <= BuildPlan.memberLimit else { throw .tooLarge(package: plan.fileName) }
    }

    private func copy(
        _ path: String, expecting status: FileStatus, to archive: ArchiveWriter, digests: ContentDigests
    ) throws {
        let file = try InputFile(path: path)
        try Self.check(file.status, against: status, path: path)
        var remaining = status.size
        while remaining > 0 {
            let space = digests.space
            let count = try file.read(into: space)
            guard count > 0, Int64(count) <= remaining else { throw BuildError.changedWhileRead(path: path) }
            remaining -= Int64(count)
            try archive.append(digests.filled(space, count))
            progress?(count)
        }
        // A writer that replaced bytes in place while we read would otherwise go unseen.
        try Self.check(try file.currentStatus(), against: status, path: path)
    }

    private func copy(_ reader: any ByteSource, to archive: ArchiveWriter, digests: ContentDigests) throws {
        while true {
            let space = digests.space
            let count = try reader.read(into: space)
            if count == 0 { return }
            try archive.append(digests.filled(space, count))
            progress?(count)
        }
    }

    private static func check(_ now: FileStatus, against planned: FileStatus, path: String) throws(BuildError) {
        guard now.size == planned.size, now.modificationSeconds == planned.modificationSeconds,
            now.modificationNanoseconds == planned.modificationNanoseconds, now.inode == planned.inode
        else { throw .changedWhileRead(path: path) }
    }

    // MARK: - control.tar

    private func writeControl(
        _ plan: BuildPlan, digests: [EntryDigests?], to scratch: ScratchFile
    ) throws {
        var files = plan.controlFiles
        files.append(ControlFile(name: "control", permissions: 0o644, bytes: Array(plan.control.description.utf8)))
        let sums = MD5Sums(of: plan.entries, digests)
        if let given = files.firstIndex(where: { $0.name == "md5sums" }) {
            try check(files[given], against: sums, plan)
            if files[given].bytes.isEmpty { files.remove(at: given) }
        } else if !sums.entries.isEmpty {
            files.append(ControlFile(name: "md5sums", permissions: 0o644, bytes: Array(sums.text.utf8)))
        }
        files.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }

        let archive = try ArchiveWriter(
            format: .gnutar, compression: plan.compression.with(branchFilter: .none), threads: 1, sink: scratch)
        let root = Owner(name: "root", id: 0)
        let directory = Entry(
            path: "./", kind: .directory, permissions: 0o755, owner: root, group: root,
            modificationTime: plan.sourceDateEpoch)
        try archive.begin(directory)
        try archive.end()
        for file in files {
            try archive.begin(
                Entry(
                    path: "./" + file.name, kind: .file(size: Int64(file.bytes.count)), permissions: file.permissions,
                    owner: root, group: root, modificationTime: plan.sourceDateEpoch))
            try file.bytes.withUnsafeBytes { try archive.append($0) }
            try archive.end()
        }
        try archive.finish()
    }

    /// Checksums that the specification gives as a file must not be those of other files than it ships.
    private func check(_ file: ControlFile, against sums: MD5Sums, _ plan: BuildPlan) throws(BuildError) {
        let now = Dictionary(
            sums.entries.map { (ByteKey($0.path), $0.digest) }, uniquingKeysWith: { first, _ in first })
        // Before the payload is there, all checksums are those of nothing.
        let empty = "d41d8cd98f00b204e9800998ecf8427e"
        for line in TextLines.of(file.bytes) {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2 else { continue }
            let path = words[1].drop { $0 == " " || $0 == "*" }
            guard let digest = now[ByteKey(String(path))], digest != empty, digest != words[0].lowercased() else {
                continue
            }
            throw .staleChecksum(package: plan.fileName, path: String(path))
        }
    }

    // MARK: - ar

    private func assemble(
        _ plan: BuildPlan, control: ScratchFile, data: Member, sink: any ByteSink
    ) throws {
        let archive = try ArchiveWriter(format: .arBSD, sink: sink)
        let root = Owner(name: "", id: 0)
        func begin(_ name: String, size: Int64) throws {
            try archive.begin(
                Entry(
                    path: name, kind: .file(size: size), permissions: 0o644, owner: root, group: root,
                    modificationTime: plan.sourceDateEpoch))
        }
        let format = Array("2.0\n".utf8)
        try begin("debian-binary", size: Int64(format.count))
        try format.withUnsafeBytes { try archive.append($0) }
        try archive.end()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockSize, alignment: 64)
        defer { buffer.deallocate() }
        for (name, member) in [("control.tar", Member(control)), ("data.tar", data)] {
            try begin(name + plan.compression.fileSuffix, size: member.size)
            var offset: Int64 = 0
            while offset < member.size {
                let part = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[..<min(buffer.count, Int(clamping: member.size - offset))])
                let count = try member.file.read(at: member.start + offset, into: part)
                guard count > 0 else {
                    throw BuildError.unexpected(package: plan.fileName, detail: "\(name) ends at byte \(offset)")
                }
                try archive.append(UnsafeRawBufferPointer(rebasing: part[..<count]))
                offset += Int64(count)
            }
            try archive.end()
        }
        try archive.finish()
    }

    /// Where a member of the package has been written to.
    private struct Member {
        var file: any RandomAccess
        var start: Int64 = 0
        var size: Int64

        init(_ scratch: ScratchFile) { (file, size) = (scratch, scratch.size) }

        init(_ file: any RandomAccess, start: Int64 = 0, size: Int64) {
            (self.file, self.start, self.size) = (file, start, size)
        }
    }
}

/// A package that has been written.
public struct BuiltPackage: Sendable {
    /// The file.
    public var path: String
    /// Bytes.
    public var size: Int64
    /// Checksums of the file.
    public var checksums: PackageChecksums
    /// The checksums of each regular file in it, by the position of its entry in the plan.
    package var digests: [EntryDigests?]
}

/// A build that could not be finished though its plan was sound. The file of an earlier build is still there.
public enum BuildError: Error, Sendable, CustomStringConvertible {
    /// The archive layer failed.
    case archive(package: String, ArchiveError)
    /// The file system failed.
    case file(package: String, FileError)
    /// The `md5sums` that the specification has as a file are of other contents.
    case staleChecksum(package: String, path: String)
    /// A file is not what it was when the plan was made.
    case changedWhileRead(path: String)
    /// The compressed payload has more bytes than the format can say.
    case tooLarge(package: String)
    /// Two builds of the same plan differ.
    case notReproducible(path: String, firstDifference: Int64)
    /// A bug in this program.
    case unexpected(package: String, detail: String)

    /// The sentence for people.
    public var description: String {
        switch self {
        case .archive(let package, let error): "cannot write \(package): \(error)"
        case .file(let package, let error): "cannot write \(package): \(error)"
        case .staleChecksum(let package, let path):
            "the 'md5sums' of \(package) given under 'control-files' has another checksum for '\(path)'; leave md5sums out, "
                + "so that it is made of the files"
        case .changedWhileRead(let path):
            "'\(path)' changed while it was read; nothing was written. build again when nothing writes to it"
        case .tooLarge(let package):
            "\(package) cannot be written: data.tar has more than \(BuildPlan.memberLimit) bytes, for which deb(5) has no "
                + "room; compress it more, or make several packages of it"
        case .notReproducible(let path, let offset):
            "two builds of \(path) differ, first at byte \(offset); see what each was made of with 'debbuild diff'"
        case .unexpected(let package, let detail): "internal error while writing \(package): \(detail)"
        }
    }
}

/// Counts bytes and passes them on, if there is a next sink.
final class CountingSink: ByteSink {
    private let next: (any ByteSink)?
    private(set) var count: Int64 = 0

    init(forwardingTo next: (any ByteSink)? = nil) {
        self.next = next
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try next?.write(bytes)
        count += Int64(bytes.count)
    }
}

/// Writes the beginning of a file whose rest is there already and drops that.
final class BeginningSink: ByteSink {
    private let file: AtomicFile
    private let length: Int64
    private var offset: Int64 = 0

    init(_ file: AtomicFile, length: Int64) {
        self.file = file
        self.length = length
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        let part = bytes.prefix(Int(clamping: max(0, length - offset)))
        try file.write(UnsafeRawBufferPointer(rebasing: part), at: offset)
        offset += Int64(bytes.count)
    }
}
