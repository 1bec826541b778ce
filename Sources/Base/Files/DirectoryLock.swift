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

    /// The process that holds the lock of a folder, with its command line, as far as this machine shows it (proc(5)).
    public static func owner(of folder: String) -> (pid: Int32, command: String)? {
        do throws(FileError) {
            let inode = try FileStatus.of(folder, followLinks: true).inode
            let locks = try FileTree.readInput("/proc/locks", limit: 1 << 24)
            for line in String(decoding: locks, as: UTF8.self).split(separator: "\n") {
                // 1: FLOCK  ADVISORY  WRITE 4711 fe:01:131 0 EOF
                let words = line.split(separator: " ")
                guard words.count >= 6, words[1] == "FLOCK", let pid = Int32(words[4]), pid > 0,
                    words[5].split(separator: ":").last.flatMap({ UInt64($0) }) == inode
                else { continue }
                let command = try FileTree.readInput("/proc/\(pid)/cmdline", limit: 1 << 16)
                let text = command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                return (pid, text.joined(separator: " "))
            }
        } catch {
            // It has ended meanwhile, or /proc does not show it.
        }
        return nil
    }
}
