import Files
import MeshContract
import Platform
import SpecLoading

/// The form of the mesh's YAML file.
public enum MeshShapes {
    /// The whole file.
    public static let mesh: Shape<MeshConfiguration> = .object(
        "mesh", doc: "What the control plane serves, and where.", new: MeshConfiguration.init,
        fields: [
            .required(
                "pilot", \.pilot, .list(of: socketAddress), "Addresses that Pilot answers on.",
                example: "[10.150.0.6:8080, 10.60.1.4:8080]"),
            .required(
                "ca", \.authority, .list(of: socketAddress), "Addresses that the certificate authority answers on.",
                example: "[10.150.0.9:8060]"),
            .optional("mixer", \.mixer, .list(of: socketAddress), "Addresses that take Mixer's connections."),
            .optional(
                "productpage", \.productPage, .list(of: socketAddress), "Addresses of the BookInfo product page."),
            .optional(
                "ratings", \.ratings, ratings, "Where the page has its stars from; without it they are five and four."),
            .optional(
                "certificate-lifetime", \.certificateLifetime, duration, "How long certificates are valid.",
                example: "60s"),
            .optional("trust-domain", \.trustDomain, .nonEmptyString, "The trust domain of identities."),
            .optional("services", \.services, .list(of: service), "The services of the mesh."),
        ],
        validate: { mesh, node, diagnostics in
            var seen: Set<String> = []
            for service in mesh.services where !seen.insert(service.hostname).inserted {
                diagnostics.error(
                    "duplicate-service", "service '\(service.hostname)' is declared twice",
                    at: node[key: "services"]?.range, help: "put all of its ports and endpoints into one entry")
            }
            if let service = mesh.ratings?.service, !seen.contains(service) {
                diagnostics.error(
                    "ratings-service", "service '\(service)' is not declared",
                    at: node[key: "ratings"]?[key: "service"]?.range,
                    help: SpellingSuggestion.of(service, among: seen.sorted()).map { "did you mean '\($0)'?" }
                        ?? "add it to 'services'")
            }
            if mesh.certificateLifetime < GoDuration(.seconds(1)) {
                diagnostics.error(
                    "certificate-lifetime", "a lifetime of \(mesh.certificateLifetime) is too short (must be >=1s)",
                    at: node[key: "certificate-lifetime"]?.range)
            }
        })

    private static let socketAddress: Shape<SocketAddress> = .parsed("socket address") { text in
        guard let address = SocketAddress(text) else {
            return .failure(ShapeFault(message: "'\(text)' is no ADDRESS:PORT", help: "write it as 10.150.0.6:8080"))
        }
        return .success(address)
    }

    private static let address: Shape<IPAddress> = .parsed("address") { text in
        IPAddress(text).map { .success($0) } ?? .failure(ShapeFault(message: "'\(text)' is no IP address"))
    }

    private static let duration: Shape<GoDuration> = .parsed("duration") { text in
        GoDuration(text).map { .success($0) }
            ?? .failure(ShapeFault(message: "'\(text)' is no duration", help: "a number with its unit: 60s, 1h30m"))
    }

    private static let ratings: Shape<RatingsDatabase> = .object(
        "ratings", doc: "A MySQL service with the table test.ratings.", new: RatingsDatabase.init,
        fields: [
            .required(
                "service", \.service, .nonEmptyString, "The service, one of 'services'.",
                example: "mysqldb.bookinfo.svc.cluster.local"),
            .required(
                "options", \.options, .nonEmptyString, "A file of options for mysql(1), with user and password.",
                example: "/etc/mesh-lab/mysql.cnf"),
        ])

    private static let port: Shape<ServicePort> = .object(
        "port", doc: "A port of a service.", new: ServicePort.init,
        fields: [
            .required("name", \.name, .nonEmptyString, "The name; its prefix says the protocol.", example: "http"),
            .required("port", \.port, .integer(1...65535), "The port.", example: "9080"),
        ])

    private static let endpoint: Shape<ServiceEndpoint> = .object(
        "endpoint", doc: "A place where a service runs.", new: ServiceEndpoint.init,
        fields: [
            .required("address", \.address, address, "The address.", example: "10.60.1.4"),
            .required("port", \.port, .integer(1...65535), "The port there.", example: "8080"),
            .optional("port-name", \.portName, .nonEmptyString, "The service's port that it serves; all without it."),
            .optional("tags", \.tags, .list(of: .nonEmptyString), "Tags such as version=v1."),
        ])

    private static let service: Shape<MeshService> = .object(
        "service", doc: "A service of the mesh.", new: MeshService.init,
        fields: [
            .required(
                "hostname", \.hostname, .nonEmptyString, "The full name.",
                example: "productpage.bookinfo.svc.cluster.local"),
            .required("address", \.address, address, "The address inside the cluster.", example: "10.63.240.10"),
            .required("ports", \.ports, .list(of: port), "The ports."),
            .optional("endpoints", \.endpoints, .list(of: endpoint), "Where it runs."),
        ],
        validate: { service, node, diagnostics in
            for (index, endpoint) in service.endpoints.enumerated() {
                guard let name = endpoint.portName, !service.ports.contains(where: { $0.name == name }) else {
                    continue
                }
                var range = node[key: "endpoints"]?.range
                if case .sequence(let items) = node[key: "endpoints"]?.content { range = items[index].range }
                diagnostics.error(
                    "port-name", "service '\(service.hostname)' has no port '\(name)'", at: range,
                    help: SpellingSuggestion.of(name, among: service.ports.map(\.name)).map { "did you mean '\($0)'?" })
            }
        })

    private static let sizeLimit = 8 << 20

    /// Reads a file.
    ///
    /// - Returns: nil when the diagnostics hold an error.
    public static func load(_ path: String, diagnostics: inout Diagnostics) -> MeshConfiguration? {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileTree.readWhole(path, limit: sizeLimit)
        } catch {
            diagnostics.error("unreadable", "\(error)", at: nil)
            return nil
        }
        guard let node = YAMLLoader.load(SourceText(path: path, bytes: bytes), diagnostics: &diagnostics) else {
            return nil
        }
        return mesh.decode(node, &diagnostics)
    }
}
