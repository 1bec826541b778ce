import Files
import Glibc

/// Keeps other agents from writing the same files. The kernel lets go when the process ends, however it ends.
final class DirectoryLock {
    private let descriptor: Int32

    /// Locks a directory; EWOULDBLOCK when another process holds it.
    init(_ directory: String) throws(FileError) {
        descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: directory, errno: errno) }
        // Without waiting: a stopped process would hold us for ever.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let error = FileError(
                operation: "lock against other certificate agents the folder", path: directory, errno: errno)
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }
}
