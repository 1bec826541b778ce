import Files
import Glibc

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
