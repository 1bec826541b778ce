import FoundationEssentials
import Glibc
import MeshContract
import Platform
import Processes

/// What makes a host find the cluster's names.
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
                "# \(balancer.rawValue): \(entry.address) was the address of \(name) on \(date); make this file again when it changes"
        }
    }
}

/// The range of the cluster's service addresses (ISTIO_SERVICE_CIDR).
public enum ServiceRange {
    /// An address that no cluster serves: it belongs to somebody else.
    private static let impossible = "1.1.1.1"
    private static let mark = "valid IPs is "

    /// Asks the API server: it refuses a Service with an impossible address and names the valid range.
    ///
    /// First as a dry run. Older servers (1.20 does) leave addresses out of those; the second request is then meant, and
    /// what it should make in spite of the address is deleted again.
    public static func ask(_ kubectl: Kubectl) async throws(ClusterProblem) -> [CIDR] {
        var answer = try await probe(kubectl, query: "?dryRun=All")
        if answer.isSuccess { answer = try await probe(kubectl, query: "") }
        if answer.isSuccess { try await remove(answer, kubectl) }
        if let ranges = ranges(in: answer.errors) { return ranges }
        if answer.reason == "Forbidden" || answer.reason == "Unauthorized" { throw kubectl.problem(answer, attempt) }
        throw ClusterProblem(
            .state, attempt, found: "an answer without a range (\(DisplayText.shortened(answer.errors, to: 200)))",
            remedy: "give it by hand: meshex cluster-env --cidr RANGE (kube-apiserver's --service-cluster-ip-range)")
    }

    private static let attempt = "learn the range of service addresses"

    private static func probe(_ kubectl: Kubectl, query: String) async throws(ClusterProblem) -> Kubectl.Answer {
        let service = """
            {"apiVersion":"v1","kind":"Service","metadata":{"generateName":"cidr-probe-","namespace":"default"},\
            "spec":{"clusterIP":"\(impossible)","ports":[{"port":443,"protocol":"TCP"}]}}
            """
        return try await kubectl.call(
            // --dry-run=server would fetch the API's whole description first, to see whether it is obeyed.
            ["create", "--raw", "/api/v1/namespaces/default/services" + query, "--filename", "-"],
            input: Array(service.utf8), for: attempt)
    }

    private static func remove(_ made: Kubectl.Answer, _ kubectl: Kubectl) async throws(ClusterProblem) {
        struct Service: Decodable {
            struct Metadata: Decodable { var name: String }
            var metadata: Metadata
        }
        let name: String
        do {
            name = try JSONDecoder().decode(Service.self, from: Data(made.output)).metadata.name
        } catch {
            throw ClusterProblem(
                .state, attempt, found: "a Service with the address \(impossible), whose name is not in the answer",
                remedy: "look for it and delete it: kubectl get services --namespace default")
        }
        let deleted = try await kubectl.call(["delete", "service", name, "--namespace", "default"], for: attempt)
        guard !deleted.isSuccess else { return }
        throw ClusterProblem(
            .state, attempt, found: "the Service \(name) with the address \(impossible) stays in the cluster",
            remedy: "delete it: kubectl delete service \(name) --namespace default")
    }

    /// The ranges that an answer names; nil for none. All that makes the answer of API servers from 1.8 to 1.33 is the
    /// words "The range of valid IPs is" in front of them; what follows has to be a range.
    static func ranges(in text: String) -> [CIDR]? {
        guard let start = text.utf8.firstRange(of: mark.utf8) else { return nil }
        let words = text[start.upperBound...].prefix { !$0.isNewline }.split { $0 == "," || $0 == " " }
        var ranges: [CIDR] = []
        for word in words {
            // A sentence's punctuation may stand around it.
            let digits = word.drop { $0.isPunctuation && $0 != ":" }
            guard let range = CIDR(digits.last?.isPunctuation == true ? digits.dropLast() : digits) else { break }
            ranges.append(range)
        }
        return ranges.isEmpty ? nil : ranges
    }

    /// Asks gcloud(1) for a cluster of Google's.
    ///
    /// - Parameter options: the user's own (GCP_OPTS), such as `--zone` and its value.
    public static func askGoogle(cluster: String, options: [String]) async throws(ClusterProblem) -> [CIDR]? {
        guard let path = ExecutablePath.find("gcloud") else { return nil }
        let attempt = "ask gcloud for the cluster \(cluster)"
        do throws(ProcessError) {
            let result = try await ChildProcess.run(
                SpawnOptions(
                    executable: path,
                    arguments: ["container", "clusters", "describe", cluster, "--format=value(servicesIpv4Cidr)"]
                        + options),
                limits: RunLimits(time: .seconds(60)))
            let text = String(decoding: result.standardOutput, as: UTF8.self)
            if result.status.isSuccess, let range = CIDR(text.prefix { !$0.isWhitespace }) {
                return [range]
            }
            throw ProcessError(step: .execute, subject: path, errno: EIO)
        } catch {
            throw ClusterProblem(
                .state, attempt, found: "no range",
                remedy: "run it by hand: gcloud container clusters describe \(cluster)")
        }
    }

    /// cluster.env for ranges.
    public static func file(_ ranges: [CIDR]) -> String {
        "ISTIO_SERVICE_CIDR=" + ranges.map(\.description).joined(separator: ",") + "\n"
    }
}
