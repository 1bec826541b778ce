import CLinux
import Crypto
import Files
import Glibc
import Platform

/// What statx(2) and its relatives say of a file.
package struct FileFacts: Sendable {
    /// The type in a word.
    package var type: String
    /// The twelve permission bits.
    package var permissions: UInt32
    package var owner: UInt32
    var group: UInt32
    var size: Int64
    /// Nanoseconds since 1970.
    var modified: Int64
    /// Nanoseconds since 1970; nil where the file system does not keep it.
    var born: Int64?

    /// Four octal digits, as people write a mode.
    package var mode: String {
        let digits = String(permissions, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }

    /// Reads them; nil when nothing is there.
    package static func read(_ path: String, followLinks: Bool) throws(ProbeError) -> FileFacts? {
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

    /// What a link points to, as it is stored; nil when it is not a link.
    static func linkTarget(of path: String) throws(ProbeError) -> String? {
        guard try read(path, followLinks: false)?.type == "symlink" else { return nil }
        do throws(FileError) { return try FileTree.readLink(path) } catch { throw ProbeError(error) }
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

/// Checksums of files, in blocks.
enum FileDigest {
    /// SHA-256 in hexadecimal digits.
    static func sha256(_ path: String) throws(ProbeError) -> String { try digest(path, SHA256()) }

    /// MD5 in hexadecimal digits: dpkg's database has no other.
    static func md5(_ path: String) throws(ProbeError) -> String { try digest(path, Insecure.MD5()) }

    private static func digest(_ path: String, _ function: some HashFunction) throws(ProbeError) -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        return try of(path, function, through: buffer)
    }

    /// A checksum in hexadecimal digits, read through the caller's buffer.
    static func of(
        _ path: String, _ function: some HashFunction, through buffer: UnsafeMutableRawBufferPointer
    ) throws(ProbeError) -> String {
        var function = function
        do throws(FileError) {
            let file = try InputFile(path: path)
            while true {
                let count = try file.read(into: buffer)
                if count == 0 { break }
                function.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        } catch { throw ProbeError(error) }
        return Hexadecimal.text(function.finalize())
    }
}
