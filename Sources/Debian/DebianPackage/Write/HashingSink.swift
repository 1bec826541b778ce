import Archive
import Crypto
import Files
import Platform

/// Passes bytes on and keeps their number and checksums, so that the finished package need not be read again. MD5, which
/// takes as long as the rest, is computed on another thread.
final class HashingSink: ByteSink {
    private let next: any ByteSink
    private let md5 = BackgroundMD5()
    private var sha1 = Insecure.SHA1()
    private var sha256 = SHA256()
    private(set) var count: Int64 = 0

    init(forwardingTo next: any ByteSink) {
        self.next = next
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        md5.update(bytes)
        try next.write(bytes)
        sha1.update(bufferPointer: bytes)
        sha256.update(bufferPointer: bytes)
        count += Int64(bytes.count)
    }

    /// The checksums of everything; nothing may be written after it.
    func finish() -> PackageChecksums {
        md5.endFile()
        return PackageChecksums(
            md5: md5.finish().map { Hexadecimal.text($0) }.joined(), sha1: Hexadecimal.text(sha1.finalize()),
            sha256: Hexadecimal.text(sha256.finalize()))
    }
}

/// The checksums of a package in hexadecimal; deb-buildinfo(5) wants all three.
public struct PackageChecksums: Sendable, Hashable {
    /// MD5.
    public var md5: String
    /// SHA-1.
    public var sha1: String
    /// SHA-256.
    public var sha256: String
}
