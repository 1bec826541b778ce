import Platform

/// JSON (RFC 8259) as values. Strict, and bounded in depth and size, since it comes from the network.
///
/// Not FoundationEssentials' JSONDecoder, which reads into declared types: into these values it takes five times as long
/// (3 MB: 1.5 s), does not tell 1.0 from 1, refuses half surrogates and does not say where a mistake is.
package struct JSONReader {
    /// Why a text is not JSON.
    package struct Failure: Error, Sendable, Hashable {
        /// Bytes before the fault.
        var offset: Int
        /// What would have been right.
        var expected: String
    }

    private static let depthLimit = 128
    private static let byteLimit = 64 << 20
    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    /// Reads a whole text.
    ///
    /// - Throws: ProbeError of the reason malformed, which names the source.
    package static func read(_ bytes: [UInt8], of source: String) throws(ProbeError) -> Value {
        do throws(Failure) {
            return try parse(bytes)
        } catch {
            throw ProbeError(
                .malformed, "read the JSON of \(source)", expected: "\(error.expected) at byte \(error.offset)",
                found: "'\(Ascii.text(bytes.dropFirst(max(0, error.offset - 20)).prefix(40)))'")
        }
    }

    /// Reads a whole text.
    package static func parse(_ bytes: [UInt8]) throws(Failure) -> Value {
        var reader = JSONReader(bytes: bytes)
        guard bytes.count <= byteLimit else { throw Failure(offset: byteLimit, expected: "at most 64 MiB") }
        let value = try reader.value()
        reader.skipBlanks()
        guard reader.index == bytes.count else { throw reader.failure("the end of the text") }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func failure(_ expected: String) -> Failure { Failure(offset: index, expected: expected) }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipBlanks() {
        while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { index += 1 }
    }

    private mutating func value() throws(Failure) -> Value {
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        default: throw failure("a JSON value")
        }
    }

    private mutating func word(_ text: String, _ value: Value) throws(Failure) -> Value {
        guard bytes[index...].starts(with: text.utf8) else { throw failure("'\(text)'") }
        index += text.utf8.count
        return value
    }

    private mutating func enter() throws(Failure) {
        depth += 1
        index += 1
        guard depth <= Self.depthLimit else { throw failure("at most \(Self.depthLimit) levels") }
    }

    private mutating func object() throws(Failure) -> Value {
        try enter()
        defer { depth -= 1 }
        var members: [String: Value] = [:]
        skipBlanks()
        if next == UInt8(ascii: "}") {
            index += 1
            return .map(members)
        }
        while true {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw failure("a name in quotes") }
            let name = try string()
            skipBlanks()
            guard next == UInt8(ascii: ":") else { throw failure("':'") }
            index += 1
            members[name] = try value()
            skipBlanks()
            switch next {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "}"):
                index += 1
                return .map(members)
            default: throw failure("',' or '}'")
            }
        }
    }

    private mutating func array() throws(Failure) -> Value {
        try enter()
        defer { depth -= 1 }
        var items: [Value] = []
        skipBlanks()
        if next == UInt8(ascii: "]") {
            index += 1
            return .list(items)
        }
        while true {
            items.append(try value())
            skipBlanks()
            switch next {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "]"):
                index += 1
                return .list(items)
            default: throw failure("',' or ']'")
            }
        }
    }

    private mutating func number() throws(Failure) -> Value {
        let start = index
        if next == UInt8(ascii: "-") { index += 1 }
        let whole = bytes[index...].prefix(while: Ascii.isDigit)
        guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else {
            throw failure("digits without a leading zero")
        }
        index += whole.count
        var isInteger = true
        if next == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            let fraction = bytes[index...].prefix(while: Ascii.isDigit)
            guard !fraction.isEmpty else { throw failure("digits behind the point") }
            index += fraction.count
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isInteger = false
            index += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
            let exponent = bytes[index...].prefix(while: Ascii.isDigit)
            guard !exponent.isEmpty else { throw failure("digits of an exponent") }
            index += exponent.count
        }
        let text = Ascii.text(bytes[start..<index])
        if isInteger, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw failure("a number that fits into 64 bits") }
        return .number(number)
    }

    private mutating func string() throws(Failure) -> String {
        index += 1
        var text: [UInt8] = []
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else { throw failure("text in UTF-8") }
                return result
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20:
                index -= 1
                throw failure("no control character in a string")
            default: text.append(byte)
            }
        }
        throw failure("'\"'")
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        guard let byte = next else { throw failure("a character behind '\\'") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"):
            var scalar = try unit()
            if (0xd800..<0xdc00).contains(scalar), bytes[index...].starts(with: "\\u".utf8) {
                index += 2
                let low = try unit()
                guard (0xdc00..<0xe000).contains(low) else { throw failure("the second half of a surrogate pair") }
                scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
            }
            // Half a pair is a text that cannot be written down; what stands for it is the replacement character.
            text += Array(String(Unicode.Scalar(scalar) ?? "\u{fffd}").utf8)
        default:
            index -= 1
            throw failure("one of \"\\/bfnrtu behind '\\'")
        }
    }

    private mutating func unit() throws(Failure) -> UInt32 {
        let digits = bytes[index...].prefix(4)
        guard digits.count == 4, let value = ASCIINumber.hexadecimal(digits) else {
            throw failure("four hexadecimal digits")
        }
        index += 4
        return UInt32(value)
    }
}
