import Files
import FoundationEssentials
import Glibc
import MeshContract
import Platform
import WorkloadCertificates

/// Makes Envoy's bootstrap configuration of settings.
public enum BootstrapBuilder {
    /// The cluster of the control plane.
    static let discoveryCluster = "istio-pilot"
    /// The cluster of the collector of traces.
    static let zipkinCluster = "zipkin"
    /// The names that a cluster or listener from the control plane asks for key and certificate, and for roots, by
    /// (`sds_config` left out: a static secret). They are those of Istio.
    static let certificateSecret = "default"
    static let rootSecret = "ROOTCA"

    /// The configuration as JSON with a final newline, with the certificates of the settings if they can be used.
    public static func json(_ settings: ProxySettings) throws -> [UInt8] {
        let isUsable = CertificateState.read(settings.certificates).usability == .usable
        return try json(settings, certificates: isUsable ? settings.certificates : nil)
    }

    /// The configuration as JSON with a final newline; the same settings give the same bytes.
    ///
    /// - Parameter certificates: the certificates that Envoy is to offer to clusters and listeners; nil for none.
    static func json(_ settings: ProxySettings, certificates: CertificateFiles?) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(bootstrap(settings, certificates))) + [UInt8(ascii: "\n")]
    }

    private static func bootstrap(_ settings: ProxySettings, _ certificates: CertificateFiles?) -> Bootstrap {
        var clusters = [discoveryCluster(settings)]
        if let zipkin = settings.zipkin {
            clusters.append(
                Cluster(
                    name: zipkinCluster, endpoint: zipkin, connectTimeout: seconds(settings.connectTimeout)))
        }
        return Bootstrap(
            node: node(settings), admin: admin(settings), dynamicResources: dynamicResources(settings),
            staticResources: .init(clusters: clusters, secrets: certificates.map(secrets)),
            statsConfig: .init(
                // Envoy's own rule ends a cluster's name at its first dot, and ours have dots in them.
                statsTags: [
                    .init(
                        tagName: "cluster_name",
                        regex: #"^cluster\.(((?:in|out)\.[^.]+|.+?(?:\..+?\.svc\.cluster\.local)?)\.)"#)
                ],
                useAllDefaultTags: true),
            statsSinks: settings.statsd.map {
                [.init(name: "envoy.stat_sinks.statsd", typedConfig: .init(address: Address($0, isUDP: true)))]
            },
            tracing: settings.zipkin.map { _ in
                .init(http: .init(name: "envoy.tracers.zipkin", typedConfig: .init(collectorCluster: zipkinCluster)))
            })
    }

    private static func node(_ settings: ProxySettings) -> Bootstrap.Node {
        let node = settings.node
        // NAME.NAMESPACE: a namespace has no dots.
        let labels = node.id.utf8.split(separator: UInt8(ascii: "."))
        var metadata = ["INSTANCE_IPS": node.address]
        if labels.count > 1, let namespace = labels.last {
            metadata["NAMESPACE"] = String(decoding: namespace, as: UTF8.self)
            metadata["NAME"] = String(decoding: node.id.utf8.dropLast(namespace.count + 1), as: UTF8.self)
        }
        return .init(id: node.description, cluster: settings.serviceCluster, metadata: metadata)
    }

    private static func admin(_ settings: ProxySettings) -> Bootstrap.Admin {
        let log = settings.accessLog.map { path -> NamedExtension<Bootstrap.AccessLog> in
            let types = "type.googleapis.com/envoy.extensions.access_loggers."
            // Opening these by path fails where they are sockets, which they are for a unit that logs to the journal.
            switch path {
            case "/dev/stdout":
                return .init(
                    name: "envoy.access_loggers.stdout",
                    typedConfig: .init(typeURL: types + "stream.v3.StdoutAccessLog"))
            case "/dev/stderr":
                return .init(
                    name: "envoy.access_loggers.stderr",
                    typedConfig: .init(typeURL: types + "stream.v3.StderrAccessLog"))
            default:
                return .init(
                    name: "envoy.access_loggers.file",
                    typedConfig: .init(typeURL: types + "file.v3.FileAccessLog", path: path))
            }
        }
        return .init(accessLog: log.map { [$0] }, address: Address(host: "127.0.0.1", port: settings.adminPort))
    }

    private static func dynamicResources(_ settings: ProxySettings) -> Bootstrap.DynamicResources {
        switch settings.discoveryProtocol {
        case .rest:
            let source = ConfigSource(
                apiConfigSource: APIConfigSource(
                    apiType: "REST", clusterNames: [discoveryCluster], refreshDelay: seconds(settings.refreshDelay),
                    requestTimeout: "5s"))
            return .init(ldsConfig: source, cdsConfig: source)
        case .ads:
            let source = ConfigSource(ads: EmptyMessage())
            return .init(
                ldsConfig: source, cdsConfig: source,
                adsConfig: APIConfigSource(
                    apiType: "GRPC",
                    grpcServices: [.init(envoyGrpc: .init(clusterName: discoveryCluster))],
                    setNodeOnFirstMessageOnly: true))
        }
    }

    private static func discoveryCluster(_ settings: ProxySettings) -> Cluster {
        var cluster = Cluster(
            name: discoveryCluster, endpoint: settings.discovery, connectTimeout: seconds(settings.connectTimeout))
        if settings.discoveryProtocol == .ads {
            cluster.typedExtensionProtocolOptions = [
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": .init()
            ]
            // A stream that is silent for hours is otherwise not known to be dead.
            cluster.upstreamConnectionOptions = .init(
                tcpKeepalive: .init(keepaliveTime: 300, keepaliveInterval: 30, keepaliveProbes: 3))
        }
        return cluster
    }

    private static func secrets(_ files: CertificateFiles) -> [Secret] {
        [
            Secret(
                name: certificateSecret,
                tlsCertificate: .init(
                    certificateChain: .init(filename: files.chain), privateKey: .init(filename: files.key))),
            Secret(name: rootSecret, validationContext: .init(trustedCa: .init(filename: files.root))),
        ]
    }

    /// A duration as protobuf's JSON has it: decimal seconds (google.protobuf.Duration).
    private static func seconds(_ duration: GoDuration) -> String {
        let billion: Int64 = 1_000_000_000
        let (whole, rest) = duration.nanoseconds.quotientAndRemainder(dividingBy: billion)
        guard rest != 0 else { return "\(whole)s" }
        var digits = Array(String(billion + rest).utf8.dropFirst())
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return "\(whole)." + String(decoding: digits, as: UTF8.self) + "s"
    }
}

