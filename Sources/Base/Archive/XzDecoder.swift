import CLzma

/// Decompresses the .xz and .lzma formats with liblzma, within a bound of memory that libarchive cannot set.
///
/// The dictionary's size stands in a header of some bytes, and a decoder asks for all of it whatever the file's size is.
public final class XzDecoder: ByteSource {
    private let source: any ByteSource
    private let name: String
    private let memory: Int64
    private let stream: UnsafeMutablePointer<lzma_stream>
    private let input: UnsafeMutableRawBufferPointer
    private var isInputEnded = false
    private var isEnded = false

    /// Creates a decoder; the format is recognised by its first bytes.
    ///
    /// - Parameters:
    ///   - name: what it is called in errors.
    ///   - memory: bytes that liblzma may ask for.
    public init(_ source: any ByteSource, name: String, memory: Int64) throws(ArchiveError) {
        self.source = source
        self.name = name
        self.memory = memory
        stream = .allocate(capacity: 1)
        stream.initialize(to: lzma_stream())
        input = .allocate(byteCount: 1 << 16, alignment: 16)
        // Streams may follow one another (xz(1)); of .lzma there is one.
        let status = lzma_auto_decoder(stream, UInt64(clamping: max(1, memory)), clzma_concatenated)
        guard status == LZMA_OK else { throw failure(status) }
    }

    deinit {
        lzma_end(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
        input.deallocate()
    }

    /// Reads the next decompressed bytes; 0 at the end, when all checks of the format have passed.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        guard !isEnded, let start = buffer.baseAddress, !buffer.isEmpty else { return 0 }
        stream.pointee.next_out = start.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = buffer.count
        while stream.pointee.avail_out > 0 {
            if stream.pointee.avail_in == 0, !isInputEnded {
                let count = try source.read(into: input)
                isInputEnded = count == 0
                stream.pointee.next_in = UnsafePointer(input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = count
            }
            let status = lzma_code(stream, isInputEnded ? LZMA_FINISH : LZMA_RUN)
            if status == LZMA_STREAM_END {
                isEnded = true
                break
            }
            guard status == LZMA_OK else { throw failure(status) }
        }
        return buffer.count - stream.pointee.avail_out
    }

    private func failure(_ status: lzma_ret) -> ArchiveError {
        let (code, detail): (ArchiveError.Code, String) =
            switch status {
            case LZMA_MEMLIMIT_ERROR:
                (.memory, "one that needs \(lzma_memusage(stream)) bytes of memory (must be <=\(memory))")
            case LZMA_MEM_ERROR: (.library, "liblzma has not enough memory")
            case LZMA_FORMAT_ERROR: (.malformed, "not in the xz or lzma format")
            case LZMA_OPTIONS_ERROR: (.unsupported, "liblzma does not support these options")
            case LZMA_DATA_ERROR: (.malformed, "corrupt xz data")
            case LZMA_BUF_ERROR: (.truncated, "the xz data ends too early")
            default: (.library, "liblzma failed with status \(status.rawValue)")
            }
        return ArchiveError(operation: "decompress", subject: name, code: code, detail: detail)
    }
}
