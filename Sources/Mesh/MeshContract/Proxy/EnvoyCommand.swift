/// The command line of Envoy on a mesh machine. Its order is part of the contract: people and scripts compare it.
public struct EnvoyCommand: Sendable, Hashable {
    /// The configuration of this epoch.
    public var configurationPath: String
    /// Counts the Envoys that followed one another in one service.
    public var epoch: Int
    /// How long the one before drains, in seconds.
    public var drainSeconds: Int
    /// After how many seconds the one before is shut down.
    public var parentShutdownSeconds: Int
    /// The name of the service cluster.
    public var serviceCluster: String
    /// The node.
    public var node: NodeIdentity

    /// Creates a command line.
    public init(
        configurationPath: String, epoch: Int, drainSeconds: Int, parentShutdownSeconds: Int, serviceCluster: String,
        node: NodeIdentity
    ) {
        self.configurationPath = configurationPath
        self.epoch = epoch
        self.drainSeconds = drainSeconds
        self.parentShutdownSeconds = parentShutdownSeconds
        self.serviceCluster = serviceCluster
        self.node = node
    }

    /// The arguments after the program's name.
    public var arguments: [String] {
        [
            "-c", configurationPath, "--restart-epoch", String(epoch), "--drain-time-s", String(drainSeconds),
            "--parent-shutdown-time-s", String(parentShutdownSeconds), "--service-cluster", serviceCluster,
            "--service-node", node.description,
        ]
    }

    /// The name of the configuration file of an epoch.
    public static func configurationFileName(epoch: Int) -> String { "envoy-rev\(epoch).json" }
}
