import Glibc
import Platform

/// A host and a port, as in `istio-pilot:8080`, `10.150.0.6:8080` or `[2001:db8::6]:8080`.
public struct NetworkEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A name or an address; an IPv6 address without brackets.
    public let host: String
    /// The port, never 0.
    public let port: UInt16

    /// Creates an endpoint of a host that ``init(_:)`` would take.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; nil for everything else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 300, let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let digits = bytes[(colon + 1)...]
        guard (1...5).contains(digits.count), digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains),
            let port = UInt16(String(decoding: digits, as: UTF8.self)), port > 0
        else { return nil }
        var host = bytes[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            host = host.dropFirst().dropLast()
            guard IPAddress(String(decoding: host, as: UTF8.self))?.isVersion6 == true else { return nil }
        } else {
            guard Self.isName(host) else { return nil }
        }
        self.init(host: String(decoding: host, as: UTF8.self), port: port)
    }

    /// The host, if it is an address and not a name.
    public var address: IPAddress? { IPAddress(host) }

    /// As it is read.
    public var description: String { address?.isVersion6 == true ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether the bytes can be a host name (RFC 1123, section 2.1, and the underscore that people use all the same).
    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard (1...253).contains(bytes.count) else { return false }
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // A final dot says that the name is complete.
        let counted = labels.last?.isEmpty == true ? labels.dropLast() : labels[...]
        return !counted.isEmpty
            && counted.allSatisfy { label in
                (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
                    && label.allSatisfy { PlainText.isAlphanumeric($0) || $0 == 0x2d || $0 == 0x5f }
            }
    }
}

/// Questions about bytes of names.
enum PlainText {
    /// An ASCII letter or digit.
    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// Whether a text can be a part of a node id: printable ASCII without spaces and without `~`, which separates parts.
    static func isNodePart(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x7e }
    }
}
