import Crypto
import Dispatch

/// MD5 of files one after the other, computed behind the back of the thread that has the bytes.
///
/// MD5 is the slowest of the checksums and cannot be divided, so it runs beside the SHA sums, tar and the compressor.
/// The bytes go round in a fixed number of blocks; when the other thread is behind, the caller waits for a block. Small
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

    /// Where the next bytes of the file are to be put; 64 KiB at the least.
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
