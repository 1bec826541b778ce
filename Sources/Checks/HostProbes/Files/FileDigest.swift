import Crypto
import Files

/// Checksums of files, in blocks.
enum FileDigest {
    /// SHA-256 in hexadecimal digits.
    static func sha256(_ path: String) throws(ProbeError) -> String { try digest(path, SHA256()) }

    /// MD5 in hexadecimal digits: dpkg's database has no other.
    static func md5(_ path: String) throws(ProbeError) -> String { try digest(path, Insecure.MD5()) }

    private static func digest(_ path: String, _ function: some HashFunction) throws(ProbeError) -> String {
        var function = function
        do throws(FileError) {
            let file = try InputFile(path: path)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
            defer { buffer.deallocate() }
            while true {
                let count = try file.read(into: buffer)
                if count == 0 { break }
                function.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        } catch { throw ProbeError(error) }
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: function.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
