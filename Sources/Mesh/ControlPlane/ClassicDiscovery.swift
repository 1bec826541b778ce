import Documents
import MeshContract
import Platform

/// Pilot's answers of version 1: registration, clusters, listeners and routes (Istio 0.1 to 0.8), of which 1.0 has the list
/// of registrations alone.
///
/// What stands here without an obvious reason is so in the answers that were recorded of the originals.
struct ClassicDiscovery: Sendable {
    let generation: IstioGeneration
    let registry: ServiceRegistry

    /// What a node asks for, as the paths and the errors name it.
    enum Kind: String { case clusters = "CDS", listeners = "LDS", routes = "RDS" }

    /// Why there is no answer, with the HTTP status.
    struct Refusal: Error {
        var status: Int
        var text: String
    }

    /// `GET /v1/registration/KEY`.
    func registration(_ key: ServiceRegistry.Key) throws(Refusal) -> JSONValue {
        if generation != .v0_2, registry.kind == .kubernetes, !registry.hasNamespace(key.hostname) {
            throw Refusal(
                status: 503,
                text: "EDS missing service name and namespace from the service hostname \"\(key.hostname)\"")
        }
        return .object([("hosts", .array(registry.hosts(key).map(\.asHost)))])
    }

    /// `GET /v1/registration`.
    var registrations: JSONValue {
        let entries = registry.services.flatMap { service in
            service.ports.map { port in
                (key: "\(service.hostname)|\(port.name)", hosts: registry.endpoints(of: service, port: port))
            }
        }
        return .array(
            entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { entry in
                .object([("service-key", .string(entry.key)), ("hosts", .array(entry.hosts.map(\.asHost)))])
            })
    }

    /// What a node is told.
    ///
    /// - Parameter port: the port whose routes are asked for, as it stands in the path.
    func answer(_ kind: Kind, node text: String, port: String = "") throws(Refusal) -> JSONValue {
        let node = try node(text, kind)
        switch kind {
        case .clusters: return .object([("clusters", clusters(node))])
        case .listeners: return .object([("listeners", listeners(node))])
        case .routes: return try routes(port, node)
        }
    }

    // MARK: - nodes

    private struct Node {
        enum Role: String { case sidecar, ingress, egress, router, unknown }

        var role: Role
        var address: String
        var domain: String
    }

    private func node(_ text: String, _ kind: Kind) throws(Refusal) -> Node {
        let quoted = generation == .v0_2 ? "" : " \"\(text)\""
        func refusal(_ reason: String) -> Refusal {
            Refusal(status: 404, text: "\(kind.rawValue) unexpected service-node:  \(reason) the service node\(quoted)")
        }
        let parts = text.utf8.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 4 else { throw refusal("missing parts in") }
        let role = Node.Role(rawValue: parts[0]) ?? .unknown
        if generation != .v0_2 {
            guard role != .unknown, role != .egress else {
                throw refusal("invalid node type (valid types: ingress, sidecar, router in")
            }
            guard IPAddress(parts[1]) != nil else { throw refusal("invalid IP address \"\(parts[1])\" in") }
        }
        return Node(role: role, address: parts[1], domain: parts[3])
    }

    private func inbound(
        _ node: Node
    ) -> [(port: ServicePort, number: Int)] {
        let registered = IPAddress(node.address).map(registry.inbound(of:)) ?? []
        let management = registry.managementPorts.filter { port in !registered.contains { $0.endpoint.port == port } }
        return registered.map { ($0.port, $0.endpoint.port) }
            // Whatever speaks there is not looked at.
            + management.map { (ServicePort(name: "tcp", port: $0), $0) }
    }

    /// An object with what its place in a list depends on.
    private typealias Item = (name: String, fields: [(String, JSONValue)])

    private static func sorted(_ items: [Item]) -> JSONValue {
        .array(items.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.map { .object($0.fields) })
    }

    // MARK: - clusters

    private func clusters(_ node: Node) -> JSONValue {
        switch node.role {
        case .sidecar: break
        // 0.2 knows no routers and says nothing to what it does not know.
        case .router where generation != .v0_2: return outboundClusters([])
        case .router, .unknown: return .null
        case .ingress, .egress: return .array([])
        }
        return outboundClusters(
            inbound(node).map { item -> Item in
                let name = "in.\(item.number)"
                return (
                    name,
                    [
                        ("name", .string(name)), ("connect_timeout_ms", .int(1000)), ("type", .string("static")),
                        ("lb_type", .string("round_robin")),
                        ("hosts", .array([.object([("url", .string("tcp://127.0.0.1:\(item.number)"))])])),
                    ] + features(item.port)
                )
            })
    }

