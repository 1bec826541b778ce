import Documents
import MeshContract
import Platform

/// What the control plane serves, and where: one YAML file.
public struct MeshConfiguration: Sendable {
    /// Where Pilot answers: its load balancer and its pods.
    public var pilot: [SocketAddress]
    /// Where the certificate authority answers.
    public var authority: [SocketAddress]
    /// Where something takes Mixer's connections.
    public var mixer: [SocketAddress]
    /// Where the BookInfo product page is.
    public var productPage: [SocketAddress]
    /// Where the page has its stars from; without it the reviews have five and four.
    public var ratings: RatingsDatabase?
    /// How long certificates are valid, where the generation's authority decides that.
    public var certificateLifetime: GoDuration
    /// The longest lifetime that an agent may ask for, where it does.
    public var longestLifetime: GoDuration
    /// The trust domain of identities.
    public var trustDomain: String
    /// Where Pilot has the services from.
    public var registry: Registry
    /// The ports that Pilot takes for every machine's management; Kubernetes has none for machines.
    public var managementPorts: [Int]
    /// The services of the mesh.
    public var services: [MeshService]

    /// A registry that Pilot has services from, as far as that shows in its answers.
    public enum Registry: String, Sendable, CaseIterable {
        /// Services and Endpoints.
        case kubernetes
        /// ServiceEntry objects, from 0.8 on.
        case serviceEntries = "service-entries"
    }

    /// How long certificates are valid where no file says so.
    public static let defaultLifetime = GoDuration(.seconds(3600))
    /// The longest lifetime where no file says so: the authorities' own, 90 days.
    public static let defaultLongestLifetime = GoDuration(.seconds(90 * 86400))
    /// The trust domain where no file names one.
    public static let defaultTrustDomain = "cluster.local"
}

/// An address and port to listen on. Port 0 lets the kernel choose.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address.
    public var host: IPAddress
    /// The port.
    public var port: Int

    /// Creates an address.
    public init(host: IPAddress, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `10.150.0.6:8080` or `[::1]:8080`.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        var host = bytes[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") { host = host.dropFirst().dropLast() }
        let digits = bytes[(colon + 1)...]
        guard let address = IPAddress(String(decoding: host, as: UTF8.self)), !digits.isEmpty, digits.count <= 5,
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = Int(String(decoding: digits, as: UTF8.self)), port <= 65535
        else { return nil }
        self.init(host: address, port: port)
    }

    /// As it is written in a configuration.
    public var description: String { host.bytes.count == 4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}

/// A service with its ports and endpoints.
public struct MeshService: Sendable {
    /// The full name, `productpage.bookinfo.svc.cluster.local`.
    public var hostname: String
    /// The address inside the cluster.
    public var address: IPAddress
    /// The ports.
    public var ports: [ServicePort]
    /// Where it runs.
    public var endpoints: [ServiceEndpoint]
}

/// A port of a service. Its name says the protocol by its prefix.
public struct ServicePort: Sendable, Hashable {
    /// The name, `http-discovery`.
    public var name: String
    /// The port of the service.
    public var port: Int

    /// A protocol that Pilot knows.
    public enum Kind: String, Sendable {
        case http, http2, grpc, https, mongo, redis, tcp
    }

    /// The protocol: the name up to its first dash; TCP where that names no protocol.
    public var kind: Kind { Kind(rawValue: String(name.prefix { $0 != "-" })) ?? .tcp }

    /// Whether it speaks HTTP without TLS.
    public var isHTTP: Bool { isHTTP2 || kind == .http }

    /// Whether it speaks HTTP/2 alone.
    public var isHTTP2: Bool { kind == .http2 || kind == .grpc }
}

/// A place where a service runs.
public struct ServiceEndpoint: Sendable, Hashable {
    /// The address.
    public var address: IPAddress
    /// The port there.
    public var port: Int
    /// The name of the service's port; nil serves all of them.
    public var portName: String?
    /// Tags of the version, `version=v1`.
    public var tags: [String]
}
