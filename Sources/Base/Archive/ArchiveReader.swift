import CArchive
import Files
import Glibc
import Platform

/// Reads an archive entry by entry: tar with any of the usual compressions, zip and wheel, ar, or one compressed stream.
///
/// Nothing is written anywhere. Only one compression is undone, and none by another program.
public final class ArchiveReader: ByteSource {
    /// The formats that may be recognised.
    public enum Format: Sendable, Hashable, CaseIterable {
        case tar, zip, ar, raw
    }

    /// What libarchive's callback reads from.
    private final class Input {
        let source: any ByteSource
        let buffer: UnsafeMutableRawBufferPointer
        var failure: ArchiveError?

        init(_ source: any ByteSource) {
            self.source = source
            buffer = .allocate(byteCount: 1 << 16, alignment: 16)
        }

        deinit { buffer.deallocate() }
    }

    private let handle: OpaquePointer
    private let subject: String
    private let limits: ArchiveLimits
    private var input: Input?
    /// Open as long as libarchive reads from it.
    private var file: InputFile?
    /// Bytes of the file that is read; nil for other sources.
    private var inputSize: Int64?
    private var entryCount = 0
    private var totalBytes: Int64 = 0
    private var currentPath = ""
    private var pathBytes = 0
    private var isAtEnd = false

    /// Opens an archive on disk.
    public init(
        path: String, formats: Set<Format> = [.tar, .zip, .ar], limits: ArchiveLimits = ArchiveLimits()
    ) throws(ArchiveError) {
        let file: InputFile
        do throws(FileError) {
            // Refuses directories and pipes with a reason of our own.
            file = try InputFile(path: path)
        } catch {
            throw ArchiveError(operation: "read", subject: path, code: .input(error), detail: "")
        }
        handle = try Self.makeHandle(path)
        subject = path
        self.limits = limits
        self.file = file
        inputSize = file.status.size
        try enable(formats)
        let beginning: [UInt8]
        do throws(FileError) { beginning = try file.bytes(at: 0, count: 8) } catch {
            throw ArchiveError(operation: "read", subject: path, code: .input(error), detail: "")
        }
        if let compression = StreamCompression.detect(beginning) {
            try open(DecompressedSource(FileSource(file), compression, name: path, limits: limits))
        } else {
            try check(archive_read_open_fd(handle, file.descriptor, 1 << 17))
        }
    }

    /// Opens an archive that comes from elsewhere, such as a member of another archive.
    ///
    /// - Parameters:
    ///   - name: what it is called in errors.
    ///   - compression: the only one that is undone; nil undoes none.
    public init(
        nested source: any ByteSource, name: String, formats: Set<Format> = [.tar],
        decompressing compression: StreamCompression? = nil, limits: ArchiveLimits = ArchiveLimits()
    ) throws(ArchiveError) {
        handle = try Self.makeHandle(name)
        subject = name
        self.limits = limits
        if let compression { try enable(compression) }
        try enable(formats)
        try open(source)
    }

    private func open(_ source: any ByteSource) throws(ArchiveError) {
        let input = Input(source)
        self.input = input
        try check(
            archive_read_open2(
                handle, Unmanaged.passUnretained(input).toOpaque(), nil,
                { archive, context, block in
                    guard let context else { return -1 }
                    let input = Unmanaged<Input>.fromOpaque(context).takeUnretainedValue()
                    do throws(ArchiveError) {
                        let count = try input.source.read(into: input.buffer)
                        block?.pointee = UnsafeRawPointer(input.buffer.baseAddress)
                        return count
                    } catch {
                        input.failure = error
                        return -1
                    }
                }, nil, nil))
    }

    deinit { archive_read_free(handle) }

    private static func makeHandle(_ subject: String) throws(ArchiveError) -> OpaquePointer {
        guard let handle = archive_read_new() else {
            throw ArchiveError(operation: "read", subject: subject, code: .library, detail: "not enough memory")
        }
        return handle
    }

    /// libarchive would look for compressions in compressions, each with a dictionary of its own.
    private func enable(_ compression: StreamCompression) throws(ArchiveError) {
        let status =
            switch compression {
            case .gzip: archive_read_support_filter_gzip(handle)
            case .bzip2: archive_read_support_filter_bzip2(handle)
            case .xz: archive_read_support_filter_xz(handle)
            case .lzma: archive_read_support_filter_lzma(handle)
            case .zstd: archive_read_support_filter_zstd(handle)
            }
        // ARCHIVE_WARN says that a filter would run as another program.
        guard status == ARCHIVE_OK else {
            throw ArchiveError.library(handle, operation: "read", subject: subject, code: .unsupported)
        }
    }

