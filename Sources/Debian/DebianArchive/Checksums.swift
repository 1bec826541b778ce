import Archive
import Crypto
import DebianFormat
import Dispatch
import Files
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

    consuming func digests() -> EntryDigests { EntryDigests(md5: md5.finalize(), sha256: sha256.finalize()) }

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
package struct EntryDigests: Sendable {
    /// MD5.
    package var md5: Insecure.MD5Digest
    /// SHA-256.
    package var sha256: SHA256Digest
}

/// The checksums of one file, in lower-case hexadecimal.
package struct FileDigests: Sendable, Hashable {
    /// MD5, as `md5sums` wants it.
    package var md5: String
    /// SHA-256.
    package var sha256: String

    /// Creates a pair of checksums from their hexadecimal texts.
    package init(md5: String, sha256: String) {
        self.md5 = md5
        self.sha256 = sha256
    }

    /// The checksums of bytes in memory.
    package static func of(_ bytes: [UInt8]) -> FileDigests {
        var digest = ContentDigest()
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.finish()
    }
}

/// Passes bytes on and keeps their number and checksums, so that the finished package need not be read again. MD5, which
/// takes as long as the rest, is computed on another thread, and like SHA-1 only if something needs it.
final class HashingSink: ByteSink {
    private let next: any ByteSink
    private let md5: BackgroundMD5?
    private var sha1 = Insecure.SHA1()
    private var sha256 = SHA256()
    private(set) var count: Int64 = 0

    /// - Parameter wantsAll: whether MD5 and SHA-1 are wanted as well.
    init(forwardingTo next: any ByteSink, wantsAll: Bool) {
        self.next = next
        md5 = wantsAll ? BackgroundMD5() : nil
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        md5?.update(bytes)
        try next.write(bytes)
        if md5 != nil { sha1.update(bufferPointer: bytes) }
        sha256.update(bufferPointer: bytes)
        count += Int64(bytes.count)
    }

    /// The checksums of everything; nothing may be written after it.
    func finish() -> PackageChecksums {
        md5?.endFile()
        return PackageChecksums(
            md5: md5?.finish().map { Hexadecimal.text($0) }.joined(),
            sha1: md5 == nil ? nil : Hexadecimal.text(sha1.finalize()), sha256: Hexadecimal.text(sha256.finalize()))
    }
}

/// The checksums of a package in hexadecimal.
public struct PackageChecksums: Sendable, Hashable {
    /// MD5, which deb-buildinfo(5) wants; nil if nothing asked for it.
    public var md5: String?
    /// SHA-1, likewise.
    public var sha1: String?
    /// SHA-256.
    public var sha256: String

    /// Creates the checksums from their hexadecimal texts.
    public init(md5: String?, sha1: String?, sha256: String) {
        self.md5 = md5
        self.sha1 = sha1
        self.sha256 = sha256
    }

    /// All three of a file, which is read.
    package init(of path: String) throws(FileError) {
        let sink = HashingSink(forwardingTo: CountingSink(), wantsAll: true)
        let file = try InputFile(path: path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        while case let count = try file.read(into: buffer), count > 0 {
            try sink.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        self = sink.finish()
    }
}

/// MD5 of files one after the other, computed on another thread than the one that has the bytes.
///
/// MD5 is the slowest of the checksums and cannot be divided, so it runs beside the SHA sums, tar and the compressor.
/// The bytes go round in a fixed number of blocks; when the other thread falls behind, the caller waits for a block. Small
/// files share one. What fits into a single block is done on the calling thread, without another one.
final class BackgroundMD5 {
    /// Bytes and where files end in them. Touched by the caller until it is handed over and by the worker until it is
    /// given back, never by both: queue and semaphore order the accesses.
    private final class Block: @unchecked Sendable {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: BackgroundMD5.blockSize, alignment: 64)
        var used = 0
        var segments: [(count: Int, endsFile: Bool)] = []

        deinit { bytes.deallocate() }
    }

    /// Touched on the queue alone.
    private final class Worker: @unchecked Sendable {
        private var hash = Insecure.MD5()
        private(set) var digests: [Insecure.MD5Digest] = []

        func consume(_ block: Block) {
            var start = 0
            for segment in block.segments {
                let end = start + segment.count
                hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: block.bytes[start..<end]))
                start = end
                if segment.endsFile {
                    digests.append(hash.finalize())
                    hash = Insecure.MD5()
                }
            }
            block.used = 0
            block.segments.removeAll(keepingCapacity: true)
        }
    }

    private static let blockSize = 256 * 1024
    private static let blockLimit = 4
    /// Less than this is not worth a read(2).
    private static let leastSpace = 64 * 1024
    private static let segmentLimit = 4096

    private let queue = DispatchQueue(label: "MD5")
    private let worker = Worker()
    /// Counts the blocks that the worker is done with.
    private let done = DispatchSemaphore(value: 0)
    private var blocks = [Block()]
    private var current = 0

    /// Where the next bytes of the file are to be put; at least 64 KiB.
    var space: UnsafeMutableRawBufferPointer {
        let block = blocks[current]
        guard block.bytes.count - block.used < Self.leastSpace || block.segments.count >= Self.segmentLimit else {
            return UnsafeMutableRawBufferPointer(rebasing: block.bytes[block.used...])
        }
        handOver()
        return blocks[current].bytes
    }

    /// So many bytes have been put at the beginning of ``space``.
    func filled(_ count: Int) {
        let block = blocks[current]
        block.used += count
        if let last = block.segments.indices.last, !block.segments[last].endsFile {
            block.segments[last].count += count
        } else {
            block.segments.append((count, false))
        }
    }

    /// Adds bytes that are elsewhere.
    func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let space = space
            let part = rest.prefix(space.count)
            space.copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
            filled(part.count)
            rest = rest.dropFirst(part.count)
        }
    }

    /// The file is complete; what comes next belongs to another.
    func endFile() {
        filled(0)
        let block = blocks[current]
        block.segments[block.segments.count - 1].endsFile = true
    }

    /// Waits for everything and returns one digest for each file that has ended.
    func finish() -> [Insecure.MD5Digest] {
        let (worker, block) = (worker, blocks[current])
        return queue.sync {
            worker.consume(block)
            return worker.digests
        }
    }

    private func handOver() {
        let (worker, block, done) = (worker, blocks[current], done)
        queue.async {
            worker.consume(block)
            done.signal()
        }
        current = (current + 1) % Self.blockLimit
        if blocks.count < Self.blockLimit {
            blocks.append(Block())
        } else {
            // The queue takes them in order, so the one that is done is the one that is next.
            done.wait()
        }
    }
}

extension MD5Sums {
    /// The `md5sums` of a package: conffiles are left out, as by dh_md5sums, because dpkg's status has their checksums.
    init(of entries: [PlannedEntry], _ digests: [EntryDigests?]) {
        // Each name of a file counts, as for dh_md5sums, and an archive has the contents with the first of them.
        let hasLinks = entries.contains { if case .hardLink = $0.entry.kind { true } else { false } }
        let byPath =
            hasLinks
            ? Dictionary(
                zip(entries, digests).map { (ByteKey($0.entry.path), $1) }, uniquingKeysWith: { first, _ in first })
            : [:]
        self.init(
            entries: zip(entries, digests).compactMap { planned, own in
                var sums = own
                if case .hardLink(let target) = planned.entry.kind { sums = byPath[ByteKey(target)] ?? nil }
                guard !planned.isConffile, let sums else { return nil }
                return Entry(digest: Hexadecimal.text(sums.md5), path: planned.installedPath.withoutFirstByte)
            })
    }
}