    private func outboundClusters(_ inbound: [Item]) -> JSONValue {
        let outbound = registry.services.flatMap { service in
            service.ports.map { port -> Item in
                let name = clusterName(service, port)
                return (
                    name,
                    [
                        ("name", .string(name)), ("service_name", .string("\(service.hostname)|\(port.name)")),
                        ("connect_timeout_ms", .int(1000)), ("type", .string("sds")),
                        ("lb_type", .string("round_robin")),
                    ] + features(port)
                )
            }
        }
        return Self.sorted(inbound + outbound)
    }

    private func clusterName(_ service: MeshService, _ port: ServicePort) -> String {
        generation == .v0_2 ? ServiceRegistry.clusterName(service, port) : "out.\(service.hostname)|\(port.name)"
    }

    private func features(_ port: ServicePort) -> [(String, JSONValue)] {
        port.isHTTP2 ? [("features", .string("http2"))] : []
    }

    // MARK: - listeners

    private func listeners(_ node: Node) -> JSONValue {
        switch node.role {
        case .sidecar: break
        case .router, .unknown: return .null
        case .ingress, .egress:
            let manager = httpManager(routes: remoteRoutes(80), usesRemoteAddress: node.role == .ingress)
            return .array([
                .object(listener("http_0.0.0.0_80", "tcp://0.0.0.0:80", filters: [manager], isBound: true))
            ])
        }
        let virtual = "tcp://0.0.0.0:\(MeshPorts.envoyInterception)"
        var listeners: [Item] = [
            (
                virtual,
                listener("virtual", virtual, filters: [], isBound: true) + [("use_original_dst", .bool(true))]
            )
        ]
        for port in registry.httpPorts {
            let address = "tcp://0.0.0.0:\(port)"
            listeners.append(
                (address, listener("http_0.0.0.0_\(port)", address, filters: [httpManager(routes: remoteRoutes(port))]))
            )
        }
        for item in inbound(node) {
            let routes = inboundRoutes(item.number)
            listeners.append(
                serviceListener(item.port, at: node.address, item.number, cluster: "in.\(item.number)", routes: routes))
        }
        for service in registry.services {
            for port in service.ports where !port.isHTTP {
                listeners.append(
                    serviceListener(
                        port, at: registry.shown(service.address), port.port, cluster: clusterName(service, port),
                        routes: []))
            }
        }
        return Self.sorted(listeners)
    }

    /// A listener for one port of an address, with its address.
    private func serviceListener(
        _ port: ServicePort, at address: String, _ number: Int, cluster: String, routes: [(String, JSONValue)]
    ) -> Item {
        let filters: [JSONValue]
        let prefix: String
        switch port.kind {
        case .http, .http2, .grpc: (prefix, filters) = ("http", [httpManager(routes: routes)])
        case .redis: (prefix, filters) = ("redis", [redisProxy(cluster)])
        case .mongo: (prefix, filters) = ("mongo", [mongoProxy, tcpProxy(cluster, to: address)])
        case .https, .tcp: (prefix, filters) = ("tcp", [tcpProxy(cluster, to: address)])
        }
        let place = "tcp://\(address):\(number)"
        return (place, listener("\(prefix)_\(address)_\(number)", place, filters: filters))
    }

    private func listener(
        _ name: String, _ address: String, filters: [JSONValue], isBound: Bool = false
    ) -> [(String, JSONValue)] {
        [
            ("address", .string(address)), ("name", .string(name)), ("filters", .array(filters)),
            ("bind_to_port", .bool(isBound)),
        ]
    }

    private func filter(_ type: String, _ name: String, _ config: [(String, JSONValue)]) -> JSONValue {
        .object([("type", .string(type)), ("name", .string(name)), ("config", .object(config))])
    }

    private func tcpProxy(_ cluster: String, to address: String) -> JSONValue {
        let range = address.utf8.contains(UInt8(ascii: "/")) ? address : address + "/32"
        let route: JSONValue = .object([
            ("cluster", .string(cluster)), ("destination_ip_list", .array([.string(range)])),
        ])
        return filter(
            "read", "tcp_proxy",
            [("stat_prefix", .string("tcp")), ("route_config", .object([("routes", .array([route]))]))])
    }

    private var mongoProxy: JSONValue { filter("both", "mongo_proxy", [("stat_prefix", .string("mongo"))]) }

    private func redisProxy(_ cluster: String) -> JSONValue {
        filter(
            "both", "redis_proxy",
            [
                ("cluster_name", .string(cluster)), ("conn_pool", .object([("op_timeout_ms", .int(30000))])),
                ("stat_prefix", .string("redis")),
            ])
    }

