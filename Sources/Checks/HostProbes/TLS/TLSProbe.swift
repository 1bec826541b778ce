import Files
import FoundationEssentials
import MeshContract
import Platform
import SwiftASN1
import Certificates
import X509

/// TLS servers.
struct TLSProbe: Probe {
    static let kind = SubjectKind(
        "tls", "A TLS handshake and the certificate that the server shows. Any certificate is taken, and then judged.",
        mainParameter: "address",
        parameters: [
            .init("address", .text, "HOST:PORT or [IPv6]:PORT.", isRequired: true, form: .endpoint),
            .init("server-name", .text, "The name that is asked for and judged by; HOST when it is not said."),
            .init("alpn", .list(.text), "Application protocols to offer, such as h2."),
            .init("certificate-files", .list(.text), "Paths of the client's certificate chain and its key."),
            .init("root", .text, "File of the certificates that `chain-trusted` goes by."),
        ],
        attributes: [
            .init("handshake", .bool, "Whether it succeeded; false also when there is no connection."),
            .init("error", .text, "Why it did not; null when it did."),
            .init("alert", .text, "The server's alert that ended it, such as certificate_expired; null for none."),
            .init("version", .text, "TLSv1.2, TLSv1.3 …"),
            .init("alpn", .text, "The application protocol that the server chose; null for none."),
            .init("names", .list(.text), "DNS names, addresses and URIs of the certificate."),
            .init("name-matches", .bool, "Whether the certificate is for the server's name."),
            .init("chain-trusted", .bool, "Whether its chain leads to a certificate of `root` and is valid now."),
            .init("fault", .text, "What is wrong with the certificate by `root` and name; null when nothing is."),
            .init("subject", .text, "Distinguished name."),
            .init("issuer", .text, "Distinguished name of the issuer."),
            .init("not-before", .time, "From when on it is valid."),
            .init("not-after", .time, "Until when it is valid."),
            .init("remaining", .duration, "How long it is valid from now on; negative when it has expired."),
            .init("chain-length", .integer, "How many certificates the server shows."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let endpoint = try Endpoint(try request.requiredText("address"))
        let name = try request.text("server-name") ?? endpoint.host
        var settings = TLSHandshake.Settings()
        // An address cannot be asked for (RFC 6066 section 3).
        settings.serverName = IPAddress(name) == nil ? name : nil
        settings.protocols = try request.texts("alpn") ?? []
        settings.identity = try await identity(request)
        let roots = try await roots(request)
        let outcome: TLSHandshake.Outcome
        do throws(ProbeError) {
            outcome = try await TLSHandshake.run(
                endpoint, settings, on: try await host.loops(for: request), until: request.deadline)
        } catch {
            guard error.reason == .unreachable else { throw error }
            outcome = TLSHandshake.Outcome(failure: error.found)
        }
        var observation = Observation(
            [
                "handshake": .bool(outcome.failure == nil), "error": .text(orNull: outcome.failure),
                "alert": .text(orNull: outcome.alert),
                "version": .text(orNull: outcome.version), "alpn": .text(orNull: outcome.applicationProtocol),
                "chain-length": .integer(outcome.chain.count),
            ],
            evidence: [
                "\(endpoint): " + (outcome.failure.map { "no handshake: \($0)" } ?? "\(outcome.version ?? "TLS")")
            ])
        try await judge(outcome, name: name, roots: roots, into: &observation)
        return observation
    }

    private func judge(
        _ outcome: TLSHandshake.Outcome, name: String, roots: [Certificate]?, into observation: inout Observation
    ) async throws(ProbeError) {
        guard !outcome.chain.isEmpty else { return }
        var chain: [Certificate] = []
        for der in outcome.chain.prefix(CertificatePEM.chainLimit) {
            do { chain.append(try Certificate(derEncoded: der)) } catch {
                throw ProbeError(
                    .malformed, "read the server's certificate", expected: "X.509 in DER", found: "\(error)".shortened()
                )
            }
        }
        guard let leaf = chain.first else { return }
        let now = Date.now
        for (key, value) in CertificateValues.values(of: leaf, at: now) where Self.shown.contains(key) {
            observation.attributes[key] = value
        }
        let server = ServerCertificate(leaf: leaf, intermediates: Array(chain.dropFirst()))
        observation.attributes["name-matches"] = .bool(server.isFor(name))
        observation.evidence.append("certificate of \(leaf.subject) by \(leaf.issuer)".shortened())
        if let roots {
            let fault = await server.fault(dialled: name, roots: roots, at: now)
            let isValid = leaf.notValidBefore <= now && now <= leaf.notValidAfter
            observation.attributes["chain-trusted"] = .bool(
                isValid ? await server.isAnchored(in: roots, at: now) : false)
            observation.attributes["fault"] = .text(orNull: fault?.description)
            if let fault { observation.evidence.append(fault.description) }
        }
    }

    private static let shown: Set = [
        "names", "subject", "issuer", "not-before", "not-after", "remaining",
    ]

    private func identity(_ request: ProbeRequest) async throws(ProbeError) -> (chain: [UInt8], key: [UInt8])? {
        guard let paths = try request.texts("certificate-files"), !paths.isEmpty else { return nil }
        guard paths.count == 2 else {
            throw ProbeError(
                .invalid, "read parameter certificate-files", expected: "chain and key", found: "\(paths.count) paths")
        }
        let chain = try await PEMFiles.read(host.path(paths[0]), request)
        return (chain, try await PEMFiles.read(host.path(paths[1]), request))
    }

    private func roots(_ request: ProbeRequest) async throws(ProbeError) -> [Certificate]? {
        guard let path = try request.text("root") else {
            if request.wants("chain-trusted", "fault") {
                throw ProbeError(.invalid, "judge a certificate", expected: "parameter root", found: "nothing")
            }
            return nil
        }
        return try PEMFiles.certificates(try await PEMFiles.read(host.path(path), request), path: path)
    }
}
