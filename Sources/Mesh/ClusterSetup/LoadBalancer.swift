import Platform

/// The internal load balancers through which hosts reach the control plane.
public enum LoadBalancer: String, Sendable, Hashable, CaseIterable {
    case pilot = "istio-pilot-ilb"
    case mixer = "mixer-ilb"
    case authority = "istio-ca-ilb"
    case names = "dns-ilb"

    /// What people call it.
    public var title: String {
        switch self {
        case .pilot: "Pilot"
        case .mixer: "Mixer"
        case .authority: "the certificate authority"
        case .names: "the cluster's DNS"
        }
    }

    /// The port.
    public var port: Int {
        switch self {
        case .pilot: 8080
        case .mixer: 9091
        case .authority: 8060
        case .names: 53
        }
    }

    /// Whether it is UDP.
    public var isDatagram: Bool { self == .names }

    /// The label of the pods behind it.
    var selector: (name: String, value: String) {
        switch self {
        case .pilot: ("istio", "pilot")
        case .mixer: ("istio", "mixer")
        case .authority: ("istio", "istio-ca")
        case .names: ("k8s-app", "kube-dns")
        }
    }

    /// Where it has to be: beside the pods that it leads to. The DNS of the cluster is in kube-system whatever the
    /// namespace of the control plane.
    public func namespace(controlPlane: String) -> String { self == .names ? "kube-system" : controlPlane }
}

/// Who makes load balancers, which decides how an internal one is asked for.
public enum Cloud: String, Sendable, Hashable, CaseIterable {
    case gke, aws, azure, openstack, metallb, none

    /// Annotations that keep a load balancer inside of the network.
    var annotations: [(name: String, value: String)] {
        switch self {
        case .gke:
            // The second one is for clusters before 1.17.
            [
                ("networking.gke.io/load-balancer-type", "Internal"),
                ("cloud.google.com/load-balancer-type", "Internal"),
            ]
        case .aws:
            // Classic load balancers have no UDP.
            [
                ("service.beta.kubernetes.io/aws-load-balancer-internal", "true"),
                ("service.beta.kubernetes.io/aws-load-balancer-type", "nlb"),
            ]
        case .azure: [("service.beta.kubernetes.io/azure-load-balancer-internal", "true")]
        case .openstack: [("service.beta.kubernetes.io/openstack-internal-load-balancer", "true")]
        // Both give addresses of pools that the administrator has made.
        case .metallb, .none: []
        }
    }
}

/// The four load balancers as YAML.
public enum LoadBalancerManifest {
    /// A document each.
    public static func text(cloud: Cloud, controlPlane: String) -> String {
        LoadBalancer.allCases.map { document($0, cloud, controlPlane) }.joined(separator: "---\n")
    }

    private static func document(_ balancer: LoadBalancer, _ cloud: Cloud, _ controlPlane: String) -> String {
        let selector = balancer.selector
        var lines = [
            "# \(balancer.title), for hosts outside of the cluster", "apiVersion: v1", "kind: Service", "metadata:",
            "  name: \(balancer.rawValue)", "  namespace: \(balancer.namespace(controlPlane: controlPlane))",
            "  labels:",
            "    \(selector.name): \(selector.value)",
        ]
        if !cloud.annotations.isEmpty {
            lines.append("  annotations:")
            lines += cloud.annotations.map { "    \($0.name): \"\($0.value)\"" }
        }
        lines += [
            "spec:", "  type: LoadBalancer", "  ports:", "    - port: \(balancer.port)",
            "      protocol: \(balancer.isDatagram ? "UDP" : "TCP")", "  selector:",
            "    \(selector.name): \(selector.value)",
        ]
        return lines.map { $0 + "\n" }.joined()
    }
}

extension Kubectl {
    /// Applies the manifests.
    ///
    /// - Returns: what kubectl says of each.
    public func applyManifests(_ text: String) async throws(ClusterProblem) -> String {
        try await apply(Array(text.utf8), for: "make the load balancers")
    }
}

