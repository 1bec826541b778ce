import Glibc

/// Keeps other processes from a folder (flock(2)). The kernel lets go when the process ends, however it ends.
public final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Locks a folder; EWOULDBLOCK when another process holds it.
    ///
    /// - Parameter operation: what the error says that it was about.
    public init(_ folder: String, operation: String = "lock") throws(FileError) {
        descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("open", folder) }
        // Without waiting: a stopped process would hold us for ever.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let error = FileError.last(operation, folder)
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }
}
