import Files
import MeshContract
import Platform
import Probes

/// The file of the cluster's names for dnsmasq.
struct KubeDNSProbe: Probe {
    static let kind = SubjectKind(
        "kubedns", "The file of the cluster's names for dnsmasq(8).", mainParameter: "path",
        parameters: [
            .init("path", .text, "Absolute path; \(MeshPaths.kubeDNS) by default."),
            .init("namespace", .text, "Where the control plane runs; istio-system by default."),
        ],
        attributes: [
            .init("exists", .bool, "Whether the file is there."),
            .init("valid", .bool, "Whether it has a server and six addresses."),
            .init("server", .text, "Address of the cluster's DNS."),
            .init("pilot", .text, "Address of Pilot."),
            .init("mixer", .text, "Address of Mixer."),
            .init("ca", .text, "Address of the certificate authority."),
            .init("addresses", .map(.text), "Addresses by name."),
            .init("problems", .list(.text), "What is wrong, with line numbers."),
            .init("empty", .list(.text), "Names without an address, because their load balancers had none yet."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let path = try request.text("path") ?? MeshPaths.kubeDNS
        let namespace = try request.text("namespace") ?? "istio-system"
        guard let bytes = try await host.contents(of: path, limit: 1 << 20, for: request) else {
            return Observation(["exists": .bool(false)], evidence: ["no file \(path)"])
        }
        let file = KubeDNSFile(bytes, namespace: namespace)
        let problems = file.problems.map(\.description)
        func text(_ address: IPAddress?) -> Value { .text(orNull: address?.description) }
        return Observation(
            [
                "exists": .bool(true), "valid": .bool(file.isValid), "server": text(file.server),
                "pilot": text(file.pilot), "mixer": text(file.mixer), "ca": text(file.certificateAuthority),
                "addresses": .textMap(file.addresses.mapValues(\.description)), "problems": .texts(problems),
                "empty": .texts(file.empty),
            ],
            evidence: problems.isEmpty
                ? ["\(path): DNS \(text(file.server).shown), Pilot \(text(file.pilot).shown)"]
                : problems.map { "\(path): \($0)" })
    }
}

extension Value {
    /// A text as it is, for evidence.
    fileprivate var shown: String {
        if case .text(let text) = self { text } else { "none" }
    }
}
