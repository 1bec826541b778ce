import MeshContract
import Platform

/// Where the certificate authority listens: `istio-ca:8060`, `[2001:db8::1]:8060`.
public struct AuthorityAddress: Sendable, Hashable, CustomStringConvertible {
    /// The host name or address, which the authority's certificate has to be valid for.
    public var host: String
    /// The TCP port.
    public var port: Int

    /// Creates an address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// The authority of a mesh machine.
    public static let standard = AuthorityAddress(
        host: MeshNames.certificateAuthority, port: MeshPorts.certificateAuthority)

    /// Reads `HOST:PORT` or `HOST`, whose port is 8060; nil for anything else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let colons = bytes.count { $0 == UInt8(ascii: ":") }
        var hostBytes = bytes[...]
        var portBytes: ArraySlice<UInt8>?
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            hostBytes = bytes[1..<end]
            let rest = bytes[(end + 1)...]
            if let first = rest.first {
                guard first == UInt8(ascii: ":") else { return nil }
                portBytes = rest.dropFirst()
            }
            guard IPAddress(String(decoding: hostBytes, as: UTF8.self)) != nil else { return nil }
        } else if colons == 1, let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
            hostBytes = bytes[..<colon]
            portBytes = bytes[(colon + 1)...]
        } else if colons > 1 {
            // An IPv6 address without brackets; a port after it could not be told from the address.
            guard IPAddress(text) != nil else { return nil }
        }
        var port = MeshPorts.certificateAuthority
        if let portBytes {
            guard portBytes.count <= 5, portBytes.allSatisfy(Self.isDigit),
                let number = Int(String(decoding: portBytes, as: UTF8.self)), (1...65535).contains(number)
            else { return nil }
            port = number
        }
        guard !hostBytes.isEmpty, hostBytes.count <= 253, hostBytes.allSatisfy(Self.isHostByte) else { return nil }
        self.init(host: String(decoding: hostBytes, as: UTF8.self), port: port)
    }

    /// As it is dialled.
    public var description: String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: ":"):
            true
        default: false
        }
    }
}
