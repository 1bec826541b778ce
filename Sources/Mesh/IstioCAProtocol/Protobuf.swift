/// Bytes that are not a message of protocol buffers.
package enum ProtobufFault: Error, Hashable, CustomStringConvertible {
    /// The message ends within a field.
    case truncated
    /// A number has more than 64 bits.
    case overlong
    /// A field has a type that there is not, or number 0.
    case illegalField(UInt64)

    /// The sentence for people.
    package var description: String {
        switch self {
        case .truncated: "the message ends within a field"
        case .overlong: "the message has a number of more than 64 bits"
        case .illegalField(let tag): "the message has a field with the number \(tag >> 3) and the wire type \(tag & 7)"
        }
    }
}

/// Fields of a message, in their order (https://protobuf.dev/programming-guides/encoding/).
package struct ProtobufReader {
    /// What a field holds.
    package enum Value: Hashable {
        /// A number of any width.
        case number(UInt64)
        /// A text, bytes or another message.
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    /// Begins with the first field.
    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field; nil at the end of the message.
    package mutating func next() throws(ProtobufFault) -> (number: UInt64, value: Value)? {
        if rest.isEmpty { return nil }
        let tag = try varint()
        guard tag >> 3 > 0 else { throw .illegalField(tag) }
        switch tag & 7 {
        case 0: return (tag >> 3, .number(try varint()))
        case 1: return (tag >> 3, .number(try fixed(8)))
        case 2:
            guard let count = Int(exactly: try varint()) else { throw .truncated }
            return (tag >> 3, .bytes(try take(count)))
        case 5: return (tag >> 3, .number(try fixed(4)))
        default: throw .illegalField(tag)
        }
    }

    private mutating func varint() throws(ProtobufFault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            let bits = UInt64(byte & 0x7f)
            guard shift < 63 || (shift == 63 && bits <= 1) else { throw .overlong }
            value |= bits << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        throw .truncated
    }

    private mutating func fixed(_ count: Int) throws(ProtobufFault) -> UInt64 {
        try take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func take(_ count: Int) throws(ProtobufFault) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw .truncated }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}

/// Writes fields of a message; what has its default value is left out.
struct ProtobufWriter {
    /// The message so far.
    private(set) var bytes: [UInt8] = []

    mutating func add(_ number: UInt64, _ value: [UInt8], evenIfEmpty: Bool = false) {
        if value.isEmpty, !evenIfEmpty { return }
        varint(number << 3 | 2)
        varint(UInt64(value.count))
        bytes += value
    }

    mutating func add(_ number: UInt64, _ value: Int32) {
        if value == 0 { return }
        varint(number << 3)
        // Negative numbers have all 64 bits.
        varint(UInt64(bitPattern: Int64(value)))
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
