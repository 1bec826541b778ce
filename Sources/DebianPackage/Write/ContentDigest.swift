import Crypto

/// The two checksums that a package needs of each file, taken in one pass: MD5 for `md5sums` (deb-md5sums(5)) and
/// SHA-256 for records of what was built.
struct ContentDigest {
    private var md5 = Insecure.MD5()
    private var sha256 = SHA256()

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        md5.update(bufferPointer: bytes)
        sha256.update(bufferPointer: bytes)
    }

    consuming func finish() -> FileDigests {
        FileDigests(md5: Hexadecimal.text(md5.finalize()), sha256: Hexadecimal.text(sha256.finalize()))
    }
}

/// The checksums of one file, in lower-case hexadecimal.
public struct FileDigests: Sendable, Hashable {
    /// MD5, as `md5sums` wants it.
    public var md5: String
    /// SHA-256.
    public var sha256: String

    /// Creates a pair of checksums from their hexadecimal texts.
    public init(md5: String, sha256: String) {
        self.md5 = md5
        self.sha256 = sha256
    }

    /// The checksums of bytes in memory.
    static func of(_ bytes: [UInt8]) -> FileDigests {
        var digest = ContentDigest()
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.finish()
    }
}

/// Bytes as lower-case hexadecimal text.
enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
