import MeshContract
import Platform
import WorkloadCertificates

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
