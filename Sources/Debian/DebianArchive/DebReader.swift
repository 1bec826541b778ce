import Archive
import DebianFormat
import ELF
import Files
import Glibc
import Platform

/// Reads `.deb` files (deb(5)) as values, with the checks that dpkg-deb makes, and nothing of the payload's size in
/// memory.
public enum DebReader {
    /// The package in a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: bounds against hostile packages.
    ///   - scratchFolder: where machine code is laid down while it is looked at; nil takes TMPDIR or /tmp.
    /// - Throws: ``DebReadError`` for whatever dpkg-deb would refuse to unpack.
    public static func read(
        _ path: String, limits: DebReadLimits = DebReadLimits(), scratchFolder: String? = nil
    ) throws(DebReadError) -> PackageImage {
        try read(path, limits: limits, scratchFolder: scratchFolder, receiver: nil)
    }

    /// The package in a file, its entries given to a receiver as they are read.
    package static func read(
        _ path: String, limits: DebReadLimits = DebReadLimits(), scratchFolder: String? = nil,
        receiver: (any EntryReceiver)?
    ) throws(DebReadError) -> PackageImage {
        do {
            var reading = Reading(
                path: path, limits: limits, scratchFolder: scratchFolder ?? temporaryFolder, receiver: receiver)
            return try reading.run()
        } catch let error as DebReadError {
            throw error
        } catch let fault as DebFault {
            throw fault.error(path: path)
        } catch let error as FileError {
            throw DebFault(.unreadable, "", "read", expected: "a readable file", found: "\(error)").error(path: path)
        } catch let error as ArchiveError {
            throw DebFault(error, subject: "", operation: "read").error(path: path)
        } catch {
            throw DebFault(.corrupt, "", "read", expected: "a package", found: "\(error)").error(path: path)
        }
    }

    /// TMPDIR, or /tmp.
    package static var temporaryFolder: String {
        guard let value = getenv("TMPDIR") else { return "/tmp" }
        let text = String(cString: value)
        return text.startsBytewise("/") ? text : "/tmp"
    }
}

/// Takes the entries of a package and their contents while it is read.
package protocol EntryReceiver: AnyObject {
    /// An entry begins; only a regular file has contents.
    func begin(_ entry: ImageEntry) throws(FileError)
    /// The next bytes of the file.
    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError)
    /// The entry is over.
    func end() throws(FileError)
}

/// One run of the reader.
private struct Reading {
    let path: String
    let limits: DebReadLimits
    let scratchFolder: String
    var members: [PackageImage.Member] = []
    var control: ControlParagraph?
    var controlFiles: [ControlFile] = []
    var controlEntries: [Entry] = []
    var entries: [ImageEntry] = []
    var skippedTexts = 0
    private let texts: TextBudget
    private var pathBytes = 0
    private var machineCodeBytes = 0
    private let buffer: Buffer

    /// One block for all contents.
    private final class Buffer {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        deinit { bytes.deallocate() }
    }

    /// What every decoder of zstd takes without being told (zstd(1), --long); libarchive may take no more.
    private static let commonWindow: UInt64 = 1 << 27

    /// The maximum number of members after `data.tar`.
    private static let memberLimit = 64

    private let receiver: (any EntryReceiver)?

    init(path: String, limits: DebReadLimits, scratchFolder: String, receiver: (any EntryReceiver)?) {
        self.path = path
        self.receiver = receiver
        self.limits = limits
        texts = TextBudget(limits)
        self.scratchFolder = scratchFolder
        buffer = Buffer()
    }

