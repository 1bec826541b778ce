import CLinux
import Dispatch
import Glibc
import Synchronization

/// A file that is written beside its target under another name and takes the target's place as a whole.
///
/// A kill at any moment leaves the old file or none; what may be left is a temporary file named `.NAME.XXXXXX.tmp`, which
/// ``removeAbandoned(in:where:)`` finds: a file that is being written is locked (flock(2)).
public final class AtomicFile {
    /// The path that the file will have; another one in the same file system may be given until it is committed, for
    /// names that follow from the contents.
    public var target: String
    private let temporary: String
    private let permissions: UInt16
    private var descriptor: Int32
    /// Bytes since the kernel was last asked to bring them to the disk.
    private var held = 0
    private static let heldLimit = 8 << 20

    /// Creates the temporary file in the target's folder.
    ///
    /// - Parameter permissions: the mode of the finished file, whatever the umask.
    public init(target: String, permissions: UInt16 = 0o644) throws(FileError) {
        self.target = target
        self.permissions = permissions
        let (folder, name) = LexicalPath.split(target)
        var attempt = 0
        while true {
            // Not a secret, only unlikely to be taken: O_EXCL decides.
            let suffix = String(UInt32.random(in: 0...0x3fff_ffff), radix: 32)
            let path = folder + "/." + String(name.prefix(200)) + "." + suffix + ".tmp"
            let opened = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            if opened >= 0 {
                // Whoever removes what was abandoned may have met the file before it was locked.
                if Self.isLocked(opened) {
                    descriptor = opened
                    temporary = path
                    return
                }
                close(opened)
                unlink(path)
            } else if errno != EEXIST {
                throw .last("create", path)
            }
            attempt += 1
            if attempt >= 100 { throw FileError(operation: "create", path: path, errno: EEXIST) }
        }
    }

    deinit { discard() }

    /// Locks a file that was just created; false when it has been taken for an abandoned one.
    private static func isLocked(_ descriptor: Int32) -> Bool {
        // A file system without locks (ENOLCK, EOPNOTSUPP) has nobody who could take it.
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { return false }
        var status = stat()
        return fstat(descriptor, &status) != 0 || status.st_nlink > 0
    }

    /// Removes the temporary files that killed processes have left in a folder, as far as possible.
    ///
    /// - Parameter isWanted: whether files for a target of this name are to be removed; a long name is cut to 200
    ///   characters.
    public static func removeAbandoned(in folder: String, where isWanted: (_ name: String) -> Bool = { _ in true }) {
        let names: [String]
        do throws(FileError) { names = try FileTree.children(of: folder) } catch { return }
        for name in names {
            guard let target = targetName(ofTemporary: name), isWanted(target) else { continue }
            let path = folder + "/" + name
            let opened = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            guard opened >= 0 else { continue }
            if flock(opened, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            close(opened)
        }
    }

    /// `NAME` of `.NAME.SUFFIX.tmp`.
    private static func targetName(ofTemporary name: String) -> String? {
        guard name.hasPrefix("."), name.hasSuffix(".tmp") else { return nil }
        let inner = name.dropFirst().dropLast(4)
        guard let dot = inner.lastIndex(of: ".") else { return nil }
        let suffix = inner[inner.index(after: dot)...]
        guard (1...6).contains(suffix.utf8.count), UInt32(suffix, radix: 32) != nil, dot != inner.startIndex else {
            return nil
        }
        return String(inner[..<dot])
    }

    /// Writes all of the bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        guard descriptor >= 0 else { throw FileError(operation: "write", path: target, errno: EBADF) }
        try DescriptorIO.write(bytes, to: descriptor, path: target)
        held += bytes.count
        if held >= Self.heldLimit {
            // The disk works while the rest is made, and the sync at the end is short.
            clinux_begin_sync(descriptor)
            held = 0
        }
    }

    /// Appends bytes.
    public func write(_ bytes: [UInt8]) throws(FileError) {
        try bytes.withUnsafeBytes { buffer in Result { () throws(FileError) in try write(buffer) } }.get()
    }

    /// Appends text as UTF-8.
    public func write(text: String) throws(FileError) { try write(Array(text.utf8)) }

    /// Goes to an offset, from which bytes are then written one after the other; what was jumped over is filled in by
    /// ``write(_:at:)``.
    public func seek(to offset: Int64) throws(FileError) {
        guard lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset) else { throw .last("seek in", target) }
    }

    /// Writes all of the bytes at an offset without moving the position.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(written))
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("write", target)
            }
            written += count
        }
    }

    /// Reads at an offset without moving the position; 0 at or after the end.
    public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        try DescriptorIO.read(descriptor, at: offset, into: buffer, path: target)
    }

    /// Gives the file an owner and a group, as far as the process may; what it may not give stays its own.
    public func give(owner: UInt32, group: UInt32) throws(FileError) {
        guard descriptor >= 0 else { throw FileError(operation: "write", path: target, errno: EBADF) }
        if fchown(descriptor, owner, group) == 0 { return }
        guard errno == EPERM else { throw .last("set the owner of", target) }
        // A group that the process is in may be given without privilege.
        let unchanged = uid_t.max
        if fchown(descriptor, unchanged, group) != 0, errno != EPERM { throw .last("set the group of", target) }
    }

    /// Writes what the kernel still holds of the contents, so that ``commit(_:)`` is short.
    public func sync() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw .last("sync", target) }
    }

    /// How much of a file has to survive a power cut.
    public enum Durability: Sendable {
        /// The file and its name.
        case name
        /// The file; the caller syncs the folder once for several.
        case contents
        /// Nothing: the file can be made again.
        case none
    }

    /// Gives the file its mode and its name, synced as far as asked.
    public func commit(_ durability: Durability = .name) throws(FileError) {
        guard descriptor >= 0 else { throw FileError(operation: "write", path: target, errno: EBADF) }
        guard fchmod(descriptor, mode_t(permissions)) == 0 else { throw .last("set the mode of", target) }
        if durability != .none {
            guard fsync(descriptor) == 0 else { throw .last("sync", target) }
        }
        let closing = descriptor
        descriptor = -1
        guard close(closing) == 0 else {
            let error = FileError.last("close", target)
            unlink(temporary)
            throw error
        }
        guard Glibc.rename(temporary, target) == 0 else {
            let error = FileError.last("rename to", target)
            unlink(temporary)
            throw error
        }
        if durability == .name { try FileTree.syncDirectory(LexicalPath.split(target).folder) }
    }

    /// Gives several files their modes and names, in order; the contents are synced side by side, which takes a disk as
    /// long as one of them. The caller syncs the folder.
    public static func commit(_ files: [AtomicFile]) throws(FileError) {
        let descriptors = files.map(\.descriptor)
        let failures = Mutex([Int32](repeating: 0, count: files.count))
        DispatchQueue.concurrentPerform(iterations: files.count) { index in
            if fsync(descriptors[index]) != 0 {
                let number = errno
                failures.withLock { $0[index] = number }
            }
        }
        for (file, number) in zip(files, failures.withLock { $0 }) where number != 0 {
            throw FileError(operation: "sync", path: file.target, errno: number)
        }
        for file in files { try file.commit(.none) }
    }

    /// Removes the temporary file; nothing happens after a commit.
    public func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporary)
    }
}
