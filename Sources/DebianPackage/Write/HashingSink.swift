import Archive
import Crypto
import Files

/// Passes bytes on and keeps their number and checksums, so that the finished package need not be read again.
final class HashingSink: ByteSink {
    private let next: any ByteSink
    private var md5 = Insecure.MD5()
    private var sha1 = Insecure.SHA1()
    private var sha256 = SHA256()
    private(set) var count: Int64 = 0

    init(forwardingTo next: any ByteSink) {
        self.next = next
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try next.write(bytes)
        md5.update(bufferPointer: bytes)
        sha1.update(bufferPointer: bytes)
        sha256.update(bufferPointer: bytes)
        count += Int64(bytes.count)
    }

    var checksums: PackageChecksums {
        PackageChecksums(
            md5: Hexadecimal.text(md5.finalize()), sha1: Hexadecimal.text(sha1.finalize()),
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
