import CLzma
import Files

/// Compresses to the .xz format with liblzma's block encoder.
///
/// The block encoder is used for one thread as well, at a block size that follows from the level alone, so that the
/// bytes do not depend on the number of threads.
final class XzEncoder {
    private var stream: UnsafeMutablePointer<lzma_stream>
    private let output: UnsafeMutableRawBufferPointer
    private let sink: any ByteSink
    private let subject: String

    init(_ compression: Compression, threads: Int, sink: any ByteSink, subject: String) throws(ArchiveError) {
        self.sink = sink
        self.subject = subject
        stream = .allocate(capacity: 1)
        stream.initialize(to: lzma_stream())
        output = .allocate(byteCount: 1 << 16, alignment: 16)
        let options = UnsafeMutablePointer<lzma_options_lzma>.allocate(capacity: 1)
        defer { options.deallocate() }
        options.initialize(to: lzma_options_lzma())
        guard lzma_lzma_preset(options, UInt32(compression.level)) == 0 else {
            throw ArchiveError(
                operation: "compress", subject: subject, code: .unsupported,
                detail: "liblzma has no preset \(compression.level)")
        }
        // What xz(1) and dpkg-deb(1) take when they are not told: three dictionaries, at least one MiB.
        let blockSize = max(UInt64(options.pointee.dict_size) * 3, 1 << 20)
        var filters: [lzma_filter] = []
        switch compression.branchFilter {
        case .none: break
        case .x86: filters.append(lzma_filter(id: clzma_filter_x86, options: nil))
        case .arm64: filters.append(lzma_filter(id: clzma_filter_arm64, options: nil))
        }
        filters.append(lzma_filter(id: clzma_filter_lzma2, options: options))
        filters.append(lzma_filter(id: clzma_vli_unknown, options: nil))
        let status = filters.withUnsafeBufferPointer { buffer in
            var settings = lzma_mt()
            settings.threads = UInt32(clamping: max(1, threads))
            settings.block_size = blockSize
            settings.filters = buffer.baseAddress
            settings.check = LZMA_CHECK_CRC64
            return lzma_stream_encoder_mt(stream, &settings)
        }
        guard status == LZMA_OK else { throw failure(status) }
    }

    deinit {
        lzma_end(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
        output.deallocate()
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        stream.pointee.next_in = base.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = bytes.count
        while stream.pointee.avail_in > 0 { _ = try code(LZMA_RUN) }
    }

    func finish() throws(ArchiveError) {
        while try code(LZMA_FINISH) {}
    }

    /// Whether there is more to do.
    private func code(_ action: lzma_action) throws(ArchiveError) -> Bool {
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = output.count
        let status = lzma_code(stream, action)
        guard status == LZMA_OK || status == LZMA_STREAM_END else { throw failure(status) }
        let produced = output.count - stream.pointee.avail_out
        if produced > 0 {
            do throws(FileError) {
                try sink.write(UnsafeRawBufferPointer(rebasing: output[..<produced]))
            } catch {
                throw ArchiveError(operation: "write", subject: subject, code: .output(error), detail: "")
            }
        }
        return status != LZMA_STREAM_END
    }

    private func failure(_ status: lzma_ret) -> ArchiveError {
        let detail =
            switch status {
            case LZMA_MEM_ERROR: "liblzma has not enough memory"
            case LZMA_OPTIONS_ERROR: "liblzma does not support these options"
            case LZMA_DATA_ERROR: "the data is too large for the format"
            default: "liblzma failed with status \(status.rawValue)"
            }
        return ArchiveError(operation: "compress", subject: subject, code: .library, detail: detail)
    }
}
