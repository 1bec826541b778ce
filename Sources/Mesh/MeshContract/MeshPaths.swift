/// Where things are on a mesh machine. Programs and people outside this project rely on every one of them.
public enum MeshPaths {
    /// Envoy, started by pilot-agent.
    public static let envoy = "/usr/local/bin/envoy"
    /// The sidecar's agent.
    public static let pilotAgent = "/usr/local/bin/pilot-agent"
    /// The certificate agent.
    public static let nodeAgent = "/usr/local/istio/bin/node_agent"
    /// What istio.service starts.
    public static let startScript = "/usr/local/bin/istio-start.sh"
    /// What sets up interception.
    public static let iptablesScript = "/usr/local/bin/istio-iptables.sh"
    /// What the cluster says of itself: ISTIO_SERVICE_CIDR and the like.
    public static let clusterEnvironment = "/var/lib/istio/envoy/cluster.env"
    /// What the machine says of itself; it wins over the cluster's file.
    public static let sidecarEnvironment = "/var/lib/istio/envoy/sidecar.env"
    /// The bootstrap for a machine without a control plane.
    public static let fallbackBootstrap = "/var/lib/istio/envoy/envoy.json"
    /// Names of the cluster, for dnsmasq(8).
    public static let kubeDNS = "/etc/dnsmasq.d/kubedns"
    /// The directory of the workload's certificates.
    public static let certificates = "/etc/certs"
    /// The private key.
    public static let key = "/etc/certs/key.pem"
    /// The leaf certificate and those between it and the root.
    public static let certificateChain = "/etc/certs/cert-chain.pem"
    /// The certificates that peers are trusted by.
    public static let rootCertificate = "/etc/certs/root-cert.pem"
    /// Where pilot-agent writes `envoy-rev<epoch>.json`.
    public static let proxyConfiguration = "/etc/istio/proxy"
    /// Home of the user, target of the link `/etc/istio`.
    public static let home = "/var/lib/istio"
    /// Logs.
    public static let logs = "/var/log/istio"
    /// What pilot-agent writes to its standard output.
    public static let istioLog = "/var/log/istio/istio.log"
}

/// User, units and names that the packages bring.
public enum MeshNames {
    /// The system user and group of both agents and of Envoy.
    public static let user = "istio-proxy"
    /// The unit of the sidecar.
    public static let istioUnit = "istio.service"
    /// The unit of the certificate agent.
    public static let nodeAgentUnit = "istio-auth-node-agent.service"
    /// The name in the CA's certificate, and so the name to dial.
    public static let certificateAuthority = "istio-ca"
    /// The packages in the order of installation.
    public static let packages = MeshPackage.all.map(\.name)
}

/// TCP ports of the mesh.
public enum MeshPorts {
    /// Envoy's admin interface, on loopback only.
    public static let envoyAdmin = 15000
    /// Where intercepted connections arrive.
    public static let envoyInterception = 15001
    /// Pilot's discovery service.
    public static let pilot = 8080
    /// Pilot's aggregated discovery over gRPC, without TLS, of later systems.
    public static let pilotADS = 15010
    /// Mixer.
    public static let mixer = 9091
    /// The certificate authority.
    public static let certificateAuthority = 8060
    /// The cluster's DNS.
    public static let dns = 53
}
