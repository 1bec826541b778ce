import CLinux
import Glibc

/// What statx(2) and its relatives say of a file.
struct FileFacts: Sendable {
    /// The type in a word.
    var type: String
    /// The twelve permission bits.
    var permissions: UInt32
    var owner: UInt32
    var group: UInt32
    var size: Int64
    /// Nanoseconds since 1970.
    var modified: Int64
    /// Nanoseconds since 1970; nil where the file system does not keep it.
    var born: Int64?

    /// Four octal digits, as people write a mode.
    var mode: String {
        let digits = String(permissions, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }

    /// Reads them; nil when nothing is there.
    static func read(_ path: String, followLinks: Bool) throws(ProbeError) -> FileFacts? {
        var file = clinux_file()
        let status = clinux_status(path, followLinks ? 1 : 0, &file)
        guard status == 0 else {
            if status == ENOENT || status == ENOTDIR { return nil }
            throw .system("stat \(path)", errno: status)
        }
        return FileFacts(
            type: typeName(file.mode), permissions: file.mode & 0o7777, owner: file.user, group: file.group,
            size: file.size, modified: file.modified, born: file.has_birth != 0 ? file.born : nil)
    }

    private static func typeName(_ mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFREG: "file"
        case S_IFDIR: "directory"
        case S_IFLNK: "symlink"
        case S_IFIFO: "pipe"
        case S_IFSOCK: "socket"
        case S_IFCHR: "character-device"
        case S_IFBLK: "block-device"
        default: "unknown"
        }
    }
}
