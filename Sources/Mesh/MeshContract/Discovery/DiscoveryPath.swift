/// Paths of Pilot's discovery service, version 1, ready for a request line: `|` as `%7C`, which Pilot takes like a raw
/// one, and every other byte that a path segment cannot have encoded too (RFC 3986 section 3.3).
public enum DiscoveryPath {
    /// All services with their endpoints.
    public static let registrations = "/v1/registration"

    /// The endpoints of one port of a service.
    ///
    /// - Parameters:
    ///   - host: the service's full name, such as `istio-pilot.istio-system.svc.cluster.local`.
    ///   - port: the *name* of the port, such as `http-discovery`.
    ///   - tags: `name=value` of versions, if only some are wanted.
    public static func registration(host: String, port: String, tags: [String] = []) -> String {
        let key = [host, port] + (tags.isEmpty ? [] : [tags.joined(separator: ",")])
        return registrations + "/" + segment(key.joined(separator: "|"))
    }

    /// The clusters of a node.
    public static func clusters(cluster: String, node: NodeIdentity) -> String {
        "/v1/clusters/\(segment(cluster))/\(segment(node.description))"
    }

    /// The listeners of a node.
    public static func listeners(cluster: String, node: NodeIdentity) -> String {
        "/v1/listeners/\(segment(cluster))/\(segment(node.description))"
    }

    /// The routes of a node for one port.
    public static func routes(port: Int, cluster: String, node: NodeIdentity) -> String {
        "/v1/routes/\(port)/\(segment(cluster))/\(segment(node.description))"
    }

    /// Bytes of RFC 3986's `pchar` as they are, all others as `%XX`.
    private static func segment(_ text: String) -> String {
        var encoded: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                encoded.append(byte)
            default:
                if "-._~!$&'()*+,;=:@".utf8.contains(byte) {
                    encoded.append(byte)
                } else {
                    encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
