import Archive
import Files

/// Small documents compressed as Policy 12.3 and 12.7 want them: gzip at level 9 with neither name nor time.
enum GzipFile {
    static func compress(_ bytes: [UInt8]) throws(ArchiveError) -> [UInt8] {
        let sink = MemorySink()
        let writer = try ArchiveWriter(
            format: .raw, compression: Compression(codec: .gzip, level: 9), sink: sink)
        let root = Owner(name: "", id: 0)
        try writer.begin(
            Entry(
                path: "data", kind: .file(size: Int64(bytes.count)), permissions: 0o644, owner: root, group: root,
                modificationTime: 0))
        var failure: ArchiveError?
        bytes.withUnsafeBytes { buffer in
            do throws(ArchiveError) { try writer.append(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        try writer.end()
        try writer.finish()
        return sink.bytes
    }
}

/// Collects small outputs in memory.
final class MemorySink: ByteSink {
    private(set) var bytes: [UInt8] = []

    func write(_ buffer: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: buffer)
    }
}
