import MeshContract

/// The internal load balancers through which machines reach the control plane.
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
            "# \(balancer.title), for machines outside of the cluster", "apiVersion: v1", "kind: Service", "metadata:",
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
    public func applyManifests(_ text: String) async throws(ExpansionProblem) -> String {
        try await apply(Array(text.utf8), for: "make the load balancers")
    }
}
