import Certificates
import FoundationEssentials
import MeshContract
import Probes
import X509

/// Certificates in files.
struct CertificateProbe: Probe {
    static let kind = SubjectKind(
        "certificate", "The first certificate of a PEM file, with those that follow it as its chain.",
        mainParameter: "path",
        parameters: [
            .init("path", .text, "Absolute path of the chain.", isRequired: true),
            .init("key", .text, "Path of the private key for `key-matches`."),
            .init("root", .text, "Path of the root certificates for `chain-trusted`."),
        ],
        attributes: [
            .init("exists", .bool, "Whether the file is there."),
            .init("subject", .text, "Distinguished name."),
            .init("issuer", .text, "Distinguished name of the issuer."),
            .init("names", .list(.text), "URIs, DNS names and addresses of the certificate."),
            .init("identities", .list(.text), "The URIs among them."),
            .init("identity", .text, "The SPIFFE identity; null unless there is exactly one."),
            .init("trust-domain", .text, "Trust domain of the identity."),
            .init("namespace", .text, "Namespace of the identity."),
            .init("service-account", .text, "Service account of the identity."),
            .init("not-before", .time, "When it becomes valid."),
            .init("not-after", .time, "When it expires."),
            .init("remaining", .duration, "Time until it expires; negative if it has expired."),
            .init("remaining-percent", .number, "Percentage of its lifetime that is left; negative if it has expired."),
            .init("lifetime", .duration, "From not-before to not-after."),
            .init("valid-now", .bool, "Whether it is valid now."),
            .init("is-ca", .bool, "Whether it may sign certificates (basic constraints)."),
            .init("self-signed", .bool, "Whether it is an authority's and signed by itself."),
            .init("key-type", .text, "RSA, ECDSA, Ed25519 or unknown."),
            .init("key-bits", .integer, "Size of its key in bits."),
            .init("key-matches", .bool, "Whether the private key belongs to the certificate."),
            .init("key-error", .text, "Why the private key cannot be used; null if it can."),
            .init("chain-trusted", .bool, "Whether the chain leads to a certificate of `root`."),
            .init("chain-error", .text, "Why it does not; null when it does."),
            .init("serial", .text, "Serial number in hexadecimal digits."),
            .init("fingerprint", .text, "SHA-256 of the certificate in hexadecimal digits."),
            .init("count", .integer, "How many certificates the file has."),
            .init("certificates", .list(.map(.any)), "What each certificate of the file says."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let path = try request.requiredPath()
        guard let bytes = try await PEMFiles.readIfExists(path, on: host, for: request) else {
            return Observation(["exists": .bool(false)], evidence: ["no file \(path)"])
        }
        let all = try PEMFiles.certificates(bytes, path: path)
        guard let leaf = all.first else {
            throw ProbeError(.malformed, "read \(path)", expected: "certificates in PEM", found: "none")
        }
        let now = Date.now
        var attributes = CertificateValues.values(of: leaf, at: now)
        attributes["exists"] = .bool(true)
        attributes["count"] = .integer(all.count)
        attributes["certificates"] = .list(all.map { .map(CertificateValues.values(of: $0, at: now)) })
        let uris = leaf.identityURIs
        attributes["identities"] = .texts(uris)
        let identity = uris.count == 1 ? SPIFFEIdentity(uris[0]) : nil
        attributes["identity"] = .text(orNull: identity?.description)
        attributes["trust-domain"] = .text(orNull: identity?.trustDomain)
        attributes["namespace"] = .text(orNull: identity?.namespace)
        attributes["service-account"] = .text(orNull: identity?.serviceAccount)
        let kind = KeyKind(leaf.publicKey)
        var evidence = [
            "\(path): \(uris.isEmpty ? CertificateFault.printable("\(leaf.subject)") : uris.joined(separator: ", "))",
            "\(kind), valid from \(leaf.notValidBefore.formatted(.iso8601)) to \(leaf.notValidAfter.formatted(.iso8601))",
        ]
        try await addKey(of: leaf, to: &attributes, &evidence, request)
        try await addTrust(of: all, at: now, to: &attributes, &evidence, request)
        return Observation(attributes, evidence: evidence)
    }

    private func addKey(
        of leaf: Certificate, to attributes: inout [String: Value], _ evidence: inout [String], _ request: ProbeRequest
    ) async throws(ProbeError) {
        guard request.wants("key-matches", "key-error") else { return }
        let path = try request.requiredPath("key")
        let bytes = try await PEMFiles.read(path, on: host, for: request)
        do throws(CertificateLoadError) {
            let key = try CertificatePEM.privateKey(ofPEM: bytes)
            attributes["key-matches"] = .bool(key.publicKey == leaf.publicKey)
            attributes["key-error"] = .null
            if key.publicKey != leaf.publicKey { evidence.append("\(path) is the key of another certificate") }
        } catch {
            attributes["key-matches"] = .bool(false)
            attributes["key-error"] = .text("\(error)")
            evidence.append("\(error)".shortened())
        }
    }

    private func addTrust(
        of chain: [Certificate], at now: Date, to attributes: inout [String: Value], _ evidence: inout [String],
        _ request: ProbeRequest
    ) async throws(ProbeError) {
        guard request.wants("chain-trusted", "chain-error") else { return }
        let path = try request.requiredPath("root")
        let roots = try PEMFiles.certificates(try await PEMFiles.read(path, on: host, for: request), path: path)
        let leaf = chain[0]
        // Expiry has its own attribute: the chain is judged at a moment of the leaf's life.
        let moment = min(max(now, leaf.notValidBefore), leaf.notValidAfter)
        let others = Array(chain.dropFirst().prefix(CertificatePEM.chainLimit))
        let fault = await TrustPath.fault(leaf: leaf, intermediates: others, roots: roots, at: moment)
        attributes["chain-trusted"] = .bool(fault == nil)
        attributes["chain-error"] = .text(orNull: fault?.description)
        if let fault { evidence.append("\(fault)".shortened()) }
    }
}
