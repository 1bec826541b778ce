import Glibc

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
        try OutputDescriptor.write(bytes, to: descriptor, path: folder)
        size += Int64(bytes.count)
    }

    /// Goes back to the beginning for reading.
    public func rewind() throws(FileError) {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw .last("seek in", folder) }
    }

    /// Reads the next bytes; 0 at the end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw .last("read", folder) }
        }
    }

    /// Reads at an offset without moving the position; 0 at or behind the end.
    public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            if errno != EINTR { throw .last("read", folder) }
        }
    }
}
