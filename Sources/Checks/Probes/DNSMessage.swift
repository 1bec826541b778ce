import Platform

/// A DNS record type (RFC 1035 section 3.2.2 and later).
enum DNSType: String, Sendable, Hashable, CaseIterable {
    case a = "A"
    case ns = "NS"
    case cname = "CNAME"
    case soa = "SOA"
    case ptr = "PTR"
    case mx = "MX"
    case txt = "TXT"
    case aaaa = "AAAA"
    case srv = "SRV"

    /// The number on the wire.
    var number: UInt16 {
        switch self {
        case .a: 1
        case .ns: 2
        case .cname: 5
        case .soa: 6
        case .ptr: 12
        case .mx: 15
        case .txt: 16
        case .aaaa: 28
        case .srv: 33
        }
    }
}

/// A record of an answer.
struct DNSRecord: Sendable, Hashable {
    /// The owner, with its final dot.
    var name: String
    /// The type; nil for one that is not read here.
    var type: DNSType?
    /// Seconds that it may be kept.
    var timeToLive: UInt32
    /// The data as people write it (RFC 1035 section 5.1).
    var data: String
    /// The address of an A or AAAA record.
    var address: IPAddress?
}

/// An answer.
struct DNSAnswer: Sendable, Hashable {
    /// The response code by its name.
    var code: String
    /// Whether it was cut off.
    var isTruncated: Bool
    /// The records of the answer section that belong to the name that was asked for, or to one that it is an alias of.
    var records: [DNSRecord]
    /// How many records of other names were in it, which nobody has asked for.
    var strayCount = 0
}

/// Why bytes are not an answer.
struct DNSFailure: Error, Sendable, Hashable {
    var expected: String
    var found: String
}

/// DNS messages (RFC 1035 section 4). Reading is strict: what a server sends decides nothing but values.
struct DNSMessage {
    /// A query for one name and type, with recursion desired. No EDNS: small answers come by UDP, large ones by TCP.
    static func query(_ name: String, _ type: DNSType, id: UInt16) throws(ProbeError) -> [UInt8] {
        var bytes: [UInt8] = []
        append(id, to: &bytes)
        append(0x0100, to: &bytes)
        for count in [1, 0, 0, 0] as [UInt16] { append(count, to: &bytes) }
        bytes += try encoded(name)
        append(type.number, to: &bytes)
        append(1, to: &bytes)
        return bytes
    }

    /// A name in labels, as it goes over the wire.
    static func encoded(_ name: String) throws(ProbeError) -> [UInt8] {
        var labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.last?.isEmpty == true { labels.removeLast() }
        var bytes: [UInt8] = []
        for label in labels {
            guard (1...63).contains(label.count) else {
                throw ProbeError(
                    .invalid, "look up '\(name.shortened())'", expected: "labels of 1 to 63 bytes",
                    found: "one of \(label.count)")
            }
            bytes.append(UInt8(label.count))
            bytes += label
        }
        bytes.append(0)
        guard bytes.count <= 255 else {
            throw ProbeError(
                .invalid, "look up '\(name.shortened())'", expected: "a name of at most 255 bytes",
                found: "one of \(bytes.count)")
        }
        return bytes
    }

    /// The name that reverse lookups ask for (RFC 1035 section 3.5, RFC 3596 section 2.5).
    static func reverseName(of address: IPAddress) -> String {
        switch address {
        case .v4: address.bytes.reversed().map { String($0) }.joined(separator: ".") + ".in-addr.arpa."
        case .v6:
            address.bytes.reversed().flatMap { [String($0 & 15, radix: 16), String($0 >> 4, radix: 16)] }
                .joined(separator: ".") + ".ip6.arpa."
        }
    }

    private static func append(_ number: UInt16, to bytes: inout [UInt8]) {
        bytes += [UInt8(number >> 8), UInt8(number & 255)]
    }

    // MARK: - reading

    private let bytes: [UInt8]
    private var index = 0
    private static let recordLimit = 4096

