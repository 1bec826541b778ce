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

    /// How such a stream begins.
    private var magic: [UInt8] {
        switch self {
        case .none: []
        case .gzip: [0x1f, 0x8b]
        case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
        case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
        case .bzip2: [0x42, 0x5a, 0x68]
        case .lzma: [0x5d, 0x00, 0x00]
        }
    }

    /// The compression that bytes begin like.
    static func detect(_ prefix: some Collection<UInt8>) -> MemberCompression {
        allCases.first { $0 != .none && prefix.starts(with: $0.magic) } ?? .none
    }
}

/// The bytes of the current member of the `ar` archive, whose beginning has to be what the member's name says: dpkg
/// goes by the name, libarchive by the contents, and a package must not mean two things.
final class MemberSource: ByteSource {
    private let archive: ArchiveReader
    private let name: String
    private let compression: MemberCompression
    private var isChecked = false
    /// Bytes read so far.
    private(set) var count: Int64 = 0
    /// The last eight bytes read: the trailer of gzip.
    private(set) var tail: [UInt8] = []
    /// Why reading was stopped.
    private(set) var fault: DebFault?

    init(_ archive: ArchiveReader, name: String, compression: MemberCompression) {
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
        count &+= Int64(length)
        tail = Array((tail + buffer[..<length].suffix(8)).suffix(8))
        return length
    }

    /// Reads what a decompressor left.
    func drain() throws(ArchiveError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while try read(into: buffer) > 0 {}
    }
}
