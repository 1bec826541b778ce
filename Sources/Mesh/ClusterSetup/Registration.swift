import FoundationEssentials
import Platform

/// A service of hosts in the cluster's registry: a Service without a selector, and Endpoints of its name.
public struct Registration: Sendable {
    private static let accounts = "alpha.istio.io/kubernetes-serviceaccounts"

    /// The service.
    public var service: String
    /// Its namespace.
    public var namespace: String
    /// The service account of the hosts.
    public var account: String
    /// Labels for both objects.
    public var labels: [String: String]
    /// Annotations for both objects, beside that of the account.
    public var annotations: [String: String]

    /// Creates a registration.
    public init(
        service: String, namespace: String, account: String = "default", labels: [String: String] = [:],
        annotations: [String: String] = [:]
    ) {
        self.service = service
        self.namespace = namespace
        self.account = account
        self.labels = labels
        self.annotations = annotations
    }

    private var allAnnotations: [String: String] { annotations.merging([Self.accounts: account]) { $1 } }

    /// Adds a host's address.
    ///
    /// - Returns: what was changed, one line per change; nothing when everything was in place.
    public func register(
        _ address: IPAddress, ports: [PortDeclaration], _ kubectl: Kubectl
    ) async throws(ClusterProblem) -> [String] {
        let attempt = "register \(address) for \(service) in \(namespace)"
        let doubled = Dictionary(grouping: ports, by: \.name).filter { $0.value.count > 1 }.keys.sorted()
        if let name = doubled.first {
            throw ClusterProblem(
                .input, attempt, found: "two ports are named '\(name)'", remedy: "name them: NAME:PORT")
        }
        var changes: [String] = []
        let present = try await kubectl.object(ServiceObject.self, "service", service, in: namespace)
        let merged = try merged(present, ports, attempt)
        let noted = present?.metadata.annotations ?? [:]
        if merged != present?.spec.ports || allAnnotations.contains(where: { noted[$0.key] != $0.value }) {
            changes.append(try await kubectl.apply(serviceJSON(merged), for: attempt))
        }
        let known = try await kubectl.object(EndpointsObject.self, "endpoints", service, in: namespace)
        var endpoints = known ?? EndpointsObject(metadata: .init(name: service, namespace: namespace))
        guard Self.add(address, ports, to: &endpoints) || known == nil else { return changes }
        endpoints.metadata.labels = (endpoints.metadata.labels ?? [:]).merging(labels) { $1 }
        endpoints.metadata.annotations = (endpoints.metadata.annotations ?? [:]).merging(allAnnotations) { $1 }
        changes.append(try await write(endpoints, isNew: known == nil, kubectl, attempt))
        return changes
    }

    /// Takes a host's address away. The Service stays, for the others.
    ///
    /// - Returns: what was changed, one line per change; nothing when it was not registered.
    public func deregister(_ address: IPAddress, _ kubectl: Kubectl) async throws(ClusterProblem) -> [String] {
        let attempt = "deregister \(address) from \(service) in \(namespace)"
        guard var endpoints = try await kubectl.object(EndpointsObject.self, "endpoints", service, in: namespace) else {
            throw ClusterProblem(
                .state, attempt, found: "there are no endpoints \(service)",
                remedy: "see what there is: kubectl get endpoints --namespace \(namespace)")
        }
        guard Self.remove(address, from: &endpoints) else { return [] }
        return [try await write(endpoints, isNew: false, kubectl, attempt)]
    }

    /// The ports of the Service with those that are missing; one that is there has to mean the same.
    private func merged(
        _ present: ServiceObject?, _ ports: [PortDeclaration], _ attempt: String
    ) throws(ClusterProblem) -> [ServiceObjectPort] {
        if let selector = present?.spec.selector, !selector.isEmpty {
            throw ClusterProblem(
                .state, attempt,
                found:
                    "the service selects pods (\(selector.map { "\($0)=\($1)" }.sorted().joined(separator: ","))), so the "
                    + "cluster writes its endpoints",
                remedy: "take another name for the service of hosts")
        }
        var all = present?.spec.ports ?? []
        for port in ports {
            if let same = all.first(where: { $0.name == port.name || $0.port == port.number }) {
                guard same.name == port.name, same.port == port.number, (same.protocol ?? "TCP") == "TCP" else {
                    throw ClusterProblem(
                        .state, attempt,
                        found:
                            "the service has the port \(same.name ?? "")\(same.name == nil ? "" : ":")\(same.port), expected "
                            + "\(port)", remedy: "give the port as the service has it, or take another service")
                }
            } else {
                all.append(
                    ServiceObjectPort(
                        name: port.name, port: port.number, protocol: "TCP", targetPort: .number(port.number)))
            }
        }
        return all
    }

