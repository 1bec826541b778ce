import Archive

/// The compressions of `control.tar` and `data.tar` by their suffix (deb(5)).
enum MemberCompression: String, CaseIterable {
    case none, gzip, xz, zstd, bzip2, lzma

    init?(suffix: Substring) {
        switch suffix {
        case "": self = .none
        case ".gz": self = .gzip
        case ".xz": self = .xz
        case ".zst": self = .zstd
        case ".bz2": self = .bzip2
        case ".lzma": self = .lzma
        default: return nil
        }
    }

    /// The stream that it is.
    var stream: StreamCompression? {
        switch self {
        case .none: nil
        case .gzip: .gzip
        case .xz: .xz
        case .zstd: .zstd
        case .bzip2: .bzip2
        case .lzma: .lzma
        }
    }

    /// The compression that bytes begin like.
    static func detect(_ prefix: some Collection<UInt8>) -> MemberCompression {
        let stream = StreamCompression.detect(prefix)
        return allCases.first { $0.stream == stream } ?? .none
    }
}

/// The bytes of the current member of the `ar` archive, whose beginning has to be what the member's name says: dpkg
/// goes by the name, libarchive by the contents, and a package must not mean two things.
final class MemberSource: ByteSource {
    private let archive: ArchiveReader
    private let name: String
    private let compression: MemberCompression
    private let decoderMemory: Int64
    private var zstd: ZstdWindowCheck?
    private var isChecked = false
    /// Bytes read so far.
    private(set) var count: Int64 = 0
    /// The last eight bytes read: the trailer of gzip.
    private(set) var tail: [UInt8] = []
    /// Why reading was stopped.
    private(set) var fault: DebFault?

    /// - Parameter decoderMemory: what the windows of zstd may have, in bytes.
    init(_ archive: ArchiveReader, name: String, compression: MemberCompression, decoderMemory: Int64) {
        self.decoderMemory = decoderMemory
        zstd = compression == .zstd ? ZstdWindowCheck() : nil
        self.archive = archive
        self.name = name
        self.compression = compression
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        var length = try archive.read(into: buffer)
        if !isChecked {
            isChecked = true
            while length < min(6, buffer.count) {
                let more = try archive.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[length...]))
                if more == 0 { break }
                length += more
            }
            let found = MemberCompression.detect(buffer[..<length])
            guard found == compression else {
                let fault = DebFault(
                    .memberCompression, name, "read member", expected: "\(compression) as its name says",
                    found: "\(found)")
                self.fault = fault
                throw ArchiveError(operation: "read", subject: name, code: .malformed, detail: fault.found)
            }
        }
        zstd?.update(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
        if zstd?.isLost == true {
            let fault = DebFault(.corrupt, name, "decompress", expected: "a zstd frame", found: "something else")
            self.fault = fault
            throw ArchiveError(operation: "read", subject: name, code: .malformed, detail: fault.found)
        }
        if let window = zstd?.window, window > UInt64(clamping: decoderMemory) {
            let fault = DebFault(
                .memory, name, "decompress", expected: "a dictionary within bounds",
                found: "one that needs \(window) bytes of memory (must be <=\(decoderMemory))")
            self.fault = fault
            throw ArchiveError(operation: "read", subject: name, code: .memory, detail: fault.found)
        }
        count &+= Int64(length)
        tail = Array((tail + buffer[..<length].suffix(8)).suffix(8))
        return length
    }

    /// The largest window that the frames of zstd so far ask for, in bytes.
    var window: UInt64 { zstd?.window ?? 0 }

    /// Reads what a decompressor left.
    func drain() throws(ArchiveError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while try read(into: buffer) > 0 {}
    }
}

/// Takes the CRC-32 and the length of a gzip stream's contents as they pass (RFC 1952): libarchive leaves the trailer
/// unread, where dpkg refuses a package that does not match it.
final class GzipCheck: ByteSource {
    private let source: any ByteSource
    private var register: UInt32 = .max
    private var length: UInt32 = 0

    init(_ source: any ByteSource) {
        self.source = source
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let count = try source.read(into: buffer)
        var register = register
        Self.table.withUnsafeBufferPointer { table in
            for index in 0..<count {
                register = table[Int((register ^ UInt32(buffer[index])) & 0xff)] ^ (register >> 8)
            }
        }
        self.register = register
        length &+= UInt32(truncatingIfNeeded: count)
        return count
    }

    /// Compares with the last eight bytes of the stream.
    func verify(trailer: [UInt8], member: String) throws(DebFault) {
        func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
        guard trailer.count == 8 else {
            throw DebFault(.corrupt, member, "decompress", expected: "a gzip trailer", found: "the end")
        }
        let stated = (checksum: number(trailer[..<4]), length: number(trailer[4...]))
        guard stated.checksum == ~register, stated.length == length else {
            throw DebFault(
                .corrupt, member, "decompress", expected: "CRC \(stated.checksum) of \(stated.length) bytes",
                found: "CRC \(~register) of \(length)")
        }
    }

    /// The polynomial of RFC 1952, bits reversed.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
    }
}
