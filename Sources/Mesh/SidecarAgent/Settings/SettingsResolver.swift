import Files
import MeshContract
import Platform

/// Makes settings of options: defaults from the environment and the machine, and every value checked.
public struct SettingsResolver: Sendable {
    private let options: ProxyOptions
    private let environment: [String: String]
    private var warnings: [String] = []

    private init(_ options: ProxyOptions, _ environment: [String: String]) {
        self.options = options
        self.environment = environment
    }

    /// Checks options and fills in what is missing.
    ///
    /// - Parameter environment: INSTANCE_IP, POD_NAME and POD_NAMESPACE are read; an empty variable is as good as none.
    public static func resolve(
        _ options: ProxyOptions, environment: [String: String]
    ) async throws(SettingsError) -> ResolvedSettings {
        var resolver = SettingsResolver(options, environment)
        let settings = try await resolver.settings()
        return ResolvedSettings(settings: settings, warnings: resolver.warnings)
    }

    private mutating func settings() async throws(SettingsError) -> ProxySettings {
        guard options.serviceRegistry == "Kubernetes" else {
            throw SettingsError(
                "--serviceregistry", found: options.serviceRegistry, expected: "Kubernetes",
                remedy: "machines of other registries are not supported: leave the option out")
        }
        let discovery = try discoveryEndpoint()
        let drain = try SettingsChecks.seconds("--drainDuration", options.drainDuration, atLeast: 0)
        let shutdown = try SettingsChecks.seconds(
            "--parentShutdownDuration", options.parentShutdownDuration, atLeast: 1)
        guard shutdown > drain else {
            throw SettingsError(
                "--parentShutdownDuration", found: options.parentShutdownDuration,
                expected: "more than --drainDuration, which is \(options.drainDuration)",
                remedy: "an Envoy that is shut down while it drains drops connections")
        }
        return ProxySettings(
            node: try await node(discovery),
            configurationFolder: try SettingsChecks.path("--configPath", options.configurationFolder),
            binary: try SettingsChecks.path("--binaryPath", options.binary),
            serviceCluster: try SettingsChecks.nodePart("--serviceCluster", options.serviceCluster),
            drainSeconds: drain, parentShutdownSeconds: shutdown, discovery: discovery,
            discoveryProtocol: options.discoveryProtocol,
            refreshDelay: try SettingsChecks.duration("--discoveryRefreshDelay", options.discoveryRefreshDelay),
            connectTimeout: try SettingsChecks.duration("--connectTimeout", options.connectTimeout),
            statsd: try await statsd(), zipkin: try endpoint("--zipkinAddress", options.zipkinAddress),
            adminPort: try SettingsChecks.port("--proxyAdminPort", options.adminPort),
            accessLog: options.accessLog.isEmpty
                ? nil : try SettingsChecks.path("--accessLog", options.accessLog),
            certificateFolder: try SettingsChecks.path("--certPath", options.certificateFolder),
            certificateBatch: try SettingsChecks.duration("--certBatchDuration", options.certificateBatchDuration)
                .duration,
            envoyArguments: try envoyArguments())
    }

    // MARK: Who this machine is

    private mutating func node(_ discovery: NetworkEndpoint) async throws(SettingsError) -> NodeIdentity {
        let namespace = try SettingsChecks.nodePart("POD_NAMESPACE", variable("POD_NAMESPACE") ?? "default")
        let id: String
        if let given = options.id {
            id = try SettingsChecks.nodePart("--id", given)
        } else if let name = variable("POD_NAME") ?? MachineAddress.shortHostName() {
            id = try SettingsChecks.nodePart("POD_NAME", name) + "." + namespace
        } else {
            throw SettingsError(
                "POD_NAME", found: nil, expected: "a name for this machine",
                remedy: "it has no host name: set POD_NAME or give --id NAME.NAMESPACE")
        }
        let domain = try SettingsChecks.nodePart("--domain", options.domain ?? "\(namespace).svc.cluster.local")
        let address = try await address(discovery)
        return NodeIdentity(role: options.role, address: address.description, id: id, domain: domain)
    }

    private mutating func address(_ discovery: NetworkEndpoint) async throws(SettingsError) -> IPAddress {
        if let given = options.address {
            let address = try machineAddress("--ip", given)
            if address.isLoopback {
                warnings.append("--ip: nobody else can reach this machine at \(address)")
            }
            return address
        }
        if let given = variable("INSTANCE_IP") {
            let address = try machineAddress("INSTANCE_IP", given)
            if !address.isLoopback { return address }
            warnings.append(
                "INSTANCE_IP: nobody else can reach this machine at \(address): looking for another address")
        }
        guard let found = await MachineAddress.find(towards: discovery) else {
            throw SettingsError(
                "--ip", found: nil, expected: "the address that the cluster reaches this machine at",
                remedy: "no interface has one beside loopback: bring the network up, or set INSTANCE_IP or --ip")
        }
        return found
    }

    private func machineAddress(_ name: String, _ text: String) throws(SettingsError) -> IPAddress {
        guard let address = IPAddress(text), !address.isUnspecified, !address.isMulticast else {
            throw SettingsError(
                name, found: text, expected: "one IPv4 or IPv6 address of this machine",
                remedy: "leave it out to use the address of the route to the control plane")
        }
        return address
    }

    private func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    // MARK: Addresses

    private func discoveryEndpoint() throws(SettingsError) -> NetworkEndpoint {
        let port = options.discoveryProtocol == .ads ? MeshPorts.pilotADS : MeshPorts.pilot
        return try endpoint("--discoveryAddress", options.discoveryAddress)
            ?? NetworkEndpoint(host: "istio-pilot", port: UInt16(port))
    }

    private func endpoint(_ name: String, _ text: String?) throws(SettingsError) -> NetworkEndpoint? {
        guard let text, !text.isEmpty else { return nil }
        guard let endpoint = NetworkEndpoint(text) else {
            throw SettingsError(
                name, found: text, expected: "HOST:PORT, such as istio-pilot:8080 or [2001:db8::6]:8080")
        }
        return endpoint
    }

    /// Envoy's statsd sink does no lookups, so a name is looked up here, once.
    private func statsd() async throws(SettingsError) -> NetworkEndpoint? {
        guard let endpoint = try endpoint("--statsdUdpAddress", options.statsdUDPAddress) else { return nil }
        if endpoint.address != nil { return endpoint }
        guard let first = await NameLookup.addresses(of: endpoint, limit: .seconds(5)).first else {
            throw SettingsError(
                "--statsdUdpAddress", found: options.statsdUDPAddress, expected: "a host that has an address",
                remedy: "the name could not be looked up within 5 s: give the address itself")
        }
        return NetworkEndpoint(host: first.address.description, port: endpoint.port)
    }

    // MARK: Envoy's command line

    /// Some arguments belong to the agent: given twice, Envoy takes one or refuses to start.
    private func envoyArguments() throws(SettingsError) -> [String] {
        let own = [
            "-c", "--config-path", "--restart-epoch", "--drain-time-s", "--parent-shutdown-time-s", "--service-cluster",
            "--service-node", "--disable-hot-restart", "--use-dynamic-base-id",
        ]
        for argument in options.envoyArguments {
            let name = String(decoding: argument.utf8.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            guard !argument.utf8.contains(0), !own.contains(name) else {
                throw SettingsError(
                    "--envoyArgument", found: argument, expected: "an argument that the agent does not set itself",
                    remedy: "\(own.joined(separator: " ")) are its own or go against hot restart")
            }
        }
        return options.envoyArguments
    }
}