    mutating func run() throws -> PackageImage {
        let file = try InputFile(path: path)
        try checkMagic(file)
        let archive = try ArchiveReader(nested: FileSource(file), name: path, formats: [.ar])
        try readVersion(archive)
        var isDataRead = false
        while let entry = try nextMember(archive) {
            let name = entry.path
            guard case .file(let size) = entry.kind else {
                throw DebFault(.memberOrder, name, "read member", expected: "a file", found: "something else")
            }
            guard members.count < Self.memberLimit else {
                throw DebFault(
                    .limit, "", "read members", expected: "at most \(Self.memberLimit) members", found: "more of them")
            }
            var member = PackageImage.Member(
                name: name, size: size, compression: "none", modificationTime: entry.modificationTime)
            if isDataRead || name.startsBytewise("_") {
                // deb(5): ignored, for formats to come.
                member.sha256 = try digest(archive)
            } else if control == nil {
                let compression = try self.compression(of: name, expecting: "control.tar")
                member.compression = compression.rawValue
                (member.unpackedSize, member.trailerSHA256) = try readTar(
                    archive, name: name, compression: compression, isControl: true)
            } else {
                let compression = try self.compression(of: name, expecting: "data.tar")
                member.compression = compression.rawValue
                (member.unpackedSize, member.trailerSHA256) = try readTar(
                    archive, name: name, compression: compression, isControl: false)
                isDataRead = true
            }
            members.append(member)
        }
        guard let control else {
            throw DebFault(.memberOrder, "", "read members", expected: "control.tar", found: "the end of the file")
        }
        guard isDataRead else {
            throw DebFault(.memberOrder, "", "read members", expected: "data.tar", found: "the end of the file")
        }
        return PackageImage(
            fileName: LexicalPath.components(path).last.map(String.init), members: members, control: control,
            controlFiles: controlFiles.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) },
            controlEntries: controlEntries, entries: entries,
            timeLimit: members.map(\.modificationTime).max().flatMap { $0 > 0 ? $0 : nil },
            skippedTexts: skippedTexts)
    }

    // MARK: - ar

    private func checkMagic(_ file: InputFile) throws {
        let magic = try file.bytes(at: 0, count: 8)
        guard magic == Array("!<arch>\n".utf8) else {
            let found = magic.isEmpty ? "an empty file" : "'\(String(decoding: magic, as: UTF8.self))'"
            throw DebFault(.notArchive, "", "read", expected: "a file that begins with '!<arch>'", found: found)
        }
        // Sizes are digits and blanks: libarchive stops at anything else, and dpkg refuses it.
        var offset: Int64 = 8
        for number in 1...Self.memberLimit {
            let header = try file.bytes(at: offset, count: 60)
            guard header.count == 60 else { return }
            let digits = header[48..<58].prefix(while: Ascii.isDigit)
            guard let size = Int64(Ascii.text(digits)),
                header[48..<58].dropFirst(digits.count).allSatisfy({ $0 == 0x20 })
            else {
                throw DebFault(
                    .corrupt, "", "read the members", expected: "a size in the header of member \(number)",
                    found: "'\(Ascii.text(header[48..<58]))'")
            }
            offset += 60 + size + size % 2
        }
    }

    private func nextMember(_ archive: ArchiveReader) throws -> Entry? {
        do throws(ArchiveError) {
            return try archive.next()
        } catch {
            throw DebFault(error, subject: "", operation: "read the members")
        }
    }

    private mutating func readVersion(_ archive: ArchiveReader) throws {
        guard let entry = try nextMember(archive) else {
            throw DebFault(.memberOrder, "", "read members", expected: "debian-binary", found: "the end of the file")
        }
        guard entry.path == "debian-binary", case .file(let size) = entry.kind else {
            throw DebFault(
                .memberOrder, "", "read members", expected: "debian-binary as the first", found: "'\(entry.path)'")
        }
        guard size <= 64 else {
            throw DebFault(
                .formatVersion, "debian-binary", "read the format", expected: "at most 64 bytes", found: "\(size)")
        }
        var bytes: [UInt8] = []
        while bytes.count <= 64 {
            let count = try archive.read(into: buffer.bytes)
            if count == 0 { break }
            bytes += buffer.bytes[..<count]
        }
        let text = String(decoding: bytes, as: UTF8.self)
        // dpkg takes any minor version of format 2, and further lines.
        let line = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = line.first?.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) ?? []
        let isNumeric = numbers.allSatisfy { part in
            !part.isEmpty && part.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        guard line.count == 2, numbers.count == 2, isNumeric,
            numbers.first.map({ Array($0) == [UInt8(ascii: "2")] }) == true
        else {
            throw DebFault(
                .formatVersion, "debian-binary", "read the format", expected: "'2.0' and a newline", found: "'\(text)'")
        }
        members.append(
            PackageImage.Member(
                name: entry.path, size: size, compression: "none", modificationTime: entry.modificationTime,
                sha256: FileDigests.of(bytes).sha256))
    }

    private func digest(_ archive: ArchiveReader) throws -> String {
        var digest = ContentDigest()
        while case let count = try archive.read(into: buffer.bytes), count > 0 {
            digest.update(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
        }
        return digest.finish().sha256
    }

    private func compression(of name: String, expecting stem: String) throws -> MemberCompression {
        guard name.startsBytewise(stem) else {
            throw DebFault(.memberOrder, "", "read members", expected: stem, found: "'\(name)'")
        }
        let suffix = name.dropFirst(stem.count)
        guard let compression = MemberCompression(suffix: suffix) else {
            throw DebFault(
                .memberCompression, name, "read member",
                expected: "\(stem) with .xz, .zst, .gz, .bz2, .lzma or nothing",
                found: "'\(suffix)'")
        }
        if stem == "control.tar", compression == .bzip2 || compression == .lzma {
            throw DebFault(
                .memberCompression, name, "read member", expected: "control.tar with .xz, .zst, .gz or nothing",
                found: "'\(suffix)'")
        }
        return compression
    }

    // MARK: - tar

    /// Reads a tar member and returns its size after decompression, and the checksum of what is behind its end.
    private mutating func readTar(
        _ archive: ArchiveReader, name: String, compression: MemberCompression, isControl: Bool
    ) throws -> (size: Int64, trailer: String?) {
        let member = MemberSource(
            archive, name: name, compression: compression, decoderMemory: limits.decoderMemory)
        var headers: TarHeaderCheck?
        var gzip: GzipCheck?
        do {
            let byteLimit = isControl ? Int64(limits.controlBytes) + (1 << 20) : limits.dataBytes
            var archiveLimits = ArchiveLimits(
                entries: isControl ? limits.controlFiles : limits.entries, totalBytes: byteLimit)
            archiveLimits.pathBytes = limits.pathBytes
            var source: any ByteSource = member
            if compression == .xz || compression == .lzma {
                source = try XzDecoder(member, name: name, memory: limits.decoderMemory)
            } else if compression != .none {
                let stream = try ArchiveReader(
                    nested: member, name: name, formats: [.raw], decompressing: compression.stream,
                    limits: ArchiveLimits(entries: 1, totalBytes: byteLimit))
                guard try stream.next() != nil else {
                    throw DebFault(.corrupt, name, "decompress", expected: "a tar archive", found: "nothing")
                }
                source = stream
                if compression == .gzip {
                    let check = GzipCheck(stream)
                    gzip = check
                    source = check
                }
            }
            let observed = TarHeaderCheck(
                source, name: name, byteLimit: byteLimit, limits: limits,
                compressedCount: { member.count })
            headers = observed
            let tar = try ArchiveReader(nested: observed, name: name, formats: [.tar], limits: archiveLimits)
            if isControl { try readControl(tar, name: name) } else { try readData(tar, name: name) }
            try observed.drain()
            try member.drain()
            try gzip?.verify(trailer: member.tail, member: name)
            return (observed.count, observed.trailer)
        } catch let error as ArchiveError {
            if let fault = member.fault ?? headers?.fault { throw fault }
            if member.window > Self.commonWindow, case .malformed = error.code {
                throw DebFault(
                    .memory, name, "decompress", expected: "a window that libarchive decodes",
                    found: "one of \(member.window) bytes: \(error.detail)")
            }
            throw DebFault(error, subject: name, operation: "read member")
        }
    }

    private mutating func readControl(_ tar: ArchiveReader, name: String) throws {
        var total = 0
        while let entry = try tar.next() {
            controlEntries.append(entry)
            if Self.isRoot(entry.path) { continue }
            guard let file = entry.normalisedPath, !file.utf8.contains(UInt8(ascii: "/")) else {
                throw DebFault(.path, name, "read member", expected: "files without folders", found: "'\(entry.path)'")
            }
            guard case .file(let size) = entry.kind else {
                throw DebFault(
                    .controlMalformed, name, "read member", expected: "regular files",
                    found: "'\(file)', which is not one"
                )
            }
            guard file != "control" || size <= Int64(limits.paragraphBytes) else {
                throw DebFault(
                    .limit, name, "read 'control'", expected: "at most \(limits.paragraphBytes) bytes", found: "\(size)"
                )
            }
            guard file == "md5sums" || size <= Int64(limits.controlFileBytes) else {
                throw DebFault(
                    .limit, name, "read '\(file)'", expected: "at most \(limits.controlFileBytes) bytes",
                    found: "\(size)")
            }
            guard size <= Int64(limits.controlBytes - total) else {
                throw DebFault(
                    .limit, name, "read '\(file)'", expected: "at most \(limits.controlBytes) bytes of control data",
                    found: "\(size) bytes more")
            }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(Int(min(size, 1 << 20)))
            while true {
                let count = try tar.read(into: buffer.bytes)
                if count == 0 { break }
                bytes += buffer.bytes[..<count]
            }
            total += bytes.count
            if file == "control" {
                guard control == nil else {
                    throw DebFault(.controlMalformed, name, "read member", expected: "one control", found: "two")
                }
                control = try Self.paragraph(bytes)
            } else {
                guard !controlFiles.contains(where: { $0.name == file }) else {
                    throw DebFault(.controlMalformed, name, "read member", expected: "one '\(file)'", found: "two")
                }
                controlFiles.append(ControlFile(name: file, permissions: entry.permissions, bytes: bytes))
            }
        }
        guard control != nil else {
            throw DebFault(.controlMissing, name, "read member", expected: "a file 'control'", found: "none")
        }
    }

    private static func paragraph(_ bytes: [UInt8]) throws -> ControlParagraph {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DebFault(.controlMalformed, "control", "read fields", expected: "UTF-8", found: "other bytes")
        }
        do throws(FormatError) {
            return try ControlParagraph(parsing: text)
        } catch {
            throw DebFault(
                .controlMalformed, "control", "read fields at byte \(error.offset)", expected: error.expected,
                found: error.found)
        }
    }

    private mutating func readData(_ tar: ArchiveReader, name: String) throws {
        while let entry = try tar.next() {
            let path: String
            if Self.isRoot(entry.path) {
                path = "/"
            } else if let normalised = entry.normalisedPath, normalised.utf8.count <= 4096 {
                path = "/" + normalised
            } else {
                throw DebFault(
                    .path, name, "read entry", expected: "a path without '..' and newlines, at most 4096 bytes",
                    found: "'\(entry.path.prefix(256))'")
            }
            pathBytes += path.utf8.count
            switch entry.kind {
            case .symbolicLink(let target): pathBytes += target.utf8.count
            case .hardLink(let target):
                pathBytes += target.utf8.count
                guard Entry.hardLinkTarget(target) != nil else {
                    throw DebFault(
                        .path, name, "read hard link '\(path)'", expected: "a path in the package", found: "'\(target)'"
                    )
                }
            default: break
            }
            guard pathBytes <= limits.pathBytes else {
                throw DebFault(
                    .limit, name, "read entries", expected: "at most \(limits.pathBytes) bytes of paths",
                    found: "more of them")
            }
            var image = ImageEntry(
                path: path, kind: entry.kind, permissions: entry.permissions, owner: entry.owner, group: entry.group,
                modificationTime: entry.modificationTime, previous: entries.last)
            try receiver?.begin(image)
            if case .file(let size) = entry.kind { try probe(tar, size: size, into: &image) }
            try receiver?.end()
            entries.append(image)
        }
    }

    private mutating func probe(_ tar: ArchiveReader, size: Int64, into image: inout ImageEntry) throws {
        var digest = ContentDigest()
        var probe = ContentProbe(size: size, texts: texts, scratchFolder: scratchFolder)
        while true {
            let count = try tar.read(into: buffer.bytes)
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
            digest.update(bytes)
            try probe.update(bytes)
            try receiver?.append(bytes)
        }
        image.digests = digest.digests()
        image.facts = probe.finish()
        if image.facts.isTextSkipped { skippedTexts += 1 }
        machineCodeBytes += image.facts.elf?.keptBytes ?? (image.facts.malformedELF == nil ? 0 : 512)
        guard machineCodeBytes <= limits.machineCodeBytes else {
            throw DebFault(
                .limit, "data.tar", "read machine code",
                expected: "at most \(limits.machineCodeBytes) bytes of facts about it", found: "more of them")
        }
    }

    private static func isRoot(_ path: String) -> Bool {
        [".", "./", "/"].contains(path)
    }
}

