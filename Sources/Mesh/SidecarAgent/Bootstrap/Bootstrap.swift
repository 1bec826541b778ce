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
