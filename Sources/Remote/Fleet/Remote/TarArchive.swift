import Files
import Glibc

/// A tar archive of small files in memory: the ustar format of POSIX (pax(1)), which every tar reads.
struct TarArchive {
    private static let block = 512
    private var bytes: [UInt8] = []

    /// Bytes so far.
    var size: Int { bytes.count }

    /// Adds a file of mode 0600. A path has up to 100 bytes, or up to 155 before a slash and up to 100 behind it.
    mutating func add(path: String, _ contents: [UInt8]) throws(FileError) {
        guard let (prefix, name) = Self.split(Array(path.utf8)) else {
            throw FileError(operation: "send", path: path, errno: ENAMETOOLONG)
        }
        var header = [UInt8](repeating: 0, count: Self.block)
        func put(_ value: [UInt8], at offset: Int) {
            header.replaceSubrange(offset..<(offset + value.count), with: value)
        }
        func octal(_ value: Int, _ width: Int) -> [UInt8] {
            let digits = Array(String(value, radix: 8).utf8)
            return [UInt8](repeating: UInt8(ascii: "0"), count: max(0, width - digits.count)) + digits
        }
        put(name, at: 0)
        put(octal(0o600, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(contents.count, 11), at: 124)
        // Always the same time, so that the same scenarios have the same checksum.
        put(octal(0, 11), at: 136)
        put([UInt8](repeating: UInt8(ascii: " "), count: 8), at: 148)
        put([UInt8(ascii: "0")], at: 156)
        put(Array("ustar\u{0}00".utf8), at: 257)
        put(prefix, at: 345)
        let sum = header.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6) + [0, UInt8(ascii: " ")], at: 148)
        bytes += header
        bytes += contents
        bytes += [UInt8](repeating: 0, count: (Self.block - contents.count % Self.block) % Self.block)
    }

    /// The archive with its end mark.
    func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 2 * Self.block) }

    private static func split(_ path: [UInt8]) -> (prefix: [UInt8], name: [UInt8])? {
        if path.count <= 100 { return ([], path) }
        for index in path.indices where path[index] == UInt8(ascii: "/") {
            let name = Array(path[(index + 1)...])
            if index <= 155, name.count <= 100, !name.isEmpty { return (Array(path[..<index]), name) }
        }
        return nil
    }
}
