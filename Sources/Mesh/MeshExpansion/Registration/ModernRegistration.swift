import MeshContract
import Platform

/// The same for a mesh of today: a WorkloadEntry for the machine and a ServiceEntry for the service
/// (networking.istio.io/v1).
extension Registration {
    private struct Metadata: Encodable {
        var name: String
        var namespace: String
        var labels: [String: String]?
    }
    private struct Entry<Spec: Encodable>: Encodable {
        var apiVersion = "networking.istio.io/v1"
        var kind: String
        var metadata: Metadata
        var spec: Spec
    }
    private struct Workload: Encodable {
        var address: String
        var labels: [String: String]
        var ports: [String: Int]
        var serviceAccount: String
    }
    private struct Service: Encodable {
        struct Port: Encodable {
            var name: String
            var number: Int
            var `protocol`: String
        }
        struct Selector: Encodable {
            var labels: [String: String]
        }
        var hosts: [String]
        var location = "MESH_INTERNAL"
        var ports: [Port]
        var resolution = "STATIC"
        var workloadSelector: Selector
    }

    private func name(_ address: IPAddress) -> String {
        let digits = address.description.utf8.map { "0123456789abcdef".utf8.contains($0) ? $0 : UInt8(ascii: "-") }
        return "\(service)-" + String(decoding: digits, as: UTF8.self)
    }

    /// Both objects as JSON, the ServiceEntry first.
    func modernObjects(_ address: IPAddress, ports: [PortDeclaration]) throws(ExpansionProblem) -> [[UInt8]] {
        let selector = labels.merging(["app": service]) { own, _ in own }
        let entry = Entry(
            kind: "ServiceEntry",
            metadata: .init(name: service, namespace: namespace, labels: labels.isEmpty ? nil : labels),
            spec: Service(
                hosts: ["\(service).\(namespace).svc.cluster.local"],
                ports: ports.map { .init(name: $0.name, number: $0.number, protocol: $0.protocolName) },
                workloadSelector: .init(labels: ["app": selector["app"] ?? service])))
        let workload = Entry(
            kind: "WorkloadEntry", metadata: .init(name: name(address), namespace: namespace, labels: nil),
            spec: Workload(
                address: address.description, labels: selector,
                ports: Dictionary(ports.map { ($0.name, $0.number) }, uniquingKeysWith: { first, _ in first }),
                serviceAccount: account))
        return [try Self.json(entry), try Self.json(workload)]
    }

    /// Registers with entries in place of a Service and Endpoints.
    public func registerModern(
        _ address: IPAddress, ports: [PortDeclaration], _ kubectl: Kubectl
    ) async throws(ExpansionProblem) -> [String] {
        let attempt = "register \(address) for \(service) in \(namespace)"
        var changes: [String] = []
        for object in try modernObjects(address, ports: ports) {
            changes.append(try await kubectl.apply(object, for: attempt))
        }
        return changes
    }

    /// Takes the machine's WorkloadEntry away.
    public func deregisterModern(_ address: IPAddress, _ kubectl: Kubectl) async throws(ExpansionProblem) -> [String] {
        let attempt = "deregister \(address) from \(service) in \(namespace)"
        let answer = try await kubectl.call(
            [
                "delete", "workloadentries.networking.istio.io", name(address), "--namespace", namespace,
                "--ignore-not-found",
            ], for: attempt)
        guard answer.isSuccess else { throw kubectl.problem(answer, attempt) }
        return answer.output.isEmpty ? [] : [String(decoding: answer.output, as: UTF8.self)]
    }
}
