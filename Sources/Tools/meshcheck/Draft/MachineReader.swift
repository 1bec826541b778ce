import Files
import HostProbes
import MeshProbes

/// Looks at this machine for a draft, by the probes that checks use.
struct MachineReader {
    let host = Host()

    /// What there is to see of a subject.
    func look(
        _ kind: String, _ parameters: [String: Value], _ attributes: Set<String>
    ) async throws(ProbeError) -> [String: Value] {
        guard let probe = ProbeCatalogue.mesh.probe(kind) else {
            throw ProbeError(.unavailable, "look at a \(kind)", expected: "a probe", found: "none")
        }
        let request = ProbeRequest(
            parameters: parameters, attributes: attributes, deadline: .now + .seconds(10))
        return try await probe.init(host: host).observe(request).attributes
    }

    /// The paths that an installed package brings.
    func paths(ofPackage name: String, architecture: String) throws(FileError) -> [String] {
        let folder = host.path("/var/lib/dpkg/info")
        for candidate in ["\(folder)/\(name).list", "\(folder)/\(name):\(architecture).list"] {
            guard try FileStatus.ofIfExists(candidate, followLinks: true) != nil else { continue }
            return try FileTree.readWhole(candidate, limit: 64 << 20).split(separator: 0x0a)
                .map { String(decoding: $0, as: UTF8.self) }
        }
        return []
    }
}