    private func serviceJSON(_ ports: [ServiceObjectPort]) throws(ClusterProblem) -> [UInt8] {
        struct Object: Encodable {
            struct Metadata: Encodable {
                var name: String
                var namespace: String
                var labels: [String: String]?
                var annotations: [String: String]
            }
            struct Spec: Encodable {
                var ports: [ServiceObjectPort]
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
                    annotations: allAnnotations), spec: .init(ports: ports)))
    }

    /// What is there is replaced as a whole, so that addresses can go; the version that was read makes the API server
    /// refuse what somebody else has changed meanwhile.
    private func write(
        _ endpoints: EndpointsObject, isNew: Bool, _ kubectl: Kubectl, _ attempt: String
    ) async throws(ClusterProblem) -> String {
        let verb = isNew ? "create" : "replace"
        let answer = try await kubectl.call(
            [verb, "--validate=false", "--filename", "-"], input: try Self.json(endpoints), for: attempt)
        guard answer.isSuccess else { throw kubectl.problem(answer, attempt) }
        return String(decoding: answer.output, as: UTF8.self)
    }

    static func json(_ object: some Encodable) throws(ClusterProblem) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(object))
        } catch {
            throw ClusterProblem(
                .host, "write JSON", found: "\(error)", remedy: "report this as a bug of meshex")
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

/// The same for a mesh of today: a WorkloadEntry for the host and a ServiceEntry for the service
/// (networking.istio.io/v1).
extension Registration {
    private struct Metadata: Encodable {
        var name: String
        var namespace: String
        var labels: [String: String]?
        var annotations: [String: String]?
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
    func modernObjects(_ address: IPAddress, ports: [PortDeclaration]) throws(ClusterProblem) -> [[UInt8]] {
        let selector = labels.merging(["app": service]) { own, _ in own }
        let entry = Entry(
            kind: "ServiceEntry",
            metadata: .init(
                name: service, namespace: namespace, labels: labels.isEmpty ? nil : labels,
                annotations: annotations.isEmpty ? nil : annotations),
            spec: Service(
                hosts: ["\(service).\(namespace).svc.cluster.local"],
                ports: ports.map { .init(name: $0.name, number: $0.number, protocol: $0.protocolName) },
                workloadSelector: .init(labels: ["app": selector["app"] ?? service])))
        let workload = Entry(
            kind: "WorkloadEntry",
            metadata: .init(
                name: name(address), namespace: namespace, labels: nil,
                annotations: annotations.isEmpty ? nil : annotations),
            spec: Workload(
                address: address.description, labels: selector,
                ports: Dictionary(ports.map { ($0.name, $0.number) }, uniquingKeysWith: { first, _ in first }),
                serviceAccount: account))
        return [try Self.json(entry), try Self.json(workload)]
    }

    /// Registers with entries in place of a Service and Endpoints.
    public func registerModern(
        _ address: IPAddress, ports: [PortDeclaration], _ kubectl: Kubectl
    ) async throws(ClusterProblem) -> [String] {
        let attempt = "register \(address) for \(service) in \(namespace)"
        var changes: [String] = []
        for object in try modernObjects(address, ports: ports) {
            changes.append(try await kubectl.apply(object, for: attempt))
        }
        return changes
    }

    /// Takes the host's WorkloadEntry away.
    public func deregisterModern(_ address: IPAddress, _ kubectl: Kubectl) async throws(ClusterProblem) -> [String] {
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

/// A port as `istioctl register` takes it: `[NAME:]PORT`.
public struct PortDeclaration: Sendable, Hashable, CustomStringConvertible {
    /// The name, by which the mesh knows the protocol.
    public let name: String
    /// The number.
    public let number: Int

    /// Reads one; nil for anything else.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard parts.count <= 2, let last = parts.last, last.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(last), (1...65535).contains(number)
        else { return nil }
        if parts.count == 2 {
            guard Self.isName(parts[0]) else { return nil }
            name = parts[0]
        } else {
            name = Self.standardName(number)
        }
        self.number = number
    }

    /// The rules of `istioctl register` for a port without a name.
    static func standardName(_ number: Int) -> String {
        switch number {
        case 80, 8080: "http"
        case 443: "https"
        case 3306: "mysql"
        default: String(number)
        }
    }

    /// A label of RFC 1123, as names of ports are.
    static func isName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 63, first != 0x2d, last != 0x2d else {
            return false
        }
        return bytes.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 0x2d }
    }

    /// The protocol that a name stands for, as ServiceEntry wants it; TCP for a name that stands for none.
    var protocolName: String {
        let prefix = String(decoding: name.utf8.prefix { $0 != 0x2d }, as: UTF8.self)
        let known = [
            "http": "HTTP", "http2": "HTTP2", "https": "HTTPS", "grpc": "GRPC", "mongo": "MONGO", "redis": "REDIS",
            "mysql": "MYSQL", "tls": "TLS",
        ]
        return known[prefix] ?? "TCP"
    }

    /// `NAME:PORT`.
    public var description: String { "\(name):\(number)" }
}
