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

/// What a proxy calls itself towards Pilot: `TYPE~IP~ID~DOMAIN`.
public struct NodeIdentity: Sendable, Hashable, CustomStringConvertible {
    /// The role of the proxy.
    public enum Role: String, Sendable, Hashable, CaseIterable {
        case sidecar, ingress, egress
    }

    /// The role.
    public var role: Role
    /// The address that the machine's services are registered with.
    public var address: String
    /// `NAME.NAMESPACE`.
    public var id: String
    /// The domain of short names, `NAMESPACE.svc.cluster.local`.
    public var domain: String

    /// Creates an identity of parts without `~`.
    public init(role: Role, address: String, id: String, domain: String) {
        self.role = role
        self.address = address
        self.id = id
        self.domain = domain
    }

    /// Reads `TYPE~IP~ID~DOMAIN`; nil unless there are four parts, none empty, and the role is known.
    public init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 4, parts.allSatisfy({ !$0.isEmpty }), let role = Role(rawValue: parts[0]) else {
            return nil
        }
        self.init(role: role, address: parts[1], id: parts[2], domain: parts[3])
    }

    /// As it stands in Envoy's `--service-node`.
    public var description: String { "\(role.rawValue)~\(address)~\(id)~\(domain)" }
}
