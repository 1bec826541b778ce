import Glibc

/// A regular file that is open for reading.
public final class InputFile {
    /// The path that it was opened by.
    public let path: String
    /// Its status at that moment.
    public let status: FileStatus
    package let descriptor: Int32
    private static let adviceThreshold: Int64 = 1 << 17

    /// Opens a file; anything but a regular file is refused with EISDIR or EINVAL.
    public init(path: String, followLinks: Bool = true) throws(FileError) {
        self.path = path
        // Without O_NONBLOCK a named pipe would hold us until somebody writes to it.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followLinks ? 0 : O_NOFOLLOW)
        descriptor = open(path, flags)
        guard descriptor >= 0 else { throw .last("open", path) }
        do throws(FileError) {
            status = try FileStatus.of(descriptor: descriptor, path: path)
        } catch {
            close(descriptor)
            throw error
        }
        guard status.kind == .file else {
            close(descriptor)
            throw FileError(operation: "read", path: path, errno: status.kind == .directory ? EISDIR : EINVAL)
        }
        // What the kernel reads ahead is enough for small files, of which there may be many.
        if status.size > Self.adviceThreshold { posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL) }
    }

    deinit { close(descriptor) }

    /// Reads the next bytes; 0 at the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        try DescriptorIO.read(descriptor, into: buffer, path: path)
    }

    /// Reads at an offset without moving the position; 0 at or after the end.
    public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        try DescriptorIO.read(descriptor, at: offset, into: buffer, path: path)
    }

    /// Whether there are as many bytes as its size says; a file of /proc or /sys is made while it is read.
    public func hasItsSize() throws(FileError) -> Bool {
        let last = status.size - 1
        return try bytes(at: max(0, last), count: 2).count == min(1, status.size)
    }

    /// The status now, to see whether the file has changed since it was opened.
    public func currentStatus() throws(FileError) -> FileStatus {
        try FileStatus.of(descriptor: descriptor, path: path)
    }
}

/// A file that is made where none is, without a temporary name: for trees that are themselves written under one.
public final class NewFile {
    private let path: String
    private var descriptor: Int32

    /// Makes the file; one that exists, be it a link, is refused with EEXIST.
    public init(path: String, permissions: UInt16 = 0o644) throws(FileError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_t(permissions))
        guard descriptor >= 0 else { throw .last("create", path) }
        // Whatever the umask.
        guard fchmod(descriptor, mode_t(permissions)) == 0 else { throw .last("set the mode of", path) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Appends all of the bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try DescriptorIO.write(bytes, to: descriptor, path: path)
    }

    /// Appends all of the bytes.
    public func write(_ bytes: [UInt8]) throws(FileError) {
        try bytes.withUnsafeBytes { buffer in Result { () throws(FileError) in try write(buffer) } }.get()
    }

    /// Closes the file and reports what the file system could not write.
    public func finish() throws(FileError) {
        let closing = descriptor
        descriptor = -1
        guard close(closing) == 0 else { throw .last("close", path) }
    }
}

/// A file without a name, for data that is too large for memory; it is gone when the process is.
public final class ScratchFile {
    private let descriptor: Int32
    private let folder: String
    /// Bytes written so far.
    public private(set) var size: Int64 = 0

    /// Creates a scratch file in a folder, so that it lies on the file system that its data will go to.
    public init(in folder: String) throws(FileError) {
        self.folder = folder
        // Linux's O_TMPFILE is a macro of two flags that Swift does not import.
        let temporaryFlag: Int32 = 0o20_000_000 | O_DIRECTORY
        var opened = open(folder, O_RDWR | O_CLOEXEC | temporaryFlag, 0o600)
        if opened < 0, [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) {
            var template = Array((folder + "/.scratch.XXXXXX").utf8CString)
            opened = mkstemp(&template)
            if opened >= 0 {
                _ = fcntl(opened, F_SETFD, FD_CLOEXEC)
                unlink(template)
            }
        }
        guard opened >= 0 else { throw .last("create a scratch file in", folder) }
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// Appends all of the bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try DescriptorIO.write(bytes, to: descriptor, path: folder)
        size += Int64(bytes.count)
    }

    /// Goes back to the beginning for reading.
    public func rewind() throws(FileError) {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw .last("seek in", folder) }
    }

    /// Reads the next bytes; 0 at the end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        try DescriptorIO.read(descriptor, into: buffer, path: folder)
    }

    /// Reads at an offset without moving the position; 0 at or after the end.
    public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        try DescriptorIO.read(descriptor, at: offset, into: buffer, path: folder)
    }
}

/// A file whose bytes can be read at any offset.
public protocol RandomAccess: AnyObject {
    /// Reads at an offset without moving the position; 0 at or after the end.
    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int
}

extension AtomicFile: RandomAccess {}
extension InputFile: RandomAccess {}
extension ScratchFile: RandomAccess {}

extension RandomAccess {
    /// Up to `count` bytes from an offset; fewer at the end of the file.
    public func bytes(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, count))
        var failure: FileError?
        var length = 0
        bytes.withUnsafeMutableBytes { buffer in
            do throws(FileError) {
                while length < buffer.count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[length...])
                    let got = try read(at: offset + Int64(length), into: rest)
                    if got == 0 { break }
                    length += got
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return Array(bytes.prefix(length))
    }
}

/// Lines of a file one after the other, without holding more than a block of it.
public enum LineScanner {
    private static let blockSize = 1 << 17

    /// Calls the body with each line without its newline; of a line of more than 128 KiB with its pieces.
    public static func scan(
        _ path: String, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(FileError) {
        let file = try InputFile(path: path)
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: blockSize, alignment: 64)
        defer { block.deallocate() }
        guard let base = block.baseAddress else { return }
        var used = 0
        while true {
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: block[used...]))
            used += count
            var start = 0
            while start < used, let newline = memchr(base + start, 0x0a, used - start) {
                let end = newline - UnsafeMutableRawPointer(base)
                body(UnsafeRawBufferPointer(rebasing: block[start..<end]))
                start = end + 1
            }
            if count == 0 || (start == 0 && used == block.count) {
                if start < used { body(UnsafeRawBufferPointer(rebasing: block[start..<used])) }
                if count == 0 { return }
                start = used
            }
            memmove(base, base + start, used - start)
            used -= start
        }
    }
}

/// System calls that are made again when a signal interrupts them.
enum DescriptorIO {
    /// Writes all of the bytes.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(FileError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("write", path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Reads from an offset, or from the position when it is nil; 0 at the end.
    static func read(
        _ descriptor: Int32, at offset: Int64? = nil, into buffer: UnsafeMutableRawBufferPointer, path: String
    ) throws(FileError) -> Int {
        while true {
            let count =
                if let offset {
                    pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
                } else {
                    Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                }
            if count >= 0 { return count }
            if errno != EINTR { throw .last("read", path) }
        }
    }
}