    private func enable(_ formats: Set<Format>) throws(ArchiveError) {
        for format in formats {
            switch format {
            case .tar: try check(archive_read_support_format_tar(handle))
            case .zip: try check(archive_read_support_format_zip(handle))
            case .ar: try check(archive_read_support_format_ar(handle))
            case .raw:
                try check(archive_read_support_format_raw(handle))
                // A stream of nothing has no entry.
                try check(archive_read_support_format_empty(handle))
            }
        }
    }

    /// The next entry, or nil at the end of the archive.
    public func next() throws(ArchiveError) -> Entry? {
        var raw: OpaquePointer?
        let status = UTF8Locale.with { archive_read_next_header(handle, &raw) }
        if status == ARCHIVE_EOF {
            if let failure = input?.failure { throw failure }
            if entryCount == 0, archive_format(handle) == 0 {
                throw ArchiveError(
                    operation: "read", subject: subject, code: .malformed, detail: "not an archive of a known format")
            }
            try checkEnd()
            isAtEnd = true
            return nil
        }
        // A warning at a header is about a name that the locale's character set cannot hold; we take names as UTF-8.
        if status != ARCHIVE_WARN { try check(status) }
        guard let raw else {
            throw ArchiveError(operation: "read", subject: subject, code: .malformed, detail: "an entry has no header")
        }
        entryCount += 1
        guard entryCount <= limits.entries else {
            throw ArchiveError(
                operation: "read", subject: subject, code: .limit, detail: "more than \(limits.entries) entries")
        }
        try checkZipCompression()
        let entry = try UTF8Locale.with { () throws(ArchiveError) in try convert(raw) }
        currentPath = entry.path
        pathBytes += entry.path.utf8.count
        switch entry.kind {
        case .symbolicLink(let target), .hardLink(let target): pathBytes += target.utf8.count
        default: break
        }
        guard pathBytes <= limits.pathBytes else {
            throw ArchiveError(
                operation: "read", subject: subject, code: .limit,
                detail: "more than \(limits.pathBytes) bytes of paths")
        }
        return entry
    }

    /// Members of a zip may be compressed with lzma, xz or PPMd, whose dictionaries libarchive does not bound. No common
    /// program writes these.
    private func checkZipCompression() throws(ArchiveError) {
        guard archive_format(handle) & ARCHIVE_FORMAT_BASE_MASK == ARCHIVE_FORMAT_ZIP,
            let name = archive_format_name(handle).map({ String(cString: $0) })
        else { return }
        for method in ["lzma", "xz", "ppmd"] where name.containsBytewise("(\(method)") {
            throw ArchiveError(
                operation: "read", subject: subject, code: .unsupported,
                detail: "entry \(entryCount) is compressed with \(method) (must be deflate, bzip2, zstd or nothing)")
        }
    }

    /// A tar ends in blocks of zeros: one that was cut between two entries looks whole to libarchive.
    private func checkEnd() throws(ArchiveError) {
        guard archive_format(handle) & ARCHIVE_FORMAT_BASE_MASK == ARCHIVE_FORMAT_TAR,
            archive_filter_bytes(handle, 0) <= archive_read_header_position(handle)
        else { return }
        throw ArchiveError(
            operation: "read", subject: subject, code: .truncated,
            detail: "the archive ends after entry \(entryCount) without its end marker")
    }

