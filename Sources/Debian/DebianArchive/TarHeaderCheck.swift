import Archive
import Platform

/// Looks at the headers of a tar stream as dpkg does while the stream passes to libarchive.
///
/// libarchive understands more kinds of tar than dpkg: pax headers, sparse files, several volumes. What dpkg refuses
/// has to be refused here, before it is installed. Bytes after the end of the archive are counted and not kept.
final class TarHeaderCheck: ByteSource {
    private let source: any ByteSource
    private let name: String
    private let byteLimit: Int64
    private let ratio: Int64
    private let unmeasuredBytes: Int64
    private let compressedCount: () -> Int64

    private var header: [UInt8] = []
    private var remaining: Int64 = 0
    private var isAtEnd = false
    private var headers = 0
    /// Bytes that passed.
    private(set) var count: Int64 = 0
    /// Why reading was stopped.
    private(set) var fault: DebFault?
    private var afterEnd: ContentDigest?
    private var afterEndCount = 0

    /// SHA-256 of what is behind the end of the archive, from the first byte on that is not zero; nil where only zeros
    /// are. Asked once, at the end.
    var trailer: String? {
        guard let digest = afterEnd else { return nil }
        return digest.finish().sha256
    }

    static let blockSize = 512
    private static let magics = ["ustar\u{0}00", "ustar  \u{0}"]
    private static let numbers = [
        ("mode", 100..<108), ("user", 108..<116), ("group", 116..<124), ("time", 136..<148), ("device", 329..<337),
        ("device", 337..<345),
    ]
    /// GNU's long names: more than PATH_MAX is not a path.
    static let longNameLimit: Int64 = 16 << 10

