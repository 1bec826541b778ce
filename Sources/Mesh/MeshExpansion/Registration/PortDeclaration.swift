/// A port as `istioctl register` takes it: `[NAME:]PORT`.
public struct PortDeclaration: Sendable, Hashable, CustomStringConvertible {
    /// The name, by which the mesh knows the protocol.
    public let name: String
    /// The number.
    public let number: Int

    /// Reads one; nil for what is none.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard parts.count <= 2, let last = parts.last, last.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(last), (1...65535).contains(number)
        else { return nil }
        if parts.count == 2 {
            guard Self.isName(parts[0]) else { return nil }
            name = parts[0]
        } else {
            name = Self.standardName(number)
        }
        self.number = number
    }

    /// The rules of `istioctl register` for a port without a name.
    static func standardName(_ number: Int) -> String {
        switch number {
        case 80, 8080: "http"
        case 443: "https"
        case 3306: "mysql"
        default: String(number)
        }
    }

    /// A label of RFC 1123, as names of ports are.
    static func isName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 63, first != 0x2d, last != 0x2d else {
            return false
        }
        return bytes.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 0x2d }
    }

    /// The protocol that a name stands for, as ServiceEntry wants it; TCP for a name that stands for none.
    var protocolName: String {
        let prefix = String(decoding: name.utf8.prefix { $0 != 0x2d }, as: UTF8.self)
        let known = [
            "http": "HTTP", "http2": "HTTP2", "https": "HTTPS", "grpc": "GRPC", "mongo": "MONGO", "redis": "REDIS",
            "mysql": "MYSQL", "tls": "TLS",
        ]
        return known[prefix] ?? "TCP"
    }

    /// `NAME:PORT`.
    public var description: String { "\(name):\(number)" }
}
