/// The codings that an HTTP body may be sent in (RFC 9110 section 8.4.1).
public enum ContentCoding: String, Sendable, Hashable {
    case gzip, deflate

    /// What a client that takes both asks for.
    public static let accepted = "gzip, deflate"

    /// The coding of a Content-Encoding header.
    ///
    /// - Returns: nil for a body that is sent as it is.
    /// - Throws: the name of a coding that is not understood.
    public static func named(_ header: String?) throws(Unknown) -> ContentCoding? {
        guard let header else { return nil }
        let name = header.lowercased().filter { $0 != " " && $0 != "\t" }
        switch name {
        case "", "identity": return nil
        case "gzip", "x-gzip": return .gzip
        case "deflate": return .deflate
        default: throw Unknown(name: name)
        }
    }

    /// A coding that is not understood.
    public struct Unknown: Error, Sendable, Hashable {
        /// Its name, or several joined by commas.
        public var name: String
    }

    /// The bytes that a body stands for.
    ///
    /// - Parameters:
    ///   - isCut: whether the body goes on behind the bytes that are here.
    ///   - limit: how many bytes to give at most.
    /// - Returns: the bytes, and whether there are more of them.
    public func decoded(
        _ body: [UInt8], isCut: Bool, limit: Int
    ) throws(InflateError) -> (bytes: [UInt8], isTruncated: Bool) {
        var stream = Inflate(body, limit: limit)
        do throws(InflateError) {
            switch self {
            case .gzip:
                // Several members, one after the other, are one body (RFC 1952 section 2.2).
                repeat { try stream.gzipMember() } while !stream.isAtEnd
            case .deflate: try stream.zlibStream()
            }
            return (stream.output, false)
        } catch {
            switch error {
            case .limit: return (stream.output, true)
            case .ended where isCut: return (stream.output, true)
            default: throw error
            }
        }
    }
}

/// Why bytes cannot be decompressed.
public enum InflateError: Error, Sendable, Hashable {
    /// They end too early.
    case ended
    /// They stand for more bytes than are wanted.
    case limit
    /// They are in another format.
    case malformed(String)
    /// What was decompressed has another checksum or length than was sent with it.
    case checksum
}

/// DEFLATE (RFC 1951) in the wrappers of gzip (RFC 1952) and zlib (RFC 1950).
///
/// Its memory is the output, and its work is bounded by both: a few bytes that stand for gigabytes stop at the limit.
struct Inflate {
    private(set) var output: [UInt8] = []
    private let input: [UInt8]
    private let limit: Int
    private var position = 0
    private var bits: UInt32 = 0
    private var bitCount: UInt32 = 0
    /// Where the present stream's output begins: nothing before it can be copied.
    private var start = 0

    init(_ input: [UInt8], limit: Int) {
        self.input = input
        self.limit = limit
    }

    /// Whether nothing is left of the input.
    var isAtEnd: Bool { position >= input.count }

    // MARK: - wrappers

    mutating func gzipMember() throws(InflateError) {
        guard try byte() == 0x1f, try byte() == 0x8b else { throw .malformed("no gzip header") }
        guard try byte() == 8 else { throw .malformed("another method of gzip than deflate") }
        let flags = try byte()
        guard flags & 0xe0 == 0 else { throw .malformed("unknown flags of gzip") }
        try skip(6)
        if flags & 4 != 0 { try skip(Int(try byte()) | Int(try byte()) << 8) }
        // The file's name, and a comment.
        for flag in [8, 16] as [UInt8] where flags & flag != 0 { while try byte() != 0 {} }
        if flags & 2 != 0 { try skip(2) }
        try blocks()
        let (checksum, length) = (try word(), try word())
        let made = output[start...]
        guard checksum == CyclicChecksum.of(made), length == UInt32(truncatingIfNeeded: made.count) else {
            throw .checksum
        }
    }

    mutating func zlibStream() throws(InflateError) {
        guard input.count >= 2 else { throw .ended }
        let isWrapped = input[0] & 15 == 8 && (UInt16(input[0]) << 8 | UInt16(input[1])) % 31 == 0
        // Some servers send it without the wrapper that RFC 9110 asks for; every browser takes that.
        guard isWrapped else { return try blocks() }
        guard input[1] & 32 == 0 else { throw .malformed("a preset dictionary") }
        position = 2
        try blocks()
        let wanted = try word().byteSwapped
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in output[start...] {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        guard wanted == high << 16 | low else { throw .checksum }
    }

    // MARK: - blocks

    private mutating func blocks() throws(InflateError) {
        start = output.count
        (bits, bitCount) = (0, 0)
        var isLast = false
        while !isLast {
            isLast = try take(1) == 1
            switch try take(2) {
            case 0: try stored()
            case 1: try compressed(Self.fixedLiterals, Self.fixedDistances)
            case 2:
                let (literals, distances) = try tables()
                try compressed(literals, distances)
            default: throw .malformed("an unknown kind of block")
            }
        }
        // What follows begins with a whole byte.
        (bits, bitCount) = (0, 0)
    }

    private mutating func stored() throws(InflateError) {
        (bits, bitCount) = (0, 0)
        let length = UInt16(try byte()) | UInt16(try byte()) << 8
        let complement = UInt16(try byte()) | UInt16(try byte()) << 8
        guard length == ~complement else { throw .malformed("a block whose length is damaged") }
        for _ in 0..<length { try put(try byte()) }
    }

    private static let lengthBases: [UInt16] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits: [UInt32] = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases: [UInt16] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145,
        8193, 12289, 16385, 24577,
    ]

