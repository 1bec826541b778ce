import Documents
import MeshContract
import Platform

/// Pilot's answers of version 1: registration, clusters, listeners and routes (Istio 0.1 to 0.8).
struct ClassicDiscovery: Sendable {
    let registry: ServiceRegistry

    /// `GET /v1/registration/KEY`.
    func registration(_ key: ServiceRegistry.Key) -> JSONValue {
        .object([("hosts", .array(registry.hosts(key).map(\.asHost)))])
    }

    /// `GET /v1/registration`.
    var registrations: JSONValue {
        .array(
            registry.services.flatMap { service in
                service.ports.map { port in
                    .object([
                        ("service-key", .string("\(service.hostname)|\(port.name)")),
                        ("hosts", .array(registry.endpoints(of: service, port: port).map(\.asHost))),
                    ])
                }
            })
    }

    /// `GET /v1/clusters/CLUSTER/NODE`.
    func clusters(_ node: NodeIdentity) -> JSONValue {
        var clusters: [JSONValue] = inbound(node).map { item in
            .object([
                ("name", .string("in.\(item.endpoint.port)")), ("connect_timeout_ms", .int(1000)),
                ("type", .string("static")), ("lb_type", .string("round_robin")),
                ("hosts", .array([.object([("url", .string("tcp://127.0.0.1:\(item.endpoint.port)"))])])),
            ])
        }
        for service in registry.services {
            for port in service.ports {
                clusters.append(
                    .object([
                        ("name", .string(ServiceRegistry.clusterName(service, port))),
                        ("service_name", .string("\(service.hostname)|\(port.name)")),
                        ("connect_timeout_ms", .int(1000)),
                        ("type", .string("sds")), ("lb_type", .string("round_robin")),
                    ]))
            }
        }
        return .object([("clusters", .array(clusters))])
    }

    /// `GET /v1/listeners/CLUSTER/NODE`.
    func listeners(_ node: NodeIdentity) -> JSONValue {
        var listeners: [JSONValue] = [
            listener("virtual", "tcp://0.0.0.0:\(MeshPorts.envoyInterception)", filters: [], isBound: true)
        ]
        for item in inbound(node) {
            let address = item.endpoint.address
            listeners.append(
                listener(
                    (item.port.isHTTP ? "http_" : "tcp_") + "\(address)_\(item.endpoint.port)",
                    "tcp://\(address):\(item.endpoint.port)",
                    filters: [filter(item.port, cluster: "in.\(item.endpoint.port)", port: item.endpoint.port)]))
        }
        for port in httpPorts {
            listeners.append(
                listener(
                    "http_0.0.0.0_\(port)", "tcp://0.0.0.0:\(port)",
                    filters: [
                        .object([
                            ("type", .string("read")), ("name", .string("http_connection_manager")),
                            (
                                "config",
                                .object([
                                    ("codec_type", .string("auto")), ("stat_prefix", .string("http")),
                                    (
                                        "rds",
                                        .object([
                                            ("cluster", .string("rds")), ("route_config_name", .string("\(port)")),
                                            ("refresh_delay_ms", .int(1000)),
                                        ])
                                    ),
                                ])
                            ),
                        ])
                    ]))
        }
        for service in registry.services {
            for port in service.ports where !port.isHTTP {
                let address = service.address
                listeners.append(
                    listener(
                        "tcp_\(address)_\(port.port)", "tcp://\(address):\(port.port)",
                        filters: [filter(port, cluster: ServiceRegistry.clusterName(service, port), port: port.port)]))
            }
        }
        return .object([("listeners", .array(listeners))])
    }

    /// `GET /v1/routes/PORT/CLUSTER/NODE`.
    func routes(port number: Int) -> JSONValue {
        var hosts: [JSONValue] = []
        for service in registry.services {
            for port in service.ports where port.isHTTP && port.port == number {
                hosts.append(
                    .object([
                        ("name", .string("\(service.hostname)|\(port.name)")),
                        ("domains", .array(ServiceRegistry.domains(service, port).map { .string($0) })),
                        (
                            "routes",
                            .array([
                                .object([
                                    ("prefix", .string("/")),
                                    ("cluster", .string(ServiceRegistry.clusterName(service, port))),
                                ])
                            ])
                        ),
                    ]))
            }
        }
        return .object([("virtual_hosts", .array(hosts))])
    }

    private func inbound(
        _ node: NodeIdentity
    ) -> [(service: MeshService, port: ServicePort, endpoint: ServiceEndpoint)] {
        IPAddress(node.address).map(registry.inbound(of:)) ?? []
    }

    /// Ports with at least one HTTP service, in order.
    var httpPorts: [Int] {
        Set(registry.services.flatMap(\.ports).filter(\.isHTTP).map(\.port)).sorted()
    }

    private func listener(_ name: String, _ address: String, filters: [JSONValue], isBound: Bool = false) -> JSONValue {
        .object([
            ("address", .string(address)), ("name", .string(name)), ("filters", .array(filters)),
            ("bind_to_port", .bool(isBound)), ("use_original_dst", .bool(isBound)),
        ])
    }

    private func filter(_ port: ServicePort, cluster: String, port number: Int) -> JSONValue {
        if port.isHTTP {
            return .object([
                ("type", .string("read")), ("name", .string("http_connection_manager")),
                (
                    "config",
                    .object([
                        ("codec_type", .string("auto")), ("stat_prefix", .string("http")),
                        (
                            "route_config",
                            .object([
                                (
                                    "virtual_hosts",
                                    .array([
                                        .object([
                                            ("name", .string("inbound|\(number)")), ("domains", .array([.string("*")])),
                                            (
                                                "routes",
                                                .array([
                                                    .object([("prefix", .string("/")), ("cluster", .string(cluster))])
                                                ])
                                            ),
                                        ])
                                    ])
                                )
                            ])
                        ),
                    ])
                ),
            ])
        }
        return .object([
            ("type", .string("read")), ("name", .string("tcp_proxy")),
            (
                "config",
                .object([
                    ("stat_prefix", .string("tcp")),
                    ("route_config", .object([("routes", .array([.object([("cluster", .string(cluster))])]))])),
                ])
            ),
        ])
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
