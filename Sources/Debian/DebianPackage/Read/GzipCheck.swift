import Archive

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