    private mutating func compressed(_ literals: HuffmanCode, _ distances: HuffmanCode) throws(InflateError) {
        while true {
            let symbol = Int(try self.symbol(literals))
            if symbol < 256 {
                try put(UInt8(symbol))
                continue
            }
            if symbol == 256 { return }
            let place = symbol - 257
            guard place < Self.lengthBases.count else { throw .malformed("an unknown length") }
            let length = Int(Self.lengthBases[place]) + Int(try take(Self.lengthBits[place]))
            let code = Int(try self.symbol(distances))
            guard code < Self.distanceBases.count else { throw .malformed("an unknown distance") }
            let distance = Int(Self.distanceBases[code]) + Int(try take(code < 4 ? 0 : UInt32(code / 2 - 1)))
            guard distance <= output.count - start else { throw .malformed("a distance before the beginning") }
            for _ in 0..<length { try put(output[output.count - distance]) }
        }
    }

    private static let fixedLiterals = HuffmanCode(
        lengths: (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
    private static let fixedDistances = HuffmanCode(lengths: [UInt8](repeating: 5, count: 30))
    private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    /// The codes of a block that brings its own (RFC 1951 section 3.2.7).
    private mutating func tables() throws(InflateError) -> (literals: HuffmanCode, distances: HuffmanCode) {
        let (literals, distances) = (Int(try take(5)) + 257, Int(try take(5)) + 1)
        let count = Int(try take(4)) + 4
        guard literals <= 286, distances <= 30 else { throw .malformed("too many codes") }
        var codeLengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<count { codeLengths[Self.codeOrder[index]] = UInt8(try take(3)) }
        let code = HuffmanCode(lengths: codeLengths)
        var lengths: [UInt8] = []
        while lengths.count < literals + distances {
            let symbol = UInt8(truncatingIfNeeded: try self.symbol(code))
            switch symbol {
            case 0..<16: lengths.append(symbol)
            case 16:
                guard let last = lengths.last else { throw .malformed("a repetition of nothing") }
                lengths += [UInt8](repeating: last, count: 3 + Int(try take(2)))
            case 17: lengths += [UInt8](repeating: 0, count: 3 + Int(try take(3)))
            default: lengths += [UInt8](repeating: 0, count: 11 + Int(try take(7)))
            }
        }
        guard lengths.count == literals + distances, lengths[256] != 0 else { throw .malformed("damaged codes") }
        let codes = (HuffmanCode(lengths: lengths.prefix(literals)), HuffmanCode(lengths: lengths.dropFirst(literals)))
        guard !codes.0.isOverfull, !codes.1.isOverfull else { throw .malformed("damaged codes") }
        return codes
    }

    /// A code of Huffman as the number of codes of each length, and the symbols in the order of their codes.
    private struct HuffmanCode {
        var counts = [UInt16](repeating: 0, count: 16)
        var symbols: [UInt16] = []

        init(lengths: some Collection<UInt8>) {
            for length in lengths { counts[Int(length)] += 1 }
            counts[0] = 0
            for wanted in 1...15 as ClosedRange<UInt8> where counts[Int(wanted)] > 0 {
                for (symbol, length) in lengths.enumerated() where length == wanted { symbols.append(UInt16(symbol)) }
            }
        }

        /// Whether there are more codes than their lengths leave room for.
        var isOverfull: Bool {
            var room = 1
            for count in counts.dropFirst() {
                room = room << 1 - Int(count)
                if room < 0 { return true }
            }
            return false
        }
    }

    private mutating func symbol(_ code: HuffmanCode) throws(InflateError) -> UInt16 {
        var (value, first, index) = (0, 0, 0)
        for length in 1...15 {
            value |= Int(try take(1))
            let count = Int(code.counts[length])
            if value - first < count {
                let place = index + value - first
                guard code.symbols.indices.contains(place) else { break }
                return code.symbols[place]
            }
            index += count
            first = (first + count) << 1
            value <<= 1
        }
        throw .malformed("an unknown code")
    }

    // MARK: - bytes and bits

    private mutating func put(_ byte: UInt8) throws(InflateError) {
        guard output.count < limit else { throw .limit }
        output.append(byte)
    }

    private mutating func byte() throws(InflateError) -> UInt8 {
        guard position < input.count else { throw .ended }
        position += 1
        return input[position - 1]
    }

    private mutating func skip(_ count: Int) throws(InflateError) {
        guard input.count - position >= count else { throw .ended }
        position += count
    }

    private mutating func word() throws(InflateError) -> UInt32 {
        var word: UInt32 = 0
        for shift in stride(from: 0, to: 32, by: 8) as StrideTo<UInt32> { word |= UInt32(try byte()) << shift }
        return word
    }

    /// The next bits, at most 13, the lowest first.
    private mutating func take(_ count: UInt32) throws(InflateError) -> UInt32 {
        while bitCount < count {
            bits |= UInt32(try byte()) << bitCount
            bitCount += 8
        }
        let value = bits & (1 << count - 1)
        bits >>= count
        bitCount -= count
        return value
    }
}

/// The CRC-32 of gzip (RFC 1952 section 8).
private enum CyclicChecksum {
    private static let table: [UInt32] = (0..<256).map { number in
        (0..<8).reduce(UInt32(number)) { rest, _ in rest & 1 == 1 ? 0xedb8_8320 ^ rest >> 1 : rest >> 1 }
    }

    static func of(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { rest, byte in table[Int((rest ^ UInt32(byte)) & 255)] ^ rest >> 8 }
    }
}
