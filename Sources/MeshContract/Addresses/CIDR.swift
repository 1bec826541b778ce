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
