import Crypto
import Documents
import MeshContract
import Platform

/// Listeners, clusters, routes and endpoints for a current Envoy (the xDS REST protocol, version 3, in JSON).
///
/// Names are those of version 1, so that counters and checks read the same.
struct XDSResources: Sendable {
    let registry: ServiceRegistry
    /// The port of the virtual listener.
    var interceptionPort = MeshPorts.envoyInterception

    /// One kind of resource.
    enum Kind: String, Sendable, CaseIterable {
        case listeners, clusters, routes, endpoints

        /// The type of the messages.
        var typeURL: String {
            switch self {
            case .listeners: "type.googleapis.com/envoy.config.listener.v3.Listener"
            case .clusters: "type.googleapis.com/envoy.config.cluster.v3.Cluster"
            case .routes: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
            case .endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
            }
        }
    }

    /// The answer to a request: all resources of a kind, or those that it names. The version is a checksum of them.
    func response(_ kind: Kind, node: NodeIdentity, names: [String]) -> (version: String, json: JSONValue) {
        var resources = resources(kind, node: node)
        if !names.isEmpty { resources.removeAll { !names.contains($0.name) } }
        let messages = resources.map { resource in
            JSONValue.object([("@type", .string(kind.typeURL))] + resource.fields)
        }
        let digest = SHA256.hash(data: Array(JSONValue.array(messages).compact.utf8))
        let version = Hexadecimal.text(digest.prefix(8))
        let json = JSONValue.object([
            ("version_info", .string(version)), ("resources", .array(messages)), ("type_url", .string(kind.typeURL)),
        ])
        return (version, json)
    }

    private struct Resource {
        var name: String
        var fields: [(String, JSONValue)]
    }

    private func resources(_ kind: Kind, node: NodeIdentity) -> [Resource] {
        switch kind {
        case .listeners: listeners(node)
        case .clusters: clusters(node)
        case .routes: httpPorts.map { Resource(name: "\($0)", fields: routeConfiguration($0)) }
        case .endpoints:
            eachPort { service, port in
                let name = ServiceRegistry.clusterName(service, port)
                return Resource(name: name, fields: assignment(name, registry.endpoints(of: service, port: port)))
            }
        }
    }

    private func eachPort(_ body: (MeshService, ServicePort) -> Resource?) -> [Resource] {
        registry.services.flatMap { service in service.ports.compactMap { body(service, $0) } }
    }

    private var httpPorts: [Int] { registry.httpPorts }

    private func inbound(
        _ node: NodeIdentity
    ) -> [(service: MeshService, port: ServicePort, endpoint: ServiceEndpoint)] {
        IPAddress(node.address).map(registry.inbound(of:)) ?? []
    }

    // MARK: - clusters

    private static let passthrough = "passthrough"

    private func clusters(_ node: NodeIdentity) -> [Resource] {
        var result = [
            Resource(
                name: Self.passthrough,
                fields: [
                    ("name", .string(Self.passthrough)), ("type", .string("ORIGINAL_DST")),
                    ("lb_policy", .string("CLUSTER_PROVIDED")), ("connect_timeout", .string("1s")),
                ])
        ]
        for item in inbound(node) {
            guard let loopback = IPAddress("127.0.0.1") else { continue }
            let endpoint = ServiceEndpoint(address: loopback, port: item.endpoint.port, tags: [])
            result.append(cluster("in.\(item.endpoint.port)", item.port, [endpoint]))
        }
        return result
            + eachPort { service, port in
                cluster(
                    ServiceRegistry.clusterName(service, port), port, registry.endpoints(of: service, port: port),
                    alternative: "\(service.hostname)|\(port.name)")
            }
    }

    private func cluster(
        _ name: String, _ port: ServicePort, _ endpoints: [ServiceEndpoint], alternative: String? = nil
    ) -> Resource {
        var fields: [(String, JSONValue)] = [
            ("name", .string(name)), ("type", .string("STATIC")), ("connect_timeout", .string("1s")),
            ("load_assignment", .object(assignment(name, endpoints))),
        ]
        if let alternative {
            fields.append(
                (
                    "metadata",
                    .object([("filter_metadata", .object([("istio", .object([("service", .string(alternative))]))]))])
                ))
        }
        if port.isHTTP2 {
            fields.append(
                (
                    "typed_extension_protocol_options",
                    .object([
                        (
                            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                            .object([
                                (
                                    "@type",
                                    .string(
                                        "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions")
                                ),
                                ("explicit_http_config", .object([("http2_protocol_options", .object([]))])),
                            ])
                        )
                    ])
                ))
        }
        return Resource(name: name, fields: fields)
    }