/// Bounds for packages from outside. The defaults are far above the largest packages of Debian.
public struct DebReadLimits: Sendable, Hashable {
    /// The maximum number of entries of `data.tar`.
    public var entries = 250_000
    /// The maximum size of `data.tar` after decompression, in bytes.
    public var dataBytes: Int64 = 64 << 30
    /// The maximum size of `control`, in bytes.
    public var paragraphBytes = 1 << 20
    /// The maximum size of all members of `control.tar` together, in bytes.
    public var controlBytes = 32 << 20
    /// The maximum size of one member of `control.tar` other than `md5sums`, in bytes.
    public var controlFileBytes = 8 << 20
    /// The maximum number of members of `control.tar`.
    public var controlFiles = 256
    /// The maximum size of all paths and link targets together, in bytes.
    public var pathBytes = 32 << 20
    /// A file up to this size is kept as text, if it is one.
    public var textBytes = 256 << 10
    /// The maximum size of all texts together, in bytes; what exceeds it is left out and counted.
    public var allTextBytes = 16 << 20
    /// The maximum size of what machine code says about itself in all files together, in bytes: names of libraries, versions,
    /// and some hundred bytes for each file.
    public var machineCodeBytes = 32 << 20
    /// Decompressed bytes may be this many times the compressed ones, beyond ``unmeasuredBytes``.
    public var ratio: Int64 = 512
    /// What a member may decompress to however small it is, in bytes: a second or two of work.
    public var unmeasuredBytes: Int64 = 512 << 20
    /// The maximum memory that a decompressor may ask for, in bytes: `xz -9` needs 65 MiB, a window of zstd that its own
    /// program takes without being told has 128.
    public var decoderMemory: Int64 = 129 << 20

    /// The defaults.
    public init() {}
}