    private func httpManager(routes: [(String, JSONValue)], usesRemoteAddress: Bool = false) -> JSONValue {
        let cors = generation == .v0_2 ? [] : [filter("", "cors", [])]
        return filter(
            "read", "http_connection_manager",
            [("codec_type", .string("auto")), ("stat_prefix", .string("http"))]
                + (usesRemoteAddress ? [("use_remote_address", .bool(true))] : []) + routes
                + [
                    ("filters", .array(cors + [filter("decoder", "router", [])])),
                    ("access_log", .array([.object([("path", .string("/dev/stdout"))])])),
                ])
    }

    // MARK: - routes

    private func remoteRoutes(_ port: Int) -> [(String, JSONValue)] {
        let source: JSONValue = .object([
            ("cluster", .string("rds")), ("route_config_name", .string("\(port)")), ("refresh_delay_ms", .int(1000)),
        ])
        return [("rds", source)]
    }

    private func inboundRoutes(_ port: Int) -> [(String, JSONValue)] {
        let host: JSONValue = .object([
            ("name", .string("inbound|\(port)")), ("domains", .array([.string("*")])),
            ("routes", .array([route("in.\(port)")])),
        ])
        return [("route_config", routeConfiguration([host]))]
    }

    private func routeConfiguration(_ hosts: [JSONValue]) -> JSONValue {
        .object((generation == .v0_2 ? [] : [("validate_clusters", .bool(true))]) + [("virtual_hosts", .array(hosts))])
    }

    private func route(_ cluster: String) -> JSONValue {
        .object(
            [("prefix", .string("/")), ("cluster", .string(cluster))]
                + (generation == .v0_2
                    ? []
                    : [
                        ("timeout_ms", .int(0)),
                        ("decorator", .object([("operation", .string("default-route"))])),
                    ]))
    }

    private func routes(_ text: String, _ node: Node) throws(Refusal) -> JSONValue {
        let number = Int(text)
        if generation != .v0_2, number == nil {
            throw Refusal(status: 503, text: "RDS strconv.Atoi: parsing \"\(text)\": invalid syntax")
        }
        var hosts: [Item] = []
        if node.role == .sidecar {
            for service in registry.services {
                for port in service.ports where port.isHTTP && port.port == number {
                    let name = "\(service.hostname)|\(port.name)"
                    let domains = domains(service, port.port, node)
                    hosts.append(
                        (
                            name,
                            [
                                ("name", .string(name)), ("domains", .array(domains.map { .string($0) })),
                                ("routes", .array([route(clusterName(service, port))])),
                            ]
                        ))
                }
            }
        }
        if hosts.isEmpty, generation == .v0_2 { return .null }
        guard case .array(let sorted) = Self.sorted(hosts) else { return .null }
        return routeConfiguration(sorted)
    }

    /// The names that a node may use for a service: ever more of the full name, the first part alone in the service's own
    /// namespace; and its address. Each with the port and without.
    private func domains(_ service: MeshService, _ port: Int, _ node: Node) -> [String] {
        let labels = service.hostname.utf8.split(separator: UInt8(ascii: ".")).map {
            String(decoding: $0, as: UTF8.self)
        }
        let own = node.domain.utf8.split(separator: UInt8(ascii: ".")).first.map { String(decoding: $0, as: UTF8.self) }
        let isNeighbour = labels.count > 1 && labels[1] == own
        var names: [String] = []
        for count in (isNeighbour ? 1 : 2)..<max(2, labels.count + 1) where count <= labels.count {
            names.append(labels.prefix(count).joined(separator: "."))
        }
        if names.isEmpty { names = [service.hostname] }
        names.append(registry.shown(service.address))
        return names.flatMap { ["\($0):\(port)", $0] }
    }
}

extension JSONValue {
    /// As Go's `json.MarshalIndent` writes it with a blank as prefix and a blank as indent, which is what Pilot did: every
    /// line but the first begins with a blank, and there is no newline at the end.
    var asPilotWritesIt: String {
        var text = ""
        write(to: &text, level: 0)
        return text
    }

    private func write(to text: inout String, level: Int) {
        func line(_ level: Int) { text += "\n " + String(repeating: " ", count: level) }
        switch self {
        case .array(let items) where !items.isEmpty:
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += "," }
                line(level + 1)
                item.write(to: &text, level: level + 1)
            }
            line(level)
            text += "]"
        case .object(let pairs) where !pairs.isEmpty:
            text += "{"
            for (index, pair) in pairs.enumerated() {
                if index > 0 { text += "," }
                line(level + 1)
                text += JSONValue.string(pair.0).compact + ": "
                pair.1.write(to: &text, level: level + 1)
            }
            line(level)
            text += "}"
        default: text += compact
        }
    }
}
