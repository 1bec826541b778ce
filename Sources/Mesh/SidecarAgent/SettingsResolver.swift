import Files
import Glibc
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
        let drain = try SettingsChecks.seconds("--drainDuration", options.drainDuration)
        let shutdown = try SettingsChecks.seconds("--parentShutdownDuration", options.parentShutdownDuration)
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
        } else if let name = variable("POD_NAME") ?? InstanceAddress.shortHostName() {
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
        guard let found = await InstanceAddress.find(towards: discovery) else {
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
        guard let first = await InstanceAddress.lookUp(endpoint.host).first else {
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

/// Checks of single values; each throws with the name that it is given.
enum SettingsChecks {
    static func nodePart(_ name: String, _ text: String) throws(SettingsError) -> String {
        guard (1...253).contains(text.utf8.count), text.utf8.allSatisfy({ Ascii.isGraphic($0) && $0 != 0x7e }) else {
            throw SettingsError(
                name, found: text, expected: "1 to 253 printable ASCII characters without spaces and '~'",
                remedy: "'~' separates the parts of a node id")
        }
        return text
    }

    static func path(_ name: String, _ text: String) throws(SettingsError) -> String {
        guard !text.utf8.contains(0), let path = LexicalPath.normalised(text) else {
            throw SettingsError(name, found: text, expected: "an absolute path")
        }
        return path
    }

    static func duration(_ name: String, _ text: String) throws(SettingsError) -> GoDuration {
        let range = GoDuration(nanoseconds: 1_000_000)...GoDuration(nanoseconds: 86_400_000_000_000)
        guard let duration = GoDuration(text), range.contains(duration) else {
            throw SettingsError(name, found: text, expected: "a duration from 1ms to 24h, such as 500ms, 2s or 1m30s")
        }
        return duration
    }

    /// Envoy's own options count whole seconds.
    static func seconds(_ name: String, _ text: String) throws(SettingsError) -> Int {
        let second: Int64 = 1_000_000_000
        guard let duration = GoDuration(text), duration.nanoseconds % second == 0,
            (1...86_400).contains(duration.nanoseconds / second)
        else {
            throw SettingsError(
                name, found: text, expected: "a duration of whole seconds from 1s to 24h, such as 2s or 1m")
        }
        return Int(duration.nanoseconds / second)
    }

    static func port(_ name: String, _ number: Int) throws(SettingsError) -> Int {
        guard (1...65535).contains(number) else {
            throw SettingsError(name, found: String(number), expected: "a port from 1 to 65535")
        }
        return number
    }
}

/// An option or variable that cannot be used.
public struct SettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The option or variable, such as `--discoveryAddress` or `INSTANCE_IP`.
    public var name: String
    /// What it was set to; nil when it was not set.
    public var found: String?
    /// What it should be.
    public var expected: String
    /// What to do.
    public var remedy: String?

    init(_ name: String, found: String?, expected: String, remedy: String? = nil) {
        self.name = name
        self.found = found
        self.expected = expected
        self.remedy = remedy
    }

    /// The sentence for people.
    public var description: String {
        "\(name): expected \(expected), found "
            + (found.map { "'\(DisplayText.inline(DisplayText.shortened($0, to: 200)))'" } ?? "nothing")
            + (remedy.map { "; \($0)" } ?? "")
    }
}

/// The address that the cluster knows this host by.
enum InstanceAddress {
    /// Finds it: the address that this host would use towards another, else towards the internet, else the first
    /// address of an interface that is up. Never a loopback address: `hostname --ip-address` gives 127.0.1.1 on a stock
    /// Debian, and Pilot then has no listener for the host.
    ///
    /// - Returns: nil when this host has loopback addresses alone.
    static func find(towards endpoint: NetworkEndpoint) async -> IPAddress? {
        // Documentation ranges (RFC 5737, RFC 3849): nobody has these addresses, so the default route is asked for.
        let far = ["192.0.2.1", "2001:db8::1"].compactMap { IPAddress($0) }.map { SocketAddressBytes($0) }
        let targets = await lookUp(endpoint.host).map { ($0, endpoint.port) } + far.map { ($0, 9) }
        for (target, port) in targets {
            do {
                if let source = try target.routeSource(port: port), isUsable(source) { return source }
            } catch {
                // A family that this host does not have is as good as no route.
            }
        }
        return interfaceAddresses().first(where: isUsable)
    }

    /// The addresses of a host; none when it has none or the resolver takes too long.
    static func lookUp(_ host: String) async -> [SocketAddressBytes] {
        do { return try await HostLookup.addresses(of: host, limit: lookUpLimit) } catch { return [] }
    }

    /// How long the look-up of a name may take.
    static let lookUpLimit = Duration.seconds(5)

    private static func isUsable(_ address: IPAddress) -> Bool {
        !address.isLoopback && !address.isUnspecified && !address.isLinkLocal
    }

    /// The addresses of interfaces that are up, IPv4 first.
    private static func interfaceAddresses() -> [IPAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        return sequence(first: list) { $0?.pointee.ifa_next }.prefix { $0 != nil }
            .compactMap { entry -> IPAddress? in
                guard let current = entry?.pointee, current.ifa_flags & UInt32(IFF_UP) != 0,
                    let pointer = current.ifa_addr
                else { return nil }
                let isVersion6 = Int32(pointer.pointee.sa_family) == AF_INET6
                let size = isVersion6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
                return SocketAddressBytes(pointer, length: socklen_t(size))?.address
            }.sorted { $0.bitWidth < $1.bitWidth }
    }

    /// The host name up to its first dot, as `hostname --short` gives it.
    static func shortHostName() -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return nil }
        let bytes = buffer.prefix { $0 != 0 && $0 != 0x2e }.map { UInt8(bitPattern: $0) }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
