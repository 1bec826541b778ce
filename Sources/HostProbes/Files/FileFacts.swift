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
        var status = statx()
        let flags = (followLinks ? 0 : AT_SYMLINK_NOFOLLOW) | 0x800  // AT_NO_AUTOMOUNT
        guard statx(AT_FDCWD, path, Int32(flags), UInt32(STATX_BASIC_STATS | STATX_BTIME), &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .system("stat \(path)", errno: errno)
        }
        func nanoseconds(_ time: statx_timestamp) -> Int64 { time.tv_sec &* 1_000_000_000 &+ Int64(time.tv_nsec) }
        return FileFacts(
            type: typeName(mode_t(status.stx_mode)), permissions: UInt32(status.stx_mode) & 0o7777,
            owner: status.stx_uid, group: status.stx_gid, size: Int64(clamping: status.stx_size),
            modified: nanoseconds(status.stx_mtime),
            born: status.stx_mask & UInt32(STATX_BTIME) == 0 ? nil : nanoseconds(status.stx_btime))
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