    /// Reads the next bytes of the current entry; 0 at its end, and at that of the archive.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        if isAtEnd { return 0 }
        let count = archive_read_data(handle, buffer.baseAddress, buffer.count)
        if count < 0 {
            try check(Int32(truncatingIfNeeded: count))
            throw ArchiveError.library(handle, operation: "read", subject: subject, code: .malformed)
        }
        totalBytes += Int64(count)
        guard totalBytes <= limits.totalBytes else {
            throw ArchiveError(
                operation: "read", subject: subject, code: .limit,
                detail: "more than \(limits.totalBytes) bytes of contents")
        }
        // Also those that are not compressed: holes of sparse files, and members of a zip that overlap.
        if let inputSize { try limits.check(totalBytes, of: inputSize, name: subject) }
        return count
    }

    // MARK: - conversion

    private func convert(_ raw: OpaquePointer) throws(ArchiveError) -> Entry {
        let path = try text(archive_entry_pathname_utf8(raw) ?? archive_entry_pathname(raw), "path")
        let kind: Entry.Kind
        if let target = archive_entry_hardlink_utf8(raw) ?? archive_entry_hardlink(raw) {
            kind = .hardLink(target: try text(target, "link target"))
        } else {
            let type = archive_entry_filetype(raw) & carchive_type_mask
            switch type {
            // A zip without Unix modes has no type; its directories end in a slash.
            case carchive_type_file: kind = .file(size: archive_entry_size(raw))
            case 0: kind = path.utf8.last == UInt8(ascii: "/") ? .directory : .file(size: archive_entry_size(raw))
            case carchive_type_directory: kind = .directory
            case carchive_type_link:
                let target = archive_entry_symlink_utf8(raw) ?? archive_entry_symlink(raw)
                kind = .symbolicLink(target: try text(target, "link target"))
            case carchive_type_character_device: kind = .other("character device", device: deviceNumber(raw))
            case carchive_type_block_device: kind = .other("block device", device: deviceNumber(raw))
            case carchive_type_pipe: kind = .other("named pipe")
            case carchive_type_socket: kind = .other("socket")
            default: kind = .other("file of type \(type)")
            }
        }
        return Entry(
            path: path, kind: kind, permissions: UInt16(truncatingIfNeeded: archive_entry_perm(raw) & 0o7777),
            owner: Owner(
                name: try optionalText(archive_entry_uname_utf8(raw) ?? archive_entry_uname(raw)),
                id: archive_entry_uid(raw)),
            group: Owner(
                name: try optionalText(archive_entry_gname_utf8(raw) ?? archive_entry_gname(raw)),
                id: archive_entry_gid(raw)),
            modificationTime: Int64(archive_entry_mtime(raw)))
    }

    private func deviceNumber(_ raw: OpaquePointer) -> String {
        "\(archive_entry_rdevmajor(raw)):\(archive_entry_rdevminor(raw))"
    }

    private func optionalText(_ pointer: UnsafePointer<CChar>?) throws(ArchiveError) -> String {
        guard pointer != nil else { return "" }
        return try text(pointer, "owner")
    }

    private func text(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(ArchiveError) -> String {
        guard let pointer, let text = String(validatingCString: pointer) else {
            throw ArchiveError(
                operation: "read", subject: subject, code: .unsupported,
                detail: "the \(what) of entry \(entryCount) is missing or not UTF-8")
        }
        return text
    }

    private func check(_ status: Int32) throws(ArchiveError) {
        if let failure = input?.failure { throw failure }
        if status == ARCHIVE_OK { return }
        throw ArchiveError.library(handle, operation: "read", subject: subject, code: .malformed)
    }
}

/// Where bytes come from.
public protocol ByteSource: AnyObject {
    /// Reads the next bytes; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int
}

/// An open file as the start of nested reading.
public final class FileSource: ByteSource {
    private let file: InputFile

    /// Reads a file from its present position.
    public init(_ file: InputFile) { self.file = file }

    /// Reads the next bytes; 0 at the end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        do throws(FileError) {
            return try file.read(into: buffer)
        } catch {
            throw ArchiveError(operation: "read", subject: file.path, code: .input(error), detail: "")
        }
    }
}

/// Bounds for archives from outside, so that a small file cannot fill memory or disk.
public struct ArchiveLimits: Sendable, Hashable {
    /// The maximum number of entries.
    public var entries = 100_000
    /// The maximum size of all paths and link targets together, in bytes.
    public var pathBytes = 16 << 20
    /// The maximum size of all entries together, in bytes.
    public var totalBytes: Int64 = 64 << 30
    /// Unpacked bytes may be this many times those of the archive, beyond ``unmeasuredBytes``.
    public var ratio: Int64 = 512
    /// What an archive may unpack to however small it is, in bytes.
    public var unmeasuredBytes: Int64 = 512 << 20
    /// The maximum memory that a decompressor may ask for, in bytes: `xz -9` needs 65 MiB, a window of zstd that its own
    /// program takes without being told has 128.
    public var decoderMemory: Int64 = 129 << 20

    /// The defaults.
    public init() {}

    /// Other bounds.
    public init(entries: Int, totalBytes: Int64) {
        self.entries = entries
        self.totalBytes = totalBytes
    }

    /// For an archive that has been read to its end within its bounds, and is read again.
    package static let readBefore: ArchiveLimits = {
        var limits = ArchiveLimits(entries: .max, totalBytes: .max)
        (limits.unmeasuredBytes, limits.decoderMemory, limits.pathBytes) = (.max, .max, .max)
        return limits
    }()
}

/// The character set that libarchive takes names to be in.
///
/// libarchive asks the C library's locale, and in the C locale it refuses every name of a zip that is marked as UTF-8.
/// A thread's own locale (uselocale(3)) changes that for one call and no other thread.
enum UTF8Locale {
    // Written once before it is read, and never freed.
    nonisolated(unsafe) private static let locale: locale_t? = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)

    /// Runs the body with names as UTF-8; without such a locale on the machine, as it is.
    static func with<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        guard let locale else { return try body() }
        let previous = uselocale(locale)
        defer { uselocale(previous) }
        return try body()
    }
}