/// The addresses of the load balancers.
public struct BalancerAddresses: Sendable, Hashable {
    /// An address, and the host name that it was looked up by where the cloud gives only that.
    public struct Entry: Sendable, Hashable {
        /// The address.
        public var address: IPAddress
        /// The host name; nil when the cloud gives the address itself.
        public var hostName: String?
    }

    /// All four.
    public var entries: [LoadBalancer: Entry]

    /// Waits until all have an address.
    ///
    /// - Parameter progress: called when something has changed, with words for people.
    public static func wait(
        _ kubectl: Kubectl, controlPlane: String, limit: Duration, progress: @Sendable (String) -> Void
    ) async throws(ClusterProblem) -> BalancerAddresses {
        let deadline = ContinuousClock.now + limit
        var entries: [LoadBalancer: Entry] = [:]
        var told: [LoadBalancer: String] = [:]
        while true {
            var found: [String] = []
            for balancer in LoadBalancer.allCases where entries[balancer] == nil {
                switch try await look(kubectl, balancer, controlPlane) {
                case .success(let entry):
                    entries[balancer] = entry
                    progress("\(balancer.rawValue): \(entry.address)" + (entry.hostName.map { " (\($0))" } ?? ""))
                case .failure(let lack):
                    found.append("\(balancer.rawValue) \(lack.text)")
                    if told.updateValue(lack.text, forKey: balancer) != lack.text {
                        progress("\(balancer.rawValue) \(lack.text)")
                    }
                }
            }
            if entries.count == LoadBalancer.allCases.count { return BalancerAddresses(entries: entries) }
            if ContinuousClock.now >= deadline {
                throw ClusterProblem(
                    .late, "learn the addresses of the load balancers",
                    found: "after \(limit.components.seconds) s " + found.joined(separator: ", "),
                    remedy:
                        "make them with 'meshex manifests --apply', and see why one gets none: kubectl describe service"
                )
            }
            do {
                try await Task.sleep(for: .seconds(2))
            } catch {
                throw ClusterProblem(
                    .late, "wait for the load balancers", found: "it was interrupted", remedy: "run it again")
            }
        }
    }

    /// The address of one, as it is now.
    static func one(
        _ kubectl: Kubectl, _ balancer: LoadBalancer, controlPlane: String
    ) async throws(ClusterProblem) -> Entry {
        switch try await look(kubectl, balancer, controlPlane) {
        case .success(let entry): return entry
        case .failure(let lack):
            throw ClusterProblem(
                .state, "learn the address of \(balancer.rawValue)", found: "it " + lack.text,
                remedy: "make it with 'meshex manifests --apply'; kubectl describe service \(balancer.rawValue)")
        }
    }

    private struct Lack: Error {
        var text: String
    }

    /// The address of a name, IPv4 if it has one.
    private static func address(of name: String) async -> IPAddress? {
        do throws(HostLookup.Failure) {
            let all = try await HostLookup.addresses(of: name, limit: .seconds(30)).map(\.address)
            return all.first { $0.bitWidth == 32 } ?? all.first
        } catch {
            return nil
        }
    }

    private static func look(
        _ kubectl: Kubectl, _ balancer: LoadBalancer, _ controlPlane: String
    ) async throws(ClusterProblem) -> Result<Entry, Lack> {
        let namespace = balancer.namespace(controlPlane: controlPlane)
        guard let service = try await kubectl.object(ServiceObject.self, "service", balancer.rawValue, in: namespace)
        else {
            return .failure(Lack(text: "is not in \(namespace)"))
        }
        for ingress in service.status?.loadBalancer?.ingress ?? [] {
            if let text = ingress.ip, let address = IPAddress(text) {
                return .success(Entry(address: address, hostName: nil))
            }
            if let name = ingress.hostname, !name.isEmpty {
                // dnsmasq takes addresses alone, so the name is looked up here.
                guard let address = await Self.address(of: name) else {
                    return .failure(Lack(text: "has the host name \(name), which does not resolve here"))
                }
                return .success(Entry(address: address, hostName: name))
            }
        }
        return .failure(Lack(text: "has no address yet"))
    }
}
