import Documents
import Files
import MeshContract
import Platform

/// The form of the mesh's YAML file.
public enum MeshShapes {
    /// The whole file.
    public static let mesh: Shape<MeshConfiguration> = .object(
        "mesh", "What the control plane serves, and where.", as: MeshConfiguration.init, validate: validate
    ) {
        required(
            "pilot", .list(of: socketAddress), "Addresses that Pilot answers on.",
            example: "[10.150.0.6:8080, 10.60.1.4:8080]")
        required(
            "ca", .list(of: socketAddress), "Addresses that the certificate authority answers on.",
            example: "[10.150.0.9:8060]")
        optional("mixer", .list(of: socketAddress), default: [], "Addresses that take Mixer's connections.")
        optional("productpage", .list(of: socketAddress), default: [], "Addresses of the BookInfo product page.")
        optional("ratings", ratings, "Where the page has its stars from; without it they are five and four.")
        optional(
            "certificate-lifetime", duration, default: MeshConfiguration.defaultLifetime,
            "How long certificates are valid, where the authority decides that: 0.2.", example: "60s")
        optional(
            "longest-certificate-lifetime", duration, default: MeshConfiguration.defaultLongestLifetime,
            "The longest lifetime that an agent may ask for, where it does: from 0.5 on.", example: "24h")
        optional(
            "trust-domain", .nonEmptyString, default: MeshConfiguration.defaultTrustDomain,
            "The trust domain of identities.")
        optional(
            "registry", .enumeration(MeshConfiguration.Registry.self), default: .kubernetes,
            "Where Pilot has the services from.")
        optional(
            "management-ports", .list(of: .integer(1...65535)), default: [],
            "The ports that Pilot takes for every machine's management.")
        optional("services", .list(of: service), default: [], "The services of the mesh.")
    }

    private static func validate(_ mesh: MeshConfiguration, _ node: YAMLNode, _ diagnostics: inout Diagnostics) {
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
    }

    private static let socketAddress: Shape<SocketAddress> = .parsed("socket address") { text in
        guard let address = SocketAddress(text) else {
            return .failure(ShapeFault(message: "'\(text)' is not ADDRESS:PORT", help: "write it as 10.150.0.6:8080"))
        }
        return .success(address)
    }

    private static let address: Shape<IPAddress> = .parsed("address") { text in
        IPAddress(text).map { .success($0) } ?? .failure(ShapeFault(message: "'\(text)' is not an IP address"))
    }

    private static let duration: Shape<GoDuration> = .parsed("duration") { text in
        GoDuration(text).map { .success($0) }
            ?? .failure(ShapeFault(message: "'\(text)' is not a duration", help: "a number with its unit: 60s, 1h30m"))
    }

    private static let ratings: Shape<RatingsDatabase> = .object(
        "ratings", "A MySQL service with the table test.ratings.", as: RatingsDatabase.init
    ) {
        required(
            "service", .nonEmptyString, "The service, one of 'services'.",
            example: "mysqldb.bookinfo.svc.cluster.local")
        required(
            "options", .nonEmptyString, "A file of options for mysql(1), with user and password.",
            example: "/etc/mesh-lab/mysql.cnf")
    }

    private static let port: Shape<ServicePort> = .object("port", "A port of a service.", as: ServicePort.init) {
        required("name", .nonEmptyString, "The name; its prefix says the protocol.", example: "http")
        required("port", .integer(1...65535), "The port.", example: "9080")
    }

    private static let endpoint: Shape<ServiceEndpoint> = .object(
        "endpoint", "A place where a service runs.", as: ServiceEndpoint.init
    ) {
        required("address", address, "The address.", example: "10.60.1.4")
        required("port", .integer(1...65535), "The port there.", example: "8080")
        optional("port-name", .nonEmptyString, "The service's port that it serves; all without it.")
        optional("tags", .list(of: .nonEmptyString), default: [], "Tags such as version=v1.")
    }

    private static let service: Shape<MeshService> = .object(
        "service", "A service of the mesh.", as: MeshService.init, validate: validate
    ) {
        required("hostname", .nonEmptyString, "The full name.", example: "productpage.bookinfo.svc.cluster.local")
        required("address", address, "The address inside the cluster.", example: "10.63.240.10")
        required("ports", .list(of: port), "The ports.")
        optional("endpoints", .list(of: endpoint), default: [], "Where it runs.")
    }

    private static func validate(_ service: MeshService, _ node: YAMLNode, _ diagnostics: inout Diagnostics) {
        for (index, endpoint) in service.endpoints.enumerated() {
            guard let name = endpoint.portName, !service.ports.contains(where: { $0.name == name }) else { continue }
            var range = node[key: "endpoints"]?.range
            if case .sequence(let items) = node[key: "endpoints"]?.content { range = items[index].range }
            diagnostics.error(
                "port-name", "service '\(service.hostname)' has no port '\(name)'", at: range,
                help: SpellingSuggestion.of(name, among: service.ports.map(\.name)).map { "did you mean '\($0)'?" })
        }
    }

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
