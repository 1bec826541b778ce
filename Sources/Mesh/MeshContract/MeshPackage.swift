/// One of the packages of a mesh machine, with the files that programs and people outside this project rely on.
public struct MeshPackage: Sendable, Hashable {
    /// A file that the package ships.
    public struct File: Sendable, Hashable {
        /// Where it is installed.
        public let path: String
        /// Twelve permission bits.
        public let permissions: UInt16
        /// Whether the administrator edits it, so that an upgrade must keep it.
        public var isConffile = false
    }

    /// The package's name.
    public let name: String
    /// The files of the contract; the package may ship others.
    public let files: [File]

    /// The sidecar's agent.
    public static let agent = MeshPackage(
        name: "istio-agent", files: [File(path: MeshPaths.pilotAgent, permissions: 0o755)])

    /// Envoy, interception and the sidecar's unit.
    public static let proxy = MeshPackage(
        name: "istio-proxy",
        files: [
            File(path: MeshPaths.envoy, permissions: 0o755), File(path: MeshPaths.startScript, permissions: 0o755),
            File(path: MeshPaths.iptablesScript, permissions: 0o755),
            File(path: MeshPaths.fallbackBootstrap, permissions: 0o644),
            File(path: MeshPaths.sidecarEnvironment, permissions: 0o644, isConffile: true),
            File(path: MeshPaths.unitPath(MeshNames.istioUnit), permissions: 0o644),
        ])

    /// The certificate agent and its unit.
    public static let nodeAgent = MeshPackage(
        name: "istio-auth-node-agent",
        files: [
            File(path: MeshPaths.nodeAgent, permissions: 0o755),
            File(path: MeshPaths.unitPath(MeshNames.nodeAgentUnit), permissions: 0o644),
        ])

    /// All of them in the order of installation.
    public static let all = [agent, proxy, nodeAgent]

    /// The package of earlier releases that had agent and proxy in one.
    public static let earlierSidecar = "istio-sidecar"
}

extension MeshPaths {
    /// Where units are installed.
    public static func unitPath(_ name: String) -> String { "/lib/systemd/system/" + name }
    /// The folder of the files that root's scripts read.
    public static let environmentFolder = "/var/lib/istio/envoy"
    /// Files that the administrator copies to the host, beside those in ``certificates``.
    public static let administratorsFiles = [clusterEnvironment, "/etc/istio/envoy/cluster.env", kubeDNS]
}
