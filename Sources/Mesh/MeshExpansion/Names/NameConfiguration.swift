import MeshContract

/// What makes a machine find the cluster's names.
public struct NameConfiguration: Sendable {
    /// Who answers there.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// dnsmasq(8): `/etc/dnsmasq.d/kubedns`.
        case dnsmasq
        /// systemd-resolved(8): a file of resolved.conf.d(5); the control plane's own names go to hosts(5).
        case resolved = "systemd-resolved"
        /// hosts(5): the control plane's names alone.
        case hosts
    }

    /// The addresses.
    public var addresses: BalancerAddresses
    /// The control plane's namespace.
    public var namespace: String
    /// When the addresses were looked up, as people read it.
    public var date: String

    /// Creates a configuration.
    public init(addresses: BalancerAddresses, namespace: String, date: String) {
        self.addresses = addresses
        self.namespace = namespace
        self.date = date
    }

    private static let names: [(balancer: LoadBalancer, name: String)] = [
        (.mixer, "istio-mixer"), (.pilot, "istio-pilot"), (.authority, "istio-ca"),
    ]

    /// The file.
    public func text(_ format: Format) -> String {
        var lines = remarks
        let server = addresses.entries[.names]?.address
        switch format {
        case .dnsmasq:
            if let server { lines.append("server=/\(KubeDNSFile.clusterDomain)/\(server)") }
            for suffix in ["", ".\(namespace)"] {
                for (balancer, name) in Self.names {
                    guard let entry = addresses.entries[balancer] else { continue }
                    lines.append("address=/\(name)\(suffix)/\(entry.address)")
                }
            }
        case .resolved:
            lines.append("# The control plane's own names are for /etc/hosts: meshex dnsmasq --format hosts")
            lines.append("[Resolve]")
            if let server { lines.append("DNS=\(server)") }
            lines.append("Domains=~\(KubeDNSFile.clusterDomain)")
        case .hosts:
            for (balancer, name) in Self.names {
                guard let entry = addresses.entries[balancer] else { continue }
                lines.append("\(entry.address) \(name) \(name).\(namespace)")
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Addresses that were looked up by a name change without notice.
    private var remarks: [String] {
        LoadBalancer.allCases.compactMap { balancer in
            guard let entry = addresses.entries[balancer], let name = entry.hostName else { return nil }
            return
                "# \(balancer.rawValue): \(entry.address) was the address of \(name) on \(date); make this file anew when it changes"
        }
    }
}
