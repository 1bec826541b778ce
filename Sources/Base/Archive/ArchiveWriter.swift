import CArchive
import Files
import Glibc

/// Writes an archive as a stream of entries.
///
/// The same entries give the same bytes whatever the locale, the umask, the user and the number of threads.
public final class ArchiveWriter {
    /// The formats that are written.
    public enum Format: Sendable {
        /// GNU tar: holds long and non-ASCII paths, and dpkg reads it. Never pax, which dpkg refuses.
        case gnutar
        /// BSD ar, the outer format of a .deb.
        case arBSD
        /// One compressed stream without an archive around it.
        case raw
    }

    /// What libarchive's callback hands its output to.
    private final class Output {
        enum Destination {
            case sink(any ByteSink)
            case encoder(XzEncoder)
        }

        let destination: Destination
        var failure: ArchiveError?

        init(_ destination: Destination) { self.destination = destination }
    }

    // Large enough that 10,000 small files do not make 20,000 system calls.
    private static let blockSize: Int32 = 256 * 1024

    private let handle: OpaquePointer
    private let entry: OpaquePointer
    private let output: Output
    private let encoder: XzEncoder?
    private var current: (path: String, remaining: Int64?)?
    private var isFinished = false

    /// Begins an archive.
    ///
    /// - Parameter threads: for xz and zstd; the output does not depend on it.
    public init(
        format: Format, compression: Compression = .none, threads: Int = 1, sink: any ByteSink
    ) throws(ArchiveError) {
        if compression.codec == .xz {
            let encoder = try XzEncoder(compression, threads: threads, sink: sink, subject: "archive")
            self.encoder = encoder
            output = Output(.encoder(encoder))
        } else {
            encoder = nil
            output = Output(.sink(sink))
        }
        guard let handle = archive_write_new() else {
            throw ArchiveError(operation: "begin", subject: "archive", code: .library, detail: "not enough memory")
        }
        guard let entry = archive_entry_new() else {
            archive_write_free(handle)
            throw ArchiveError(operation: "begin", subject: "archive", code: .library, detail: "not enough memory")
        }
        self.handle = handle
        self.entry = entry
        switch format {
        case .gnutar: try check(archive_write_set_format_gnutar(handle), "begin")
        case .arBSD: try check(archive_write_set_format_ar_bsd(handle), "begin")
        case .raw: try check(archive_write_set_format_raw(handle), "begin")
        }
        try addFilter(compression, threads: threads)
        try check(archive_write_set_bytes_per_block(handle, Self.blockSize), "begin")
        // Without this libarchive fills the last block of a tar up to its size.
        try check(archive_write_set_bytes_in_last_block(handle, 1), "begin")
        try check(
            archive_write_open2(
                handle, Unmanaged.passUnretained(output).toOpaque(), nil,
                { _, context, bytes, count in
                    guard let context else { return -1 }
                    let output = Unmanaged<Output>.fromOpaque(context).takeUnretainedValue()
                    return ArchiveWriter.deliver(UnsafeRawBufferPointer(start: bytes, count: count), to: output)
                }, nil, nil), "begin")
    }

    deinit {
        archive_entry_free(entry)
        // Closing flushes what is buffered to the sink; a writer that is dropped must not do that.
        if !isFinished { archive_write_fail(handle) }
        archive_write_free(handle)
    }

    private func addFilter(_ compression: Compression, threads: Int) throws(ArchiveError) {
        switch compression.codec {
        case .none, .xz: break
        case .gzip:
            try check(archive_write_add_filter_gzip(handle), "begin")
            try option("gzip", "compression-level", String(compression.level))
            try option("gzip", "timestamp", nil)
        case .zstd:
            try check(archive_write_add_filter_zstd(handle), "begin")
            try option("zstd", "compression-level", String(compression.level))
            // One worker and several give the same bytes, no worker at all gives others.
            try option("zstd", "threads", String(max(1, threads)))
        }
    }

    private func option(_ module: String, _ name: String, _ value: String?) throws(ArchiveError) {
        try check(archive_write_set_filter_option(handle, module, name, value), "set option \(name) of")
    }

    // MARK: - entries

