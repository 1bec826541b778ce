import Files
import Platform

/// The configuration of the system's resolver.
struct ResolverProbe: Probe {
    static let kind = SubjectKind(
        "resolver", "The name servers that the system asks (resolv.conf(5)).", mainParameter: "path",
        parameters: [.init("path", .text, "The file; /etc/resolv.conf by default.")],
        attributes: [
            .init("exists", .bool, "Whether the file is there; without it the system asks 127.0.0.1."),
            .init("nameservers", .list(.text), "The servers in order; the system uses the first three."),
            .init("first", .text, "The first server."),
            .init("local-first", .bool, "Whether the first server is the host itself."),
            .init("search", .list(.text), "Domains to complete a short name with."),
            .init("options", .list(.text), "Options, such as `ndots:5`."),
            .init("target", .text, "What the file links to; null if it is not a link."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let shown = try request.text("path") ?? "/etc/resolv.conf"
        let (bytes, target) = try await host.resolverBytes(shown, for: request)
        // Without servers the C library asks 127.0.0.1.
        guard let bytes else {
            return Observation(
                [
                    "exists": .bool(false), "nameservers": .list([]), "local-first": .bool(true),
                    "target": .text(orNull: target),
                ],
                evidence: ["no \(shown)"])
        }
        let configuration = ResolverConfiguration(bytes)
        let first = configuration.nameservers.first
        let address = first.flatMap { IPAddress($0) }
        // The host's own address is the host as well as 127.0.0.1 is.
        var isLocal = address?.isLoopback ?? (first == nil)
        if let address, !isLocal, host.isThisMachine {
            isLocal = try await host.addresses(for: request).contains(address)
        }
        return Observation(
            [
                "exists": .bool(true), "nameservers": .texts(configuration.nameservers), "first": .text(orNull: first),
                "local-first": .bool(isLocal),
                "search": .texts(configuration.search), "options": .texts(configuration.options),
                "target": .text(orNull: target),
            ],
            evidence: [
                "\(shown): "
                    + (configuration.nameservers.isEmpty
                        ? "no nameserver" : "nameserver \(configuration.nameservers.joined(separator: ", "))")
                    + (target.map { " (link to \($0))" } ?? "")
            ])
    }
}

extension Host {
    /// The bytes of a resolv.conf and what it links to, read once.
    fileprivate nonisolated func resolverBytes(
        _ shown: String, for request: ProbeRequest
    ) async throws(ProbeError) -> (bytes: [UInt8]?, target: String?) {
        let path = path(shown)
        return try await systemFact("resolver-\(shown)", "read \(shown)", since: request.since) {
            () throws(ProbeError) in
            (try FileTree.readIfExists(path, limit: 1 << 20), try FileFacts.linkTarget(of: path))
        }
    }

    /// What /etc/resolv.conf says; nothing if there is none.
    package nonisolated func resolverFile(for request: ProbeRequest) async throws(ProbeError) -> ResolverConfiguration {
        ResolverConfiguration(try await resolverBytes("/etc/resolv.conf", for: request).bytes ?? [])
    }
}

/// What resolv.conf(5) says.
package struct ResolverConfiguration: Sendable, Hashable {
    /// The servers in their order, as they are written.
    package var nameservers: [String] = []
    /// Domains to complete names with.
    package var search: [String] = []
    /// Options.
    package var options: [String] = []

    /// Reads the bytes of a file.
    package init(_ bytes: [UInt8]) {
        for line in Bytes.lines(bytes) {
            if line.first == UInt8(ascii: "#") || line.first == UInt8(ascii: ";") { continue }
            let words = Ascii.words(line[...]).map { Ascii.text($0) }
            guard let keyword = words.first else { continue }
            switch keyword {
            case "nameserver": if words.count > 1 { nameservers.append(words[1]) }
            // The last of `search` and `domain` counts.
            case "search", "domain": search = Array(words.dropFirst())
            case "options": options += words.dropFirst()
            default: break
            }
        }
    }
}
