/// The formats of compressed streams that are read, recognised by their first bytes.
public enum StreamCompression: Sendable, Hashable, CaseIterable {
    case gzip, xz, zstd, bzip2, lzma

    /// How such a stream begins.
    var magic: [UInt8] {
        switch self {
        case .gzip: [0x1f, 0x8b]
        case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
        case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
        case .bzip2: [0x42, 0x5a, 0x68]
        case .lzma: [0x5d, 0x00, 0x00]
        }
    }

    /// The compression that bytes begin like; nil for any other contents.
    package static func detect(_ prefix: some Collection<UInt8>) -> StreamCompression? {
        allCases.first { prefix.starts(with: $0.magic) }
    }
}

/// Decompresses a stream within bounds of memory and size: the dictionary that a decoder has to keep stands in a header of
/// some bytes, and a few kilobytes can become gigabytes.
final class DecompressedSource: ByteSource {
    /// The compressed bytes as they pass.
    private final class Input: ByteSource {
        private let source: any ByteSource
        private var zstd: ZstdWindowCheck?
        private(set) var count: Int64 = 0
        private let name: String
        private let memory: Int64

        init(_ source: any ByteSource, _ compression: StreamCompression, name: String, memory: Int64) {
            self.source = source
            self.name = name
            self.memory = memory
            zstd = compression == .zstd ? ZstdWindowCheck() : nil
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
            let length = try source.read(into: buffer)
            count += Int64(length)
            zstd?.update(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
            if zstd?.isLost == true {
                throw ArchiveError(
                    operation: "decompress", subject: name, code: .malformed,
                    detail: "something that is not a zstd frame")
            }
            if let window = zstd?.window, window > UInt64(clamping: memory) {
                throw ArchiveError(
                    operation: "decompress", subject: name, code: .memory,
                    detail: "a dictionary that needs \(window) bytes of memory (must be <=\(memory))")
            }
            return length
        }
    }

    private let input: Input
    private let output: any ByteSource
    private let name: String
    private let limits: ArchiveLimits
    private var count: Int64 = 0

    init(
        _ source: any ByteSource, _ compression: StreamCompression, name: String, limits: ArchiveLimits
    ) throws(ArchiveError) {
        input = Input(source, compression, name: name, memory: limits.decoderMemory)
        self.name = name
        self.limits = limits
        switch compression {
        case .xz, .lzma: output = try XzDecoder(input, name: name, memory: limits.decoderMemory)
        case .gzip, .zstd, .bzip2:
            let reader = try ArchiveReader(
                nested: input, name: name, formats: [.raw], decompressing: compression,
                limits: ArchiveLimits(entries: 1, totalBytes: limits.totalBytes))
            // An empty stream has no entry.
            _ = try reader.next()
            output = reader
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let length = try output.read(into: buffer)
        count += Int64(length)
        try limits.check(count, of: input.count, name: name)
        return length
    }
}

extension ArchiveLimits {
    /// Refuses more bytes than an archive of a size can have without being a bomb.
    func check(_ count: Int64, of compressed: Int64, name: String) throws(ArchiveError) {
        guard count > unmeasuredBytes, count / ratio > compressed else { return }
        throw ArchiveError(
            operation: "decompress", subject: name, code: .limit,
            detail: "\(count) bytes out of \(compressed) (must be <=\(ratio) for each, or <=\(unmeasuredBytes))")
    }
}
