/// Where the mesh contract has the files of the three packages, and what belongs to the administrator.
enum MeshContractPaths {
    /// A file that a package has to ship.
    struct RequiredFile: Sendable {
        var path: String
        var permissions: UInt16
        var isConffile = false
    }

    /// One of the three packages.
    struct Package: Sendable {
        var name: String
        var files: [RequiredFile]
        var unit: String?
    }

    static let packages = [
        Package(
            name: "istio-proxy",
            files: [
                RequiredFile(path: "/usr/local/bin/envoy", permissions: 0o755),
                RequiredFile(path: "/usr/local/bin/istio-start.sh", permissions: 0o755),
                RequiredFile(path: "/usr/local/bin/istio-iptables.sh", permissions: 0o755),
                RequiredFile(path: "/var/lib/istio/envoy/envoy.json", permissions: 0o644),
                RequiredFile(path: "/var/lib/istio/envoy/sidecar.env", permissions: 0o644, isConffile: true),
                RequiredFile(path: "/lib/systemd/system/istio.service", permissions: 0o644),
            ], unit: "istio.service"),
        Package(
            name: "istio-agent", files: [RequiredFile(path: "/usr/local/bin/pilot-agent", permissions: 0o755)],
            unit: nil),
        Package(
            name: "istio-auth-node-agent",
            files: [
                RequiredFile(path: "/usr/local/istio/bin/node_agent", permissions: 0o755),
                RequiredFile(path: "/lib/systemd/system/istio-auth-node-agent.service", permissions: 0o644),
            ], unit: "istio-auth-node-agent.service"),
    ]

    /// The user that runs the mesh.
    static let user = "istio-proxy"
    /// Where certificates are copied to.
    static let certificates = "/etc/certs"
    /// Where the env files are that root's scripts read; who owns the folder above can put another in its place.
    static let environmentDirectories: Set<String> = ["/var/lib/istio", "/var/lib/istio/envoy"]
    /// Files that the administrator copies to the machine.
    static let administratorsFiles: Set<String> = [
        "/var/lib/istio/envoy/cluster.env", "/etc/istio/envoy/cluster.env", "/etc/dnsmasq.d/kubedns",
    ]

    static func isContractual(_ path: String) -> Bool {
        packages.contains { $0.files.contains { $0.path == path } }
    }

    static func package(_ name: String) -> Package? { packages.first { $0.name == name } }
}

extension LintSubject {
    /// Units that run a part of the mesh.
    var meshUnits: [UnitFile] { units.filter { isMeshSidecar($0) || isNodeAgent($0) } }

    func isMeshSidecar(_ unit: UnitFile) -> Bool {
        unit.name == "istio.service"
            || unit.programs.contains { ["envoy", "pilot-agent", "istio-start.sh"].contains($0) }
    }

    func isNodeAgent(_ unit: UnitFile) -> Bool {
        unit.name == "istio-auth-node-agent.service" || unit.programs.contains("node_agent")
    }
}

extension UnitFile {
    /// The names of the programs that `ExecStart` runs, without their folders.
    var programs: [String] {
        values("Service", "ExecStart").compactMap { value in
            UnitFile.words(ofCommand: value).first.flatMap { $0.split(separator: "/").last.map(String.init) }
        }
    }
}
