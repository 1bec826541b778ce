import Glibc
import Platform

/// Whether a user can reach and read a file; asked in a thread that is that user.
enum Access {
    /// What stands in the way.
    struct Answer: Sendable, Hashable {
        /// Whether the file can be opened for reading.
        var isReadable: Bool
        /// Whether every folder above it can be passed.
        var areParentsTraversable: Bool
        /// The first folder that cannot be passed.
        var obstacle: String?
    }

    /// Tries a path as the calling thread's user.
    static func check(_ path: String) throws(ProbeError) -> Answer {
        var folder = ""
        // Byte-wise: a combining mark behind a slash must not hide it.
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: Array($0), as: UTF8.self) }
        for part in [""] + parts.dropLast() {
            folder = part.isEmpty ? "/" : (folder == "/" ? "" : folder) + "/" + part
            if faccessat(AT_FDCWD, folder, X_OK, 0x200 /* AT_EACCESS */) != 0 {
                guard errno == EACCES || errno == EPERM else {
                    if errno == ENOENT || errno == ENOTDIR { break }
                    throw .system("pass \(folder)", errno: errno)
                }
                return Answer(isReadable: false, areParentsTraversable: false, obstacle: folder)
            }
        }
        // O_NONBLOCK: a named pipe must not hold us.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else {
            if [EACCES, EPERM, ENOENT, ENOTDIR, ELOOP].contains(errno) {
                return Answer(isReadable: false, areParentsTraversable: true, obstacle: nil)
            }
            throw .system("open \(path)", errno: errno)
        }
        close(descriptor)
        return Answer(isReadable: true, areParentsTraversable: true, obstacle: nil)
    }
}

/// A file or folder that somebody tries to read or to write to.
final class HeldFile: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Opens a path without reading or writing; else the errno(3).
    static func open(_ path: String) -> (file: HeldFile?, failure: Int32) {
        let descriptor = Glibc.open(path, O_PATH_FLAG | O_CLOEXEC)
        return descriptor >= 0 ? (HeldFile(descriptor: descriptor), 0) : (nil, errno)
    }

    /// The same as somebody who may see everything; nil when there is nothing.
    static func openIfExists(_ path: String) throws(ProbeError) -> HeldFile? {
        let (file, failure) = open(path)
        if file == nil, failure != ENOENT, failure != ENOTDIR { throw .system("open \(path)", errno: failure) }
        return file
    }

    private var path: String { "/proc/thread-self/fd/\(descriptor)" }

    /// Whether the calling thread's user can open it for reading.
    var isReadable: Bool {
        let file = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        if file >= 0 { close(file) }
        return file >= 0
    }

    /// Whether it has the attribute `a` of chattr(1).
    private var isForAppending: Bool {
        let folder = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return false }
        defer { close(folder) }
        // FS_IOC_GETFLAGS and FS_APPEND_FL of linux/fs.h; a file system without such attributes refuses the question.
        var flags: CLong = 0
        return ioctl(folder, 0x8008_6601, &flags) == 0 && flags & 0x20 != 0
    }

    /// Tries to write as the calling thread's user; the errno(3) of what failed.
    func failureToWrite(isFolder: Bool) -> Int32? {
        guard isFolder else {
            let file = Glibc.open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            if file < 0 { return errno }
            close(file)
            return nil
        }
        // A folder for appending alone (chattr +a) takes new files, and lets nobody replace one or remove ours.
        if isForAppending { return EPERM }
        let name = ".meshcheck-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let file = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if file < 0 { return errno }
        // As much as a chain and a key need.
        let bytes = [UInt8](repeating: 0x0a, count: 16 << 10)
        var failure: Int32?
        var rest = bytes[...]
        while failure == nil, !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if count == 0 || errno != EINTR { failure = errno }
        }
        if failure == nil, fsync(file) != 0 { failure = errno }
        if close(file) != 0, failure == nil { failure = errno }
        if unlinkat(descriptor, name, 0) != 0, failure == nil { failure = errno }
        return failure
    }
}

/// `O_PATH` of Linux, which Swift does not import: it is GNU's.
private let O_PATH_FLAG: Int32 = 0o10000000
