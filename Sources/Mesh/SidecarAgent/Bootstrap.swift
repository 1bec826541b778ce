import Platform

/// Envoy's bootstrap configuration, as far as this agent uses it.
///
/// The names are those of `envoy.config.bootstrap.v3.Bootstrap` in camel case; ``BootstrapEncoder`` writes them with
/// underscores. Source: the v3 API reference of Envoy.
struct Bootstrap: Encodable, Sendable {
    var node: Node
    var admin: Admin
    var dynamicResources: DynamicResources
    var staticResources: StaticResources
    var statsConfig: StatsConfig
    var statsSinks: [NamedExtension<StatsdSink>]?
    var tracing: Tracing?

    struct Node: Encodable, Sendable {
        var id: String
        var cluster: String
        var metadata: [String: String]
    }

    struct Admin: Encodable, Sendable {
        var accessLog: [NamedExtension<AccessLog>]?
        var address: Address
    }

    struct AccessLog: TypedConfiguration {
        var typeURL: String
        /// Nil for the stream types.
        var path: String?

        enum CodingKeys: String, CodingKey {
            case typeURL = "@type"
            case path
        }
    }

    struct StatsConfig: Encodable, Sendable {
        var statsTags: [StatsTag]
        var useAllDefaultTags: Bool
    }

    struct StatsTag: Encodable, Sendable {
        var tagName: String
        var regex: String
    }

    struct StatsdSink: TypedConfiguration {
        var typeURL = "type.googleapis.com/envoy.config.metrics.v3.StatsdSink"
        var address: Address

        enum CodingKeys: String, CodingKey {
            case typeURL = "@type"
            case address
        }
    }

    struct Tracing: Encodable, Sendable {
        var http: NamedExtension<Zipkin>
    }

    struct Zipkin: TypedConfiguration {
        var typeURL = "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig"
        var collectorCluster: String
        var collectorEndpoint = "/api/v2/spans"
        var collectorEndpointVersion = "HTTP_JSON"

        enum CodingKeys: String, CodingKey {
            case typeURL = "@type"
            case collectorCluster, collectorEndpoint, collectorEndpointVersion
        }
    }

    struct DynamicResources: Encodable, Sendable {
        var ldsConfig: ConfigSource
        var cdsConfig: ConfigSource
        var adsConfig: APIConfigSource?
    }

    struct StaticResources: Encodable, Sendable {
        var clusters: [Cluster]
        var secrets: [Secret]?
    }
}

/// A message behind `typed_config`, which says its own type.
protocol TypedConfiguration: Encodable, Sendable {
    var typeURL: String { get }
}

/// `name` and `typed_config` of an extension of Envoy.
struct NamedExtension<Configuration: TypedConfiguration>: Encodable, Sendable {
    var name: String
    var typedConfig: Configuration
}

/// `envoy.config.core.v3.Address`.
struct Address: Encodable, Sendable {
    var socketAddress: SocketAddress

    struct SocketAddress: Encodable, Sendable {
        /// Nil for TCP.
        var `protocol`: String?
        var address: String
        var portValue: Int
    }

    init(_ endpoint: NetworkEndpoint, isUDP: Bool = false) {
        self.init(host: endpoint.host, port: Int(endpoint.port), isUDP: isUDP)
    }

    init(host: String, port: Int, isUDP: Bool = false) {
        socketAddress = SocketAddress(protocol: isUDP ? "UDP" : nil, address: host, portValue: port)
    }
}

/// A message without fields.
struct EmptyMessage: Encodable, Sendable {}

/// `envoy.config.core.v3.ConfigSource`: where a kind of resources comes from.
struct ConfigSource: Encodable, Sendable {
    var apiConfigSource: APIConfigSource?
    var ads: EmptyMessage?
    var resourceApiVersion = "V3"
    /// Zero waits for the first answer without end. With Envoy's default of 15 s a new epoch that cannot reach the
    /// control plane would take over with no listener at all, and shut down the one that has them.
    var initialFetchTimeout = "0s"
}

/// `envoy.config.core.v3.ApiConfigSource`.
struct APIConfigSource: Encodable, Sendable {
    var apiType: String
    var transportApiVersion = "V3"
    /// For REST.
    var clusterNames: [String]?
    var refreshDelay: String?
    var requestTimeout: String?
    /// For gRPC.
    var grpcServices: [GRPCService]?
    var setNodeOnFirstMessageOnly: Bool?

    struct GRPCService: Encodable, Sendable {
        var envoyGrpc: EnvoyGRPC
    }

    struct EnvoyGRPC: Encodable, Sendable {
        var clusterName: String
    }
}

/// `envoy.config.cluster.v3.Cluster`.
struct Cluster: Encodable, Sendable {
    var name: String
    var type: String
    var dnsLookupFamily: String?
    var connectTimeout: String
    var loadAssignment: LoadAssignment
    var upstreamConnectionOptions: ConnectionOptions?
    var typedExtensionProtocolOptions: [String: HTTPProtocolOptions]?

    struct LoadAssignment: Encodable, Sendable {
        var clusterName: String
        var endpoints: [Locality]
    }

    struct Locality: Encodable, Sendable {
        var lbEndpoints: [Endpoint]
    }

    struct Endpoint: Encodable, Sendable {
        var endpoint: Target
    }

    struct Target: Encodable, Sendable {
        var address: Address
    }

    struct ConnectionOptions: Encodable, Sendable {
        var tcpKeepalive: Keepalive
    }

    /// Seconds, as in tcp(7).
    struct Keepalive: Encodable, Sendable {
        var keepaliveTime: Int
        var keepaliveInterval: Int
        var keepaliveProbes: Int
    }

    struct HTTPProtocolOptions: TypedConfiguration {
        var typeURL = Self.name
        var explicitHttpConfig = HTTP2()

        static let name = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

        enum CodingKeys: String, CodingKey {
            case typeURL = "@type"
            case explicitHttpConfig
        }
    }

    struct HTTP2: Encodable, Sendable {
        var http2ProtocolOptions = EmptyMessage()
    }

    /// A cluster of one host, whose name is looked up again and again.
    init(name: String, endpoint: NetworkEndpoint, connectTimeout: String) {
        self.name = name
        let isAddress = endpoint.address != nil
        type = isAddress ? "STATIC" : "STRICT_DNS"
        dnsLookupFamily = isAddress ? nil : "V4_PREFERRED"
        self.connectTimeout = connectTimeout
        let target = Target(address: Address(endpoint))
        loadAssignment = LoadAssignment(
            clusterName: name, endpoints: [Locality(lbEndpoints: [Endpoint(endpoint: target)])])
    }
}

/// `envoy.extensions.transport_sockets.tls.v3.Secret`.
struct Secret: Encodable, Sendable {
    var name: String
    var tlsCertificate: TLSCertificate?
    var validationContext: ValidationContext?

    struct TLSCertificate: Encodable, Sendable {
        var certificateChain: DataSource
        var privateKey: DataSource
    }

    struct ValidationContext: Encodable, Sendable {
        var trustedCa: DataSource
    }

    /// The file is read by Envoy, so no secret is in the configuration.
    struct DataSource: Encodable, Sendable {
        var filename: String
    }
}