    /// Reads the answer to a query; the query's bytes say which id and question it must have.
    static func answer(_ bytes: [UInt8], to query: [UInt8]) throws(DNSFailure) -> DNSAnswer {
        var message = DNSMessage(bytes: bytes)
        return try message.readAnswer(to: DNSMessage(bytes: query))
    }

    /// Reads an answer that somebody else has asked for and checked.
    static func answer(_ bytes: [UInt8]) throws(DNSFailure) -> DNSAnswer {
        var message = DNSMessage(bytes: bytes)
        return try message.readAnswer(to: nil)
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func readAnswer(to query: DNSMessage?) throws(DNSFailure) -> DNSAnswer {
        let id = try number16()
        let flags = try number16()
        let counts = (try number16(), try number16(), try number16(), try number16())
        if let query {
            let wanted = UInt16(query.bytes[0]) << 8 | UInt16(query.bytes[1])
            guard id == wanted else { throw DNSFailure(expected: "id \(wanted)", found: "id \(id)") }
        }
        guard flags & 0x8000 != 0 else { throw DNSFailure(expected: "an answer", found: "a query") }
        guard flags & 0x7800 == 0 else {
            throw DNSFailure(expected: "an answer to a standard query", found: "operation \(flags >> 11 & 15)")
        }
        let code = Self.name(ofCode: flags & 15)
        // A server that could not read the question may leave it out.
        if counts.0 == 0, code == "FORMERR" || code == "NOTIMP" || code == "REFUSED" || code == "SERVFAIL" {
            return DNSAnswer(code: code, isTruncated: flags & 0x0200 != 0, records: [])
        }
        guard counts.0 == 1 else { throw DNSFailure(expected: "one question", found: "\(counts.0)") }
        let question = (try name(), try number16(), try number16())
        if var query {
            query.index = 12
            let asked = (try query.name(), try query.number16(), try query.number16())
            guard Self.isSame(question.0, asked.0), question.1 == asked.1, question.2 == asked.2 else {
                throw DNSFailure(expected: "an answer about \(asked.0)", found: "one about \(question.0)")
            }
        }
        let isTruncated = flags & 0x0200 != 0
        guard Int(counts.1) <= Self.recordLimit else {
            throw DNSFailure(expected: "at most \(Self.recordLimit) records", found: "\(counts.1)")
        }
        var records: [DNSRecord] = []
        for _ in 0..<Int(counts.1) {
            // What was cut off is read over TCP.
            if isTruncated, index >= bytes.count { break }
            records.append(try record())
        }
        let own = Self.records(of: question.0, in: records)
        return DNSAnswer(
            code: code, isTruncated: isTruncated, records: own, strayCount: records.count - own.count)
    }

    /// The records that a name has, and those of the names that its CNAME records lead to (RFC 1034 section 3.6.2).
    private static func records(of name: String, in records: [DNSRecord]) -> [DNSRecord] {
        let targets = Dictionary(
            records.filter { $0.type == .cname }.map { (Ascii.lowercased($0.name), $0.data) }
        ) { first, _ in first }
        var names: Set<[UInt8]> = []
        var next: String? = name
        while let current = next, names.insert(Ascii.lowercased(current)).inserted {
            next = targets[Ascii.lowercased(current)]
        }
        return records.filter { names.contains(Ascii.lowercased($0.name)) }
    }

    private mutating func number8() throws(DNSFailure) -> UInt8 {
        guard index < bytes.count else { throw DNSFailure(expected: "more bytes", found: "\(bytes.count)") }
        defer { index += 1 }
        return bytes[index]
    }

    private mutating func number16() throws(DNSFailure) -> UInt16 {
        UInt16(try number8()) << 8 | UInt16(try number8())
    }

    private mutating func number32() throws(DNSFailure) -> UInt32 {
        UInt32(try number16()) << 16 | UInt32(try number16())
    }

    /// A name; compressed parts may only point backwards, so that it ends.
    private mutating func name() throws(DNSFailure) -> String {
        var labels: [UInt8] = []
        var position = index
        var end: Int?
        var lowest = index
        var length = 0
        while true {
            guard position < bytes.count else {
                throw DNSFailure(expected: "the end of a name", found: "no more bytes")
            }
            let size = bytes[position]
            switch size >> 6 {
            case 0:
                position += 1
                if size == 0 {
                    index = end ?? position
                    return labels.isEmpty ? "." : Ascii.text(labels)
                }
                length += Int(size) + 1
                guard length <= 254, position + Int(size) <= bytes.count else {
                    throw DNSFailure(expected: "a name of at most 255 bytes", found: "a longer one")
                }
                for byte in bytes[position..<(position + Int(size))] { Self.appendEscaped(byte, to: &labels) }
                labels.append(UInt8(ascii: "."))
                position += Int(size)
            case 3:
                guard position + 1 < bytes.count else {
                    throw DNSFailure(expected: "the second byte of a pointer", found: "no more bytes")
                }
                let target = Int(size & 0x3f) << 8 | Int(bytes[position + 1])
                if end == nil { end = position + 2 }
                guard target < lowest else {
                    throw DNSFailure(expected: "a pointer backwards", found: "one from \(lowest) to \(target)")
                }
                lowest = target
                position = target
            default: throw DNSFailure(expected: "a label or a pointer", found: "byte \(size)")
            }
        }
    }

    private mutating func record() throws(DNSFailure) -> DNSRecord {
        let owner = try name()
        let number = try number16()
        let recordClass = try number16()
        let timeToLive = try number32()
        let length = Int(try number16())
        let end = index + length
        guard end <= bytes.count else {
            throw DNSFailure(expected: "\(length) bytes of data", found: "\(bytes.count - index)")
        }
        let type = recordClass == 1 ? DNSType.allCases.first { $0.number == number } : nil
        var record = DNSRecord(name: owner, type: type, timeToLive: timeToLive, data: "")
        switch type {
        case .a, .aaaa:
            guard length == (type == .a ? 4 : 16), let address = IPAddress(bytes: bytes[index..<end]) else {
                throw DNSFailure(expected: "an address", found: "\(length) bytes")
            }
            record.address = address
            record.data = address.description
            index = end
        case .cname, .ns, .ptr: record.data = try name()
        case .mx: record.data = "\(try number16()) \(try name())"
        case .srv: record.data = "\(try number16()) \(try number16()) \(try number16()) \(try name())"
        case .soa:
            record.data = "\(try name()) \(try name())"
            for _ in 0..<5 { record.data += " \(try number32())" }
        case .txt:
            var texts: [String] = []
            while index < end {
                let size = Int(try number8())
                guard index + size <= end else {
                    throw DNSFailure(expected: "a text of \(size) bytes", found: "\(end - index)")
                }
                var text: [UInt8] = []
                for byte in bytes[index..<(index + size)] { Self.appendPrintable(byte, to: &text) }
                texts.append(Ascii.text(text))
                index += size
            }
            record.data = texts.joined()
        case nil: index = end
        }
        guard index == end else { throw DNSFailure(expected: "\(length) bytes of data", found: "another length") }
        return record
    }

    private static func appendEscaped(_ byte: UInt8, to text: inout [UInt8]) {
        if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "\\") { text.append(UInt8(ascii: "\\")) }
        appendPrintable(byte, to: &text)
    }

    /// Printable ASCII as it is, other bytes as `\DDD`.
    private static func appendPrintable(_ byte: UInt8, to text: inout [UInt8]) {
        if (0x20...0x7e).contains(byte) {
            text.append(byte)
        } else {
            text += [UInt8(ascii: "\\"), 0x30 + byte / 100, 0x30 + byte / 10 % 10, 0x30 + byte % 10]
        }
    }

    /// Names are the same in either case.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        Ascii.lowercased(left) == Ascii.lowercased(right)
    }

    /// The name of a response code (RFC 1035 section 4.1.1 and later).
    static func name(ofCode code: UInt16) -> String {
        let names = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]
        return Int(code) < names.count ? names[Int(code)] : "RCODE\(code)"
    }
}