/// The folder with `envoy-rev<epoch>.json`, held by one agent.
final class BootstrapFiles: Sendable {
    private let folder: String
    private let lock: DirectoryLock

    /// The mode of a configuration: Envoy runs as the agent's user, and the group may look.
    private static let permissions: UInt16 = 0o640

    /// Takes the folder, making it if it is not there.
    init(folder: String) throws(AgentError) {
        self.folder = folder
        do {
            try FileTree.createDirectories(folder, permissions: 0o750)
        } catch {
            throw .folder(error)
        }
        do {
            lock = try DirectoryLock(folder)
        } catch {
            throw error.errno == EWOULDBLOCK ? .folderInUse(folder) : .folder(error)
        }
    }

    /// Removes what agents that were killed have left.
    func removeStale() throws(FileError) {
        for name in try FileTree.children(of: folder) where Self.isOurs(name) {
            try remove(folder + "/" + name)
        }
    }

    /// Writes the configuration of an epoch.
    func write(_ json: [UInt8], epoch: Int) throws(FileError) {
        let file = try AtomicFile(target: path(epoch), permissions: Self.permissions)
        try file.write(json)
        // Made again at every start: nothing of it has to survive a power cut.
        try file.commit(.none)
    }

    /// Removes the configuration of an epoch; it may be gone already.
    func remove(epoch: Int) throws(FileError) { try remove(path(epoch)) }

    private func remove(_ path: String) throws(FileError) {
        do throws(FileError) {
            try FileTree.remove(path)
        } catch  where error.errno == ENOENT {
            // Somebody else has tidied up.
        }
    }

    private func path(_ epoch: Int) -> String {
        folder + "/" + EnvoyCommand.configurationFileName(epoch: epoch)
    }

    /// `envoy-rev<number>.json`, or the temporary file of one.
    private static func isOurs(_ name: String) -> Bool {
        var rest = name.utf8[...]
        if rest.first == UInt8(ascii: ".") { rest = rest.dropFirst() }
        guard rest.starts(with: "envoy-rev".utf8) else { return false }
        let tail = rest.dropFirst(9).drop(while: Ascii.isDigit)
        guard tail.count < rest.count - 9 else { return false }
        let isTemporary = name.utf8.first == UInt8(ascii: ".")
        guard tail.starts(with: ".json".utf8) else { return false }
        return isTemporary ? tail.suffix(4).elementsEqual(".tmp".utf8) : tail.count == 5
    }
}
