import Glibc
import Platform

/// What stat(2) says of a file.
public struct FileStatus: Sendable, Hashable {
    /// The type of a file.
    public enum Kind: Sendable, Hashable {
        case file, directory, symbolicLink, other
    }

    /// The type.
    public var kind: Kind
    /// The twelve permission bits.
    public var permissions: UInt16
    /// Bytes.
    public var size: Int64
    /// Modification time: seconds since 1970.
    public var modificationSeconds: Int64
    /// Modification time: nanoseconds within the second.
    public var modificationNanoseconds: Int64
    /// The inode number.
    public var inode: UInt64
    /// The device that the inode is on.
    public var device: UInt64
    /// The owner's user id.
    public var owner: UInt32
    /// The group id.
    public var group: UInt32

    /// Creates a status from its parts.
    public init(
        kind: Kind, permissions: UInt16, size: Int64, modificationSeconds: Int64, modificationNanoseconds: Int64,
        inode: UInt64, device: UInt64, owner: UInt32, group: UInt32
    ) {
        self.kind = kind
        self.permissions = permissions
        self.size = size
        self.modificationSeconds = modificationSeconds
        self.modificationNanoseconds = modificationNanoseconds
        self.inode = inode
        self.device = device
        self.owner = owner
        self.group = group
    }

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
        permissions = UInt16(truncatingIfNeeded: status.st_mode & 0o7777)
        size = Int64(status.st_size)
        modificationSeconds = Int64(status.st_mtim.tv_sec)
        modificationNanoseconds = Int64(status.st_mtim.tv_nsec)
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        owner = status.st_uid
        group = status.st_gid
    }

    /// Whether it is the same file with the same contents, as far as a status can say.
    public func isUnchanged(since earlier: FileStatus) -> Bool {
        kind == earlier.kind && size == earlier.size && inode == earlier.inode && device == earlier.device
            && modificationSeconds == earlier.modificationSeconds
            && modificationNanoseconds == earlier.modificationNanoseconds
    }

    /// The status of a path.
    public static func of(_ path: String, followLinks: Bool) throws(FileError) -> FileStatus {
        var status = stat()
        guard fstatat(AT_FDCWD, path, &status, followLinks ? 0 : AT_SYMLINK_NOFOLLOW) == 0 else {
            throw .last("stat", path)
        }
        return FileStatus(status)
    }

    /// The status of a path, or nil when nothing is there.
    public static func ofIfExists(_ path: String, followLinks: Bool) throws(FileError) -> FileStatus? {
        do throws(FileError) {
            return try of(path, followLinks: followLinks)
        } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
            throw error
        }
    }

    static func of(descriptor: Int32, path: String) throws(FileError) -> FileStatus {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .last("stat", path) }
        return FileStatus(status)
    }
}

/// A system call on a path that failed.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call, such as `open` or `rename`.
    public var operation: String
    /// The path that it was about.
    public var path: String
    /// The error number (errno(3)).
    public var errno: Int32

    /// Creates an error.
    public init(operation: String, path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// An error with the number that the C library has just left.
    static func last(_ operation: String, _ path: String) -> FileError {
        FileError(operation: operation, path: path, errno: Glibc.errno)
    }

    /// The sentence for people.
    public var description: String { "cannot \(operation) '\(path)': \(SystemErrorText.of(errno))" }
}

extension FileError {
    /// ENOENT: nothing is there.
    package static let missing = ENOENT
    /// Errors of a path that somebody gave: nothing is there, it may not be read, or it is something else.
    package static let ofInput: Set<Int32> = [ENOENT, ENOTDIR, EISDIR, EACCES, ELOOP, EINVAL]
    /// ENOSPC: the file system is full.
    package static let full = ENOSPC
    /// EWOULDBLOCK: another process has the lock.
    package static let wouldBlock = EWOULDBLOCK
}