    init(
        _ source: any ByteSource, name: String, byteLimit: Int64, limits: DebReadLimits,
        compressedCount: @escaping () -> Int64
    ) {
        self.source = source
        self.name = name
        self.byteLimit = byteLimit
        ratio = limits.ratio
        unmeasuredBytes = limits.unmeasuredBytes
        self.compressedCount = compressedCount
        header.reserveCapacity(Self.blockSize)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let length = try source.read(into: buffer)
        if length == 0 {
            if !isAtEnd, remaining > 0 || !header.isEmpty {
                try stop(
                    DebFault(
                        .corrupt, name, "read tar",
                        expected: remaining > 0 ? "\(remaining) bytes more" : "a whole header",
                        found: "the end of the archive"))
            }
            return 0
        }
        count &+= Int64(length)
        if count > byteLimit {
            try stop(
                DebFault(.limit, name, "decompress", expected: "at most \(byteLimit) bytes", found: "more of them"))
        }
        if count > unmeasuredBytes, count / ratio > compressedCount() {
            try stop(
                DebFault(
                    .limit, name, "decompress", expected: "at most \(ratio) bytes for each compressed one",
                    found: "\(count) bytes out of \(compressedCount())"))
        }
        try check(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
        return length
    }

    /// Reads what is left after the end of the archive, so that damage there is seen as well.
    func drain() throws(ArchiveError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        let start = count
        while try read(into: buffer) > 0 {
            // Tar pads to records; a hidden payload after the end is not padding.
            if count &- start > 16 << 20 {
                try stop(
                    DebFault(
                        .corrupt, name, "read tar", expected: "the end of the archive",
                        found: "more than 16 MiB after it"))
            }
        }
    }

    private func check(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        var offset = 0
        while offset < bytes.count, !isAtEnd {
            if remaining > 0 {
                let skipped = min(remaining, Int64(bytes.count - offset))
                remaining -= skipped
                offset += Int(skipped)
                continue
            }
            let taken = min(Self.blockSize - header.count, bytes.count - offset)
            header += bytes[offset..<offset + taken]
            offset += taken
            if header.count == Self.blockSize {
                try checkHeader()
                header.removeAll(keepingCapacity: true)
            }
        }
        if offset < bytes.count { noteAfterEnd(UnsafeRawBufferPointer(rebasing: bytes[offset...])) }
    }

    private func noteAfterEnd(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        if afterEnd == nil {
            guard let first = bytes.firstIndex(where: { $0 != 0 }) else {
                afterEndCount += bytes.count
                return
            }
            var digest = ContentDigest()
            // Where it begins is a part of it.
            withUnsafeBytes(of: Int64(afterEndCount + first).littleEndian) { digest.update($0) }
            afterEnd = digest
            rest = UnsafeRawBufferPointer(rebasing: bytes[first...])
        }
        afterEnd?.update(rest)
    }

    private func checkHeader() throws(ArchiveError) {
        headers += 1
        if header.allSatisfy({ $0 == 0 }) {
            isAtEnd = true
            return
        }
        let entry = "header \(headers) of \(name)"
        guard let stated = Self.number(header[148..<156]), stated == Self.checksum(header) else {
            return try stop(
                DebFault(
                    .tarHeader, entry, "read tar header", expected: "the checksum \(Self.checksum(header))",
                    found: Self.number(header[148..<156]).map { "\($0)" } ?? "no number"))
        }
        guard let size = Self.number(header[124..<136]), size >= 0, size <= Int64.max - 1024 else {
            return try stop(
                DebFault(.tarHeader, entry, "read tar header", expected: "a size of 0 or more", found: "none"))
        }
        // What is not a number means one thing to libarchive, another to tar(1), and is an error to dpkg.
        for (name, field) in Self.numbers {
            guard let number = Self.number(header[field]), number >= 0 else {
                return try stop(
                    DebFault(.tarHeader, entry, "read tar header", expected: "a \(name) of 0 or more", found: "none"))
            }
        }
        // tar(1) and dpkg pass over the names of owners in a header of another version, which libarchive reads.
        let magic = header[257..<265]
        guard !magic.starts(with: "ustar".utf8) || Self.magics.contains(where: { magic.elementsEqual($0.utf8) }) else {
            return try stop(
                DebFault(
                    .tarHeader, entry, "read tar header", expected: "the format ustar or that of GNU",
                    found: "'\(Ascii.text(magic))'"))
        }
        let type = header[156]
        switch type {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
            break
        case UInt8(ascii: "L"), UInt8(ascii: "K"):
            guard size <= Self.longNameLimit else {
                return try stop(
                    DebFault(
                        .tarHeader, entry, "read long name", expected: "at most \(Self.longNameLimit) bytes",
                        found: "\(size)"))
            }
        case UInt8(ascii: "1")...UInt8(ascii: "6"):
            // dpkg and libarchive differ in whether such an entry has contents.
            guard size == 0 else {
                return try stop(
                    DebFault(
                        .tarHeader, entry, "read tar header", expected: "no contents of a link, directory or device",
                        found: "\(size) bytes"))
            }
        default:
            return try stop(
                DebFault(
                    .tarEntryType, entry, "read tar header", expected: "a file, directory, link or GNU long name",
                    found: Self.typeName(type)))
        }
        remaining = (size + Int64(Self.blockSize - 1)) / Int64(Self.blockSize) * Int64(Self.blockSize)
    }

    private func stop(_ fault: DebFault) throws(ArchiveError) {
        self.fault = fault
        throw ArchiveError(operation: "read", subject: name, code: .malformed, detail: fault.found)
    }

    // MARK: - fields

    /// Octal digits, or base 256 when the first bit is set (tar(5)).
    static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 {
            if first & 0x40 != 0 { return nil }
            var value: Int64 = Int64(first & 0x3f)
            for byte in field.dropFirst() {
                let (product, overflow) = value.multipliedReportingOverflow(by: 256)
                if overflow { return nil }
                value = product | Int64(byte)
                if value < 0 { return nil }
            }
            return value
        }
        let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
        var value: Int64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) else { return nil }
            value = value * 8 + Int64(byte & 7)
        }
        return value
    }

    /// The sum of all bytes, those of the checksum itself taken as spaces.
    static func checksum(_ header: [UInt8]) -> Int64 {
        var sum: Int64 = 0
        for byte in header { sum &+= Int64(byte) }
        for byte in header[148..<156] { sum &+= 32 &- Int64(byte) }
        return sum
    }

    private static func typeName(_ type: UInt8) -> String {
        switch type {
        case UInt8(ascii: "x"), UInt8(ascii: "g"): "a pax header '\(Character(UnicodeScalar(type)))'"
        case UInt8(ascii: "X"): "a Solaris header 'X'"
        case UInt8(ascii: "S"), UInt8(ascii: "M"), UInt8(ascii: "V"), UInt8(ascii: "D"), UInt8(ascii: "N"):
            "a GNU header '\(Character(UnicodeScalar(type)))'"
        default: "the type \(type)"
        }
    }
}
