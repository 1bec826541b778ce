/// An IPv4 or IPv6 address.
///
/// Text is read strictly: IPv4 as four decimal numbers without leading zeros (a leading zero means octal to some
/// programs), IPv6 as RFC 4291 section 2.2 allows, without a zone. It is written as RFC 5952 recommends.
public enum IPAddress: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number of an IPv4 address, most significant byte first.
    case v4(UInt32)
    /// The two halves of an IPv6 address, most significant first.
    case v6(UInt64, UInt64)

    /// Reads an address; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 45 else { return nil }
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = IPAddress.groups(of: bytes[...]) else { return nil }
            self = IPAddress(groups: groups)
        } else {
            guard let number = IPAddress.dotted(bytes[...]) else { return nil }
            self = .v4(number)
        }
    }

    /// Takes the four or sixteen bytes of the network's order; nil for another count.
    public init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            let high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self = .v6(high, bytes.dropFirst(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        default: return nil
        }
    }

    /// The bytes in the network's order: four or sixteen.
    public var bytes: [UInt8] {
        switch self {
        case .v4(let number): (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
        case .v6(let high, let low):
            [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) } }
        }
    }

    /// How many bits it has: 32 or 128.
    public var bitWidth: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// Whether only this machine can be reached by it: 127.0.0.0/8, ::1, and the former inside of an IPv6 address.
    public var isLoopback: Bool {
        switch canonical {
        case .v4(let number): number >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// Whether it stands for every address of a machine: 0.0.0.0 or ::.
    public var isUnspecified: Bool {
        switch self {
        case .v4(let number): number == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    /// Whether it has a meaning on one link alone: 169.254.0.0/16 or fe80::/10.
    public var isLinkLocal: Bool {
        switch canonical {
        case .v4(let number): number >> 16 == 0xa9fe
        case .v6(let high, _): high >> 54 == 0x3fa
        }
    }

    /// Whether it stands for a group of machines: 224.0.0.0/4 or ff00::/8.
    public var isMulticast: Bool {
        switch canonical {
        case .v4(let number): number >> 28 == 0xe
        case .v6(let high, _): high >> 56 == 0xff
        }
    }

    /// The IPv4 address inside of an IPv4-mapped one (RFC 4291 section 2.5.5.2); every other address itself.
    public var canonical: IPAddress {
        if case .v6(0, let low) = self, low >> 32 == 0xffff { return .v4(UInt32(truncatingIfNeeded: low)) }
        return self
    }

    /// IPv4 before IPv6, then by number.
    public static func < (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.v4(let left), .v4(let right)): left < right
        case (.v4, .v6): true
        case (.v6, .v4): false
        case (.v6(let leftHigh, let leftLow), .v6(let rightHigh, let rightLow)):
            (leftHigh, leftLow) < (rightHigh, rightLow)
        }
    }

    /// The address as people write it.
    public var description: String {
        switch self {
        case .v4: return bytes.map { String($0) }.joined(separator: ".")
        case .v6(let high, let low):
            if case .v4 = canonical { return "::ffff:\(canonical)" }
            let groups = [high, low].flatMap { half in
                (0..<4).map { UInt16(truncatingIfNeeded: half >> (48 - 16 * UInt64($0))) }
            }
            guard let gap = IPAddress.longestZeros(groups) else {
                return groups.map { String($0, radix: 16) }.joined(separator: ":")
            }
            let head = groups[..<gap.lowerBound].map { String($0, radix: 16) }.joined(separator: ":")
            return head + "::" + groups[gap.upperBound...].map { String($0, radix: 16) }.joined(separator: ":")
        }
    }

    private init(groups: [UInt16]) {
        self = .v6(
            groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }, groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
    }

    /// The first of the longest runs of two zero groups or more: what `::` stands for.
    private static func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > best?.count ?? 1 { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private static func dotted(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            guard let octet = ASCIINumber.decimal(part, in: 0...255) else { return nil }
            number = number << 8 | UInt32(octet)
        }
        return number
    }

    private static func groups(of bytes: ArraySlice<UInt8>) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        // Where `::` stands, if it stands once.
        let doubles = bytes.indices.dropLast().filter { bytes[$0] == colon && bytes[$0 + 1] == colon }
        guard doubles.count <= 1 else { return nil }
        guard let gap = doubles.first else {
            guard let all = run(bytes, mayEndDotted: true), all.count == 8 else { return nil }
            return all
        }
        let (head, tail) = (bytes[..<gap], bytes[(gap + 2)...])
        guard let left = head.isEmpty ? [] : run(head, mayEndDotted: false),
            let right = tail.isEmpty ? [] : run(tail, mayEndDotted: true), left.count + right.count <= 7
        else { return nil }
        return left + [UInt16](repeating: 0, count: 8 - left.count - right.count) + right
    }

    /// Groups between single colons; the last may be an IPv4 address, which makes two.
    private static func run(_ bytes: ArraySlice<UInt8>, mayEndDotted: Bool) -> [UInt16]? {
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if part.contains(UInt8(ascii: ".")) {
                guard mayEndDotted, index == parts.count - 1, let number = dotted(part) else { return nil }
                groups += [UInt16(truncatingIfNeeded: number >> 16), UInt16(truncatingIfNeeded: number)]
            } else {
                guard (1...4).contains(part.count), let group = ASCIINumber.hexadecimal(part) else { return nil }
                groups.append(group)
            }
        }
        return groups.count <= 8 ? groups : nil
    }
}
/// A range of addresses, such as `10.63.240.0/20` (RFC 4632; RFC 4291 section 2.3 for IPv6).
public struct CIDR: Sendable, Hashable, CustomStringConvertible {
    /// The first address: bits behind the prefix are zero.
    public let network: IPAddress
    /// How many leading bits all addresses share.
    public let prefixLength: Int

    /// Creates the range around an address; nil when the address has fewer bits than the prefix.
    public init?(_ address: IPAddress, prefixLength: Int) {
        guard (0...address.bitWidth).contains(prefixLength) else { return nil }
        self.prefixLength = prefixLength
        network = CIDR.masked(address, prefixLength)
    }

    /// Reads `ADDRESS/LENGTH`, or an address alone, which is a range of one; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else {
            guard let address = IPAddress(text) else { return nil }
            self.init(address, prefixLength: address.bitWidth)
            return
        }
        guard let address = IPAddress(String(decoding: bytes[..<slash], as: UTF8.self)),
            let length = ASCIINumber.decimal(bytes[bytes.index(after: slash)...], in: 0...address.bitWidth)
        else { return nil }
        self.init(address, prefixLength: length)
    }

    /// Whether an address lies in the range. An IPv4-mapped IPv6 address counts as the IPv4 address.
    public func contains(_ address: IPAddress) -> Bool {
        let candidates = [address, address.canonical]
        return candidates.contains { $0.bitWidth == network.bitWidth && CIDR.masked($0, prefixLength) == network }
    }

    /// Network and length, also for a single address.
    public var description: String { "\(network)/\(prefixLength)" }

    private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
        switch address {
        // A shift by the whole width gives zero.
        case .v4(let number): .v4(number & (UInt32.max << UInt32(32 - length)))
        case .v6(let high, let low):
            .v6(
                high & (UInt64.max << UInt64(max(0, 64 - length))),
                low & (UInt64.max << UInt64(min(64, 128 - length))))
        }
    }
}