    private func assignment(_ name: String, _ endpoints: [ServiceEndpoint]) -> [(String, JSONValue)] {
        let places: [JSONValue] = endpoints.map { endpoint in
            .object([
                (
                    "endpoint",
                    .object([("address", Self.address("\(endpoint.address)", endpoint.port))])
                )
            ])
        }
        return [
            ("cluster_name", .string(name)), ("endpoints", .array([.object([("lb_endpoints", .array(places))])])),
        ]
    }

    // MARK: - listeners

    private func listeners(_ node: NodeIdentity) -> [Resource] {
        // What no other listener takes goes where it was going.
        var result = [
            listener(
                "virtual", "0.0.0.0", interceptionPort, filter: tcpProxy("passthrough", Self.passthrough), isBound: true
            )
        ]
        for item in inbound(node) {
            let address = "\(item.endpoint.address)"
            let number = item.endpoint.port
            let filter =
                item.port.isHTTP
                ? httpManager("in_\(number)", inboundRoutes(number)) : tcpProxy("in_\(number)", "in.\(number)")
            result.append(
                listener(
                    (item.port.isHTTP ? "http_" : "tcp_") + "\(address)_\(number)", address, number, filter: filter))
        }
        for port in httpPorts {
            result.append(
                listener(
                    "http_0.0.0.0_\(port)", "0.0.0.0", port,
                    filter: httpManager("out_\(port)", routeConfiguration(port))))
        }
        return result
            + eachPort { service, port in
                if port.isHTTP { return nil }
                let address = service.address
                return listener(
                    "tcp_\(address)_\(port.port)", "\(address)", port.port,
                    filter: tcpProxy("out_\(address)_\(port.port)", ServiceRegistry.clusterName(service, port)))
            }
    }

    private func listener(
        _ name: String, _ address: String, _ port: Int, filter: JSONValue, isBound: Bool = false
    ) -> Resource {
        var fields: [(String, JSONValue)] = [
            ("name", .string(name)), ("address", Self.address(address, port)),
            ("filter_chains", .array([.object([("filters", .array([filter]))])])),
        ]
        if isBound {
            fields.append(("use_original_dst", .bool(true)))
        } else {
            fields.append(("bind_to_port", .bool(false)))
        }
        return Resource(name: name, fields: fields)
    }

    private static func address(_ address: String, _ port: Int) -> JSONValue {
        .object([("socket_address", .object([("address", .string(address)), ("port_value", .int(port))]))])
    }

    private func tcpProxy(_ prefix: String, _ cluster: String) -> JSONValue {
        .object([
            ("name", .string("envoy.filters.network.tcp_proxy")),
            (
                "typed_config",
                .object([
                    ("@type", .string("type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy")),
                    ("stat_prefix", .string(prefix)), ("cluster", .string(cluster)),
                ])
            ),
        ])
    }

    private func httpManager(_ prefix: String, _ routes: [(String, JSONValue)]) -> JSONValue {
        .object([
            ("name", .string("envoy.filters.network.http_connection_manager")),
            (
                "typed_config",
                .object([
                    (
                        "@type",
                        .string(
                            "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
                        )
                    ),
                    ("stat_prefix", .string(prefix)), ("codec_type", .string("AUTO")),
                    ("route_config", .object(routes)),
                    (
                        "http_filters",
                        .array([
                            .object([
                                ("name", .string("envoy.filters.http.router")),
                                (
                                    "typed_config",
                                    .object([
                                        (
                                            "@type",
                                            .string(
                                                "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router")
                                        )
                                    ])
                                ),
                            ])
                        ])
                    ),
                ])
            ),
        ])
    }

    // MARK: - routes

    private func routeConfiguration(_ number: Int) -> [(String, JSONValue)] {
        var taken: Set<String> = []
        var hosts: [JSONValue] = []
        for service in registry.services {
            for port in service.ports where port.isHTTP && port.port == number {
                // Short names of two namespaces may be the same: the first has it, and Envoy refuses a second.
                let domains = ServiceRegistry.domains(service, port).filter { taken.insert($0).inserted }
                hosts.append(
                    virtualHost("\(service.hostname)|\(port.name)", domains, ServiceRegistry.clusterName(service, port))
                )
            }
        }
        hosts.append(virtualHost(Self.passthrough, ["*"], Self.passthrough))
        return [("name", .string("\(number)")), ("virtual_hosts", .array(hosts))]
    }

    private func inboundRoutes(_ port: Int) -> [(String, JSONValue)] {
        [("name", .string("in.\(port)")), ("virtual_hosts", .array([virtualHost("in.\(port)", ["*"], "in.\(port)")]))]
    }

    private func virtualHost(_ name: String, _ domains: [String], _ cluster: String) -> JSONValue {
        .object([
            ("name", .string(name)), ("domains", .array(domains.map { .string($0) })),
            (
                "routes",
                .array([
                    .object([
                        ("match", .object([("prefix", .string("/"))])),
                        ("route", .object([("cluster", .string(cluster))])),
                    ])
                ])
            ),
        ])
    }
}
