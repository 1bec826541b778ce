import Glibc
import Platform

/// Keeps other processes from a folder (flock(2)). The kernel lets go when the process ends, however it ends.
public final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Locks a folder; EWOULDBLOCK when another process holds it.
    ///
    /// - Parameters:
    ///   - operation: what the error says that it was about.
    ///   - patience: how long another may hold it. A stopped process would hold us for ever.
    public init(_ folder: String, operation: String = "lock", patience: Duration = .zero) throws(FileError) {
        descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("open", folder) }
        let deadline = MonotonicTime.now + patience
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK || errno == EINTR, MonotonicTime.now < deadline {
                usleep(5000)
                continue
            }
            let error = FileError.last(operation, folder)
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }
}
