import MeshContract
import Platform
import WorkloadCertificates

/// What the command line and the environment say about a proxy, as text and before anything is looked up.
public struct ProxyOptions: Sendable, Hashable {
    /// How Envoy gets its listeners and clusters.
    public enum DiscoveryProtocol: String, Sendable, Hashable, CaseIterable {
        /// By asking `POST /v3/discovery:…` again and again.
        case rest
        /// By one gRPC stream (Aggregated Discovery Service).
        case ads
    }

    /// The role in the mesh.
    public var role = NodeIdentity.Role.sidecar
    /// The platform of the service registry.
    public var serviceRegistry = "Kubernetes"
    /// The machine's address; nil for INSTANCE_IP, and then for the address of the route to the control plane.
    public var address: String?
    /// The machine's name; nil for POD_NAME.POD_NAMESPACE.
    public var id: String?
    /// The domain of short names; nil for POD_NAMESPACE.svc.cluster.local.
    public var domain: String?
    /// The folder of Envoy's configuration.
    public var configurationFolder = MeshPaths.proxyConfiguration
    /// Envoy.
    public var binary = MeshPaths.envoy
    /// The cluster that Envoy reports.
    public var serviceCluster = "istio-proxy"
    /// How long an Envoy that is replaced drains.
    public var drainDuration = "2s"
    /// When an Envoy that is replaced is shut down.
    public var parentShutdownDuration = "3s"
    /// The control plane; nil for `istio-pilot` at the protocol's port.
    public var discoveryAddress: String?
    /// The protocol towards the control plane.
    public var discoveryProtocol = DiscoveryProtocol.rest
    /// The pause between two requests of ``DiscoveryProtocol/rest``.
    public var discoveryRefreshDelay = "1s"
    /// How long a connection to the control plane may take to be made.
    public var connectTimeout = "1s"
    /// Where statistics go.
    public var statsdUDPAddress: String?
    /// Where traces go.
    public var zipkinAddress: String?
    /// The port of Envoy's administration on 127.0.0.1.
    public var adminPort = MeshPorts.envoyAdmin
    /// The log of requests to Envoy's administration; empty for none.
    public var accessLog = "/dev/stdout"
    /// The folder of the certificates.
    public var certificateFolder = MeshPaths.certificates
    /// How long changes of the certificates are gathered.
    public var certificateBatchDuration = CertificateWatch.standardBatch
    /// Arguments for Envoy after the agent's own.
    public var envoyArguments: [String] = []

    /// The options of an empty command line.
    public init() {}
}

/// Everything that a proxy is configured with, checked.
public struct ProxySettings: Sendable, Hashable {
    /// Who this machine is.
    public var node: NodeIdentity
    /// The folder of Envoy's configuration.
    public var configurationFolder: String
    /// Envoy.
    public var binary: String
    /// The cluster that Envoy reports.
    public var serviceCluster: String
    /// How long an Envoy that is replaced drains, in seconds.
    public var drainSeconds: Int
    /// After how many seconds an Envoy that is replaced is shut down.
    public var parentShutdownSeconds: Int
    /// The control plane.
    public var discovery: NetworkEndpoint
    /// The protocol towards the control plane.
    public var discoveryProtocol: ProxyOptions.DiscoveryProtocol
    /// The pause between two requests of the REST protocol.
    public var refreshDelay: GoDuration
    /// How long a connection to the control plane may take to be made.
    public var connectTimeout: GoDuration
    /// Where statistics go. Envoy takes an address only.
    public var statsd: NetworkEndpoint?
    /// Where traces go.
    public var zipkin: NetworkEndpoint?
    /// The port of Envoy's administration on 127.0.0.1.
    public var adminPort: Int
    /// The log of requests to Envoy's administration; nil for none.
    public var accessLog: String?
    /// The folder of the certificates.
    public var certificateFolder: String
    /// How long changes of the certificates are gathered.
    public var certificateBatch: Duration
    /// Arguments for Envoy after the agent's own.
    public var envoyArguments: [String]

    /// The certificates of the folder.
    public var certificates: CertificateFiles { CertificateFiles(directory: certificateFolder) }

    /// The command line of Envoy for an epoch.
    public func command(epoch: Int) -> EnvoyCommand {
        EnvoyCommand(
            configurationPath: configurationPath(epoch: epoch), epoch: epoch, drainSeconds: drainSeconds,
            parentShutdownSeconds: parentShutdownSeconds, serviceCluster: serviceCluster, node: node)
    }

    /// The configuration file of an epoch.
    public func configurationPath(epoch: Int) -> String {
        configurationFolder + "/" + EnvoyCommand.configurationFileName(epoch: epoch)
    }
}

/// Settings and what was odd about them.
public struct ResolvedSettings: Sendable, Hashable {
    /// The settings.
    public var settings: ProxySettings
    /// Sentences for the log.
    public var warnings: [String]
}
