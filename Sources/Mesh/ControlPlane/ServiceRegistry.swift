import Crypto
import Documents
import MeshContract
import Platform

/// Questions to the services of a mesh.
struct ServiceRegistry: Sendable {
    var services: [MeshService]
    /// Where Pilot has them from.
    var kind = MeshConfiguration.Registry.kubernetes
    /// The ports that it takes for every machine's management.
    var managementPorts: [Int] = []

    /// `host|port-name`, with tags behind another bar.
    struct Key: Sendable, Hashable {
        var hostname: String
        var portName: String
        var tags: [String]

        /// Whatever has no slash is a key; what is missing is empty, and Pilot then finds nothing.
        init(_ text: String) {
            let parts = text.utf8.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            hostname = parts[0]
            portName = parts.count > 1 ? parts[1] : ""
            tags =
                parts.count > 2
                ? parts[2].utf8.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) } : []
        }
    }

    /// The endpoints of a key; none for one that nobody knows.
    func hosts(_ key: Key) -> [ServiceEndpoint] {
        guard let service = services.first(where: { isNamed($0, key.hostname) }),
            let port = service.ports.first(where: { $0.name == key.portName })
        else { return [] }
        return endpoints(of: service, port: port).filter { Set(key.tags).isSubset(of: $0.tags) }
    }

    /// With Kubernetes name and namespace count alone: `istio-pilot.istio-system` is as good as the full name.
    private func isNamed(_ service: MeshService, _ hostname: String) -> Bool {
        if kind == .serviceEntries { return service.hostname == hostname }
        let (own, asked) = (Self.labels(service.hostname), Self.labels(hostname))
        return asked.count > 1 && own.count > 1 && own.prefix(2) == asked.prefix(2)
    }

    /// Whether a host name has more than one part.
    func hasNamespace(_ hostname: String) -> Bool { Self.labels(hostname).count > 1 }

    private static func labels(_ hostname: String) -> [Substring] {
        hostname.split(separator: ".", omittingEmptySubsequences: false)
    }

    /// A service's address as it is shown: with service entries as the range that they declare.
    func shown(_ address: IPAddress) -> String {
        kind == .serviceEntries ? "\(address)/\(address.bitWidth)" : "\(address)"
    }

    /// Ports with at least one HTTP service, in order.
    var httpPorts: [Int] {
        Set(services.flatMap(\.ports).filter(\.isHTTP).map(\.port)).sorted()
    }

    /// The endpoints that serve a port.
    func endpoints(of service: MeshService, port: ServicePort) -> [ServiceEndpoint] {
        service.endpoints.filter { $0.portName == nil || $0.portName == port.name }
    }

    /// What is registered for an address.
    func inbound(of address: IPAddress) -> [(service: MeshService, port: ServicePort, endpoint: ServiceEndpoint)] {
        var found: [(service: MeshService, port: ServicePort, endpoint: ServiceEndpoint)] = []
        for service in services {
            for port in service.ports {
                for endpoint in endpoints(of: service, port: port) where endpoint.address == address {
                    // Two services at one port share its listener.
                    if !found.contains(where: { $0.endpoint.port == endpoint.port }) {
                        found.append((service, port, endpoint))
                        // Of service entries Pilot remembers one for each address: which one is chance.
                        if kind == .serviceEntries { return found }
                    }
                }
            }
        }
        return found
    }

    /// The name of an outbound cluster: `out.` and the SHA-1 of the service key.
    static func clusterName(_ service: MeshService, _ port: ServicePort) -> String {
        let digest = Insecure.SHA1.hash(data: Array((service.hostname + "|" + port.name).utf8))
        return "out." + Hexadecimal.text(digest)
    }

    /// The names that a client may use for a service: each prefix of the full name, the address, and all with the port.
    static func domains(_ service: MeshService, _ port: ServicePort) -> [String] {
        let labels = service.hostname.utf8.split(separator: UInt8(ascii: ".")).map {
            String(decoding: $0, as: UTF8.self)
        }
        var names = [service.hostname]
        for count in [2, 3] where count < labels.count { names.append(labels.prefix(count).joined(separator: ".")) }
        if let first = labels.first, labels.count > 1 { names.append(first) }
        names.append("\(service.address)")
        return names + names.map { "\($0):\(port.port)" }
    }
}

extension ServiceEndpoint {
    /// As Pilot's registration answers show it. Its tags decide who is in an answer, and are not shown.
    var asHost: JSONValue { .object([("ip_address", .string("\(address)")), ("port", .int(port))]) }
}

/// The cluster's names for dnsmasq(8), which serves them.
///
/// `host-record` answers an AAAA question with an empty answer; `address` with `local` would say that the name does not
/// exist, and resolvers believe that.
public enum ClusterNames {
    /// Configuration lines.
    ///
    /// - Parameter isEmpty: whether records are left out, as a cluster does that lost its DNS service's data.
    public static func dnsmasq(_ mesh: MeshConfiguration, isEmpty: Bool = false) -> String {
        var lines = ["# names of the cluster; made by mesh-lab dns", "local=/cluster.local/"]
        if !isEmpty {
            for service in mesh.services { lines.append("host-record=\(service.hostname),\(service.address)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
