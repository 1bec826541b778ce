import Glibc

/// A regular file that is open for reading.
public final class InputFile {
    /// The path that it was opened by.
    public let path: String
    /// Its status at that moment.
    public let status: FileStatus
    private let descriptor: Int32
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
        // What the kernel reads ahead by itself is enough for small files, of which there may be many.
        if status.size > Self.adviceThreshold { posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL) }
    }

    deinit { close(descriptor) }

    /// Reads the next bytes; 0 at the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw .last("read", path) }
        }
    }

    /// Reads at an offset without moving the position; 0 at or behind the end.
    public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            if errno != EINTR { throw .last("read", path) }
        }
    }

    /// The status now, to see whether the file has changed since it was opened.
    public func currentStatus() throws(FileError) -> FileStatus {
        try FileStatus.of(descriptor: descriptor, path: path)
    }
}
