import FoundationEssentials
import MeshContract
import Platform

/// A service of machines in the cluster's registry: a Service without a selector, and Endpoints of its name.
public struct Registration: Sendable {
    private static let accounts = "alpha.istio.io/kubernetes-serviceaccounts"

    /// The service.
    public var service: String
    /// Its namespace.
    public var namespace: String
    /// The service account of the machines.
    public var account: String
    /// Labels for both objects.
    public var labels: [String: String]

    /// Creates a registration.
    public init(service: String, namespace: String, account: String = "default", labels: [String: String] = [:]) {
        self.service = service
        self.namespace = namespace
        self.account = account
        self.labels = labels
    }

    /// Adds a machine's address.
    ///
    /// - Returns: what was changed, a line each; nothing when all was so already.
    public func register(
        _ address: IPAddress, ports: [PortDeclaration], _ kubectl: Kubectl
    ) async throws(ExpansionProblem) -> [String] {
        let attempt = "register \(address) for \(service) in \(namespace)"
        let doubled = Dictionary(grouping: ports, by: \.name).filter { $0.value.count > 1 }.keys.sorted()
        if let name = doubled.first {
            throw ExpansionProblem(
                .input, attempt, found: "two ports are named '\(name)'", remedy: "name them: NAME:PORT")
        }
        var changes: [String] = []
        let present = try await kubectl.object(ServiceObject.self, "service", service, in: namespace)
        let merged = try merged(present, ports, attempt)
        if merged != present?.spec.ports || present?.metadata.annotations?[Self.accounts] != account {
            changes.append(try await kubectl.apply(serviceJSON(merged), for: attempt))
        }
        let known = try await kubectl.object(EndpointsObject.self, "endpoints", service, in: namespace)
        var endpoints = known ?? EndpointsObject(metadata: .init(name: service, namespace: namespace))
        guard Self.add(address, ports, to: &endpoints) || known == nil else { return changes }
        endpoints.metadata.labels = (endpoints.metadata.labels ?? [:]).merging(labels) { $1 }
        endpoints.metadata.annotations = (endpoints.metadata.annotations ?? [:]).merging([Self.accounts: account]) {
            $1
        }
        changes.append(try await write(endpoints, isNew: known == nil, kubectl, attempt))
        return changes
    }

    /// Takes a machine's address away. The Service stays, for the others.
    ///
    /// - Returns: what was changed, a line each; nothing when it was not registered.
    public func deregister(_ address: IPAddress, _ kubectl: Kubectl) async throws(ExpansionProblem) -> [String] {
        let attempt = "deregister \(address) from \(service) in \(namespace)"
        guard var endpoints = try await kubectl.object(EndpointsObject.self, "endpoints", service, in: namespace) else {
            throw ExpansionProblem(
                .state, attempt, found: "there are no endpoints \(service)",
                remedy: "see what there is: kubectl get endpoints --namespace \(namespace)")
        }
        guard Self.remove(address, from: &endpoints) else { return [] }
        return [try await write(endpoints, isNew: false, kubectl, attempt)]
    }

    /// The ports of the Service with those that are missing; one that is there has to mean the same.
    private func merged(
        _ present: ServiceObject?, _ ports: [PortDeclaration], _ attempt: String
    ) throws(ExpansionProblem) -> [ServicePort] {
        if let selector = present?.spec.selector, !selector.isEmpty {
            throw ExpansionProblem(
                .state, attempt,
                found:
                    "the service selects pods (\(selector.map { "\($0)=\($1)" }.sorted().joined(separator: ","))), so the "
                    + "cluster writes its endpoints",
                remedy: "take another name for the service of machines")
        }
        var all = present?.spec.ports ?? []
        for port in ports {
            if let same = all.first(where: { $0.name == port.name || $0.port == port.number }) {
                guard same.name == port.name, same.port == port.number, (same.protocol ?? "TCP") == "TCP" else {
                    throw ExpansionProblem(
                        .state, attempt,
                        found:
                            "the service has the port \(same.name ?? "")\(same.name == nil ? "" : ":")\(same.port), expected "
                            + "\(port)", remedy: "give the port as the service has it, or take another service")
                }
            } else {
                all.append(
                    ServicePort(name: port.name, port: port.number, protocol: "TCP", targetPort: .number(port.number)))
            }
        }
        return all
    }

    private func serviceJSON(_ ports: [ServicePort]) throws(ExpansionProblem) -> [UInt8] {
        struct Object: Encodable {
            struct Metadata: Encodable {
                var name: String
                var namespace: String
                var labels: [String: String]?
                var annotations: [String: String]
            }
            struct Spec: Encodable {
                var ports: [ServicePort]
            }
            var apiVersion = "v1"
            var kind = "Service"
            var metadata: Metadata
            var spec: Spec
        }
        return try Self.json(
            Object(
                metadata: .init(
                    name: service, namespace: namespace, labels: labels.isEmpty ? nil : labels,
                    annotations: [Self.accounts: account]), spec: .init(ports: ports)))
    }

    /// What is there is replaced as a whole, so that addresses can go; the version that was read makes the API server
    /// refuse what somebody else has changed meanwhile.
    private func write(
        _ endpoints: EndpointsObject, isNew: Bool, _ kubectl: Kubectl, _ attempt: String
    ) async throws(ExpansionProblem) -> String {
        let verb = isNew ? "create" : "replace"
        let answer = try await kubectl.call(
            [verb, "--validate=false", "--filename", "-"], input: try Self.json(endpoints), for: attempt)
        guard answer.isSuccess else { throw kubectl.problem(answer, attempt) }
        return String(decoding: answer.output, as: UTF8.self)
    }

    static func json(_ object: some Encodable) throws(ExpansionProblem) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(object))
        } catch {
            throw ExpansionProblem(
                .machine, "write JSON", found: "\(error)", remedy: "report this as a fault of meshex")
        }
    }

    /// Adds an address to the subset of these ports; false when it is there.
    static func add(_ address: IPAddress, _ ports: [PortDeclaration], to endpoints: inout EndpointsObject) -> Bool {
        let wanted = ports.map { EndpointsObject.Port(name: $0.name, port: $0.number, protocol: "TCP") }
        var subsets = endpoints.subsets ?? []
        let text = address.description
        // An address of other ports before gets these as well, and is nowhere twice.
        let place = subsets.firstIndex { Set($0.ports ?? []) == Set(wanted) }
        if let place {
            guard !(subsets[place].addresses ?? []).contains(where: { $0.ip == text }) else { return false }
            subsets[place].addresses = (subsets[place].addresses ?? []) + [.init(ip: text)]
        } else {
            subsets.append(.init(addresses: [.init(ip: text)], ports: wanted))
        }
        endpoints.subsets = subsets
        return true
    }

    /// Takes an address out of all subsets; false when it is in none.
    static func remove(_ address: IPAddress, from endpoints: inout EndpointsObject) -> Bool {
        let text = address.description
        let before = endpoints.subsets ?? []
        let after = before.compactMap { subset -> EndpointsObject.Subset? in
            var subset = subset
            subset.addresses = (subset.addresses ?? []).filter { $0.ip != text }
            subset.notReadyAddresses = subset.notReadyAddresses?.filter { $0.ip != text }
            let isEmpty = (subset.addresses ?? []).isEmpty && (subset.notReadyAddresses ?? []).isEmpty
            return isEmpty ? nil : subset
        }
        endpoints.subsets = after
        return after != before
    }
}
