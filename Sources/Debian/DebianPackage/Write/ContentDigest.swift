import Crypto
import Platform

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

/// The checksums of the files of one package, for each file as it is read.
final class ContentDigests {
    private let md5 = BackgroundMD5()
    private var sha256 = SHA256()
    private var finished: [SHA256Digest] = []

    /// Where the next bytes of the file are to be put.
    var space: UnsafeMutableRawBufferPointer { md5.space }

    /// So many bytes have been put at the beginning of ``space``; returns them for others to read, until ``space`` is
    /// asked for again.
    func filled(_ space: UnsafeMutableRawBufferPointer, _ count: Int) -> UnsafeRawBufferPointer {
        let bytes = UnsafeRawBufferPointer(rebasing: space[..<count])
        md5.filled(count)
        sha256.update(bufferPointer: bytes)
        return bytes
    }

    /// Adds bytes that are in memory.
    func update(_ bytes: UnsafeRawBufferPointer) {
        md5.update(bytes)
        sha256.update(bufferPointer: bytes)
    }

    /// The file is complete.
    func endFile() {
        md5.endFile()
        finished.append(sha256.finalize())
        sha256 = SHA256()
    }

    /// The checksums in the order in which the files ended.
    func finish() -> [EntryDigests] {
        zip(md5.finish(), finished).map { EntryDigests(md5: $0, sha256: $1) }
    }
}

/// The checksums of one file as they are computed: without memory of their own, because there are many.
struct EntryDigests: Sendable {
    var md5: Insecure.MD5Digest
    var sha256: SHA256Digest
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
    static func text<D: Digest>(_ digest: D) -> String { text(digest, count: D.byteCount) }

    /// The text of so many bytes.
    static func text(_ bytes: some Sequence<UInt8>, count length: Int) -> String {
        String(unsafeUninitializedCapacity: 2 * length) { text in
            var count = 0
            for byte in bytes.prefix(length) {
                text[count] = digit(byte >> 4)
                text[count + 1] = digit(byte & 15)
                count += 2
            }
            return count
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
