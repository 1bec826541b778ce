import Glibc

/// A file that is written beside its target under another name and takes the target's place as a whole.
///
/// A kill at any moment leaves the old file or none; what may be left is a temporary file named `.NAME.XXXXXX.tmp`.
public final class AtomicFile {
    /// The path that the file will have.
    public let target: String
    private let temporary: String
    private let permissions: UInt16
    private var descriptor: Int32

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
                descriptor = opened
                temporary = path
                return
            }
            attempt += 1
            if errno != EEXIST || attempt >= 100 { throw .last("create", path) }
        }
    }

    deinit { discard() }

    /// Writes all of the bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        guard descriptor >= 0 else { throw FileError(operation: "write", path: target, errno: EBADF) }
        try DescriptorIO.write(bytes, to: descriptor, path: target)
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

    /// Removes the temporary file; nothing happens after a commit.
    public func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporary)
    }
}
