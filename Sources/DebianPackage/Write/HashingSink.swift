import Archive
import Crypto
import Files

/// Passes bytes on and keeps their number and SHA-256, so that the finished package need not be read again.
final class HashingSink: ByteSink {
    private let next: any ByteSink
    private var sha256 = SHA256()
    private(set) var count: Int64 = 0

    init(forwardingTo next: any ByteSink) {
        self.next = next
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try next.write(bytes)
        sha256.update(bufferPointer: bytes)
        count += Int64(bytes.count)
    }

    func finish() -> String { Hexadecimal.text(sha256.finalize()) }
}