    /// Begins an entry; for a regular file exactly the announced number of bytes has to follow.
    public func begin(_ item: Entry) throws(ArchiveError) {
        if let current {
            throw ArchiveError(
                operation: "begin", subject: item.path, code: .library,
                detail: "entry '\(current.path)' has not been ended")
        }
        archive_entry_clear(entry)
        archive_entry_set_pathname(entry, item.path)
        archive_entry_set_perm(entry, mode_t(item.permissions & 0o7777))
        archive_entry_set_uid(entry, item.owner.id)
        archive_entry_set_gid(entry, item.group.id)
        if !item.owner.name.isEmpty { archive_entry_set_uname(entry, item.owner.name) }
        if !item.group.name.isEmpty { archive_entry_set_gname(entry, item.group.name) }
        archive_entry_set_mtime(entry, time_t(item.modificationTime), 0)
        archive_entry_set_size(entry, 0)
        var size: Int64 = 0
        switch item.kind {
        case .file(let bytes):
            size = bytes
            archive_entry_set_filetype(entry, carchive_type_file)
            archive_entry_set_size(entry, bytes)
        case .directory:
            archive_entry_set_filetype(entry, carchive_type_directory)
            if item.path.utf8.last != UInt8(ascii: "/") { archive_entry_set_pathname(entry, item.path + "/") }
        case .symbolicLink(let target):
            archive_entry_set_filetype(entry, carchive_type_link)
            archive_entry_set_symlink(entry, target)
        case .hardLink(let target):
            archive_entry_set_filetype(entry, carchive_type_file)
            archive_entry_set_hardlink(entry, target)
        case .other(let name, _):
            throw ArchiveError(
                operation: "write", subject: item.path, code: .unsupported, detail: "a \(name) cannot be packaged")
        }
        try check(archive_write_header(handle, entry), "write", item.path)
        current = (item.path, size)
    }

    /// Begins the one entry of ``Format/raw``, whose size is not known.
    public func beginStream() throws(ArchiveError) {
        let nobody = Owner(name: "", id: 0)
        try begin(
            Entry(
                path: "stream", kind: .file(size: 0), permissions: 0o644, owner: nobody, group: nobody,
                modificationTime: 0
            ))
        current = ("stream", nil)
    }

    /// Appends contents of the entry that has been begun.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        guard let (path, remaining) = current else {
            throw ArchiveError(operation: "write", subject: "archive", code: .library, detail: "no entry is open")
        }
        // libarchive drops what is too much without a word.
        if let remaining, Int64(bytes.count) > remaining {
            throw ArchiveError(
                operation: "write", subject: path, code: .sizeMismatch,
                detail: "\(Int64(bytes.count) - remaining) bytes more than the entry's size")
        }
        var rest = bytes
        while !rest.isEmpty {
            let count = archive_write_data(handle, rest.baseAddress, rest.count)
            if let failure = output.failure { throw failure }
            guard count > 0 else { throw ArchiveError.library(handle, operation: "write", subject: path) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        current = (path, remaining.map { $0 - Int64(bytes.count) })
    }

    /// Ends the entry; fails when bytes of it are missing.
    public func end() throws(ArchiveError) {
        guard let (path, remaining) = current else { return }
        current = nil
        // libarchive would fill the rest with zeros.
        if let remaining, remaining != 0 {
            throw ArchiveError(
                operation: "write", subject: path, code: .sizeMismatch, detail: "\(remaining) bytes are missing")
        }
        try check(archive_write_finish_entry(handle), "end", path)
    }

    /// Writes the end of the archive and hands everything to the sink.
    public func finish() throws(ArchiveError) {
        try end()
        try check(archive_write_close(handle), "finish")
        isFinished = true
        try encoder?.finish()
    }

    // MARK: - the library

    private func check(
        _ status: Int32, _ operation: String, _ subject: String = "archive"
    ) throws(ArchiveError) {
        if let failure = output.failure { throw failure }
        // A warning means that something was not stored as asked: not good enough for a package.
        guard status == ARCHIVE_OK else { throw ArchiveError.library(handle, operation: operation, subject: subject) }
    }

    private static func deliver(_ bytes: UnsafeRawBufferPointer, to output: Output) -> Int {
        if output.failure != nil { return -1 }
        do throws(ArchiveError) {
            switch output.destination {
            case .encoder(let encoder): try encoder.append(bytes)
            case .sink(let sink):
                do throws(FileError) {
                    try sink.write(bytes)
                } catch {
                    throw ArchiveError(operation: "write", subject: "archive", code: .output(error), detail: "")
                }
            }
            return bytes.count
        } catch {
            output.failure = error
            return -1
        }
    }
}

/// Where bytes go to.
public protocol ByteSink: AnyObject {
    /// Takes all of the bytes or fails.
    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError)
}

extension AtomicFile: ByteSink {}
extension ScratchFile: ByteSink {}
