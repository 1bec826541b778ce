import Certificates
import FoundationEssentials
import MeshContract
import Probes
import X509

/// Certificates in files.
struct CertificateProbe: Probe {
    static let kind = SubjectKind(
        "certificate",
        "A certificate of a PEM file, with the others as its chain: that of `key`, where it is among them, else the first.",
        mainParameter: "path",
        parameters: [
            .init("path", .text, "Absolute path of the chain.", isRequired: true),
            .init("key", .text, "Path of the private key, by which the certificate is found, and for `key-matches`."),
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
            .init(
                "key-fault", .text,
                "What is wrong with it in a word: encrypted, unreadable or of-another; null if nothing is."),
            .init("leaf-number", .integer, "Its place among the certificates of the file, from 1."),
            .init("client-usage", .bool, "Whether a TLS client may use it (extended key usage)."),
            .init("server-usage", .bool, "Whether a TLS server may use it (extended key usage)."),
            .init("chain-trusted", .bool, "Whether the chain leads to a certificate of `root`."),
            .init("chain-error", .text, "Why it does not; null when it does."),
            .init(
                "missing-issuer", .text,
                "The issuer that neither the chain nor `root` has a certificate of; null if both together have all."),
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
        let all = try Self.certificates(bytes, path: path)
        let keyPEM = try await key(request)
        let key = keyPEM.map { Self.key($0) }
        let place = all.firstIndex { $0.belongs(to: key, keyPEM) } ?? 0
        guard all.indices.contains(place) else {
            throw ProbeError(.malformed, "read \(path)", expected: "certificates in PEM", found: "none")
        }
        let (item, leaf) = (all[place], all[place].certificate)
        let now = Date.now
        var attributes = item.values(at: now)
        attributes["exists"] = .bool(true)
        attributes["count"] = .integer(all.count)
        attributes["leaf-number"] = .integer(place + 1)
        attributes["certificates"] = .list(all.map { .map($0.values(at: now)) })
        let usages = Self.usages(of: leaf)
        attributes["client-usage"] = .bool(usages.client)
        attributes["server-usage"] = .bool(usages.server)
        let uris = leaf.identityURIs
        attributes["identities"] = .texts(uris)
        let identity = uris.count == 1 ? SPIFFEIdentity(uris[0]) : nil
        attributes["identity"] = .text(orNull: identity?.description)
        attributes["trust-domain"] = .text(orNull: identity?.trustDomain)
        attributes["namespace"] = .text(orNull: identity?.namespace)
        attributes["service-account"] = .text(orNull: identity?.serviceAccount)
        let name = uris.isEmpty ? CertificateFault.printable("\(leaf.subject)") : uris.joined(separator: ", ")
        var evidence = [
            "\(path): " + (all.count > 1 ? "certificate \(place + 1) of \(all.count): " : "") + name,
            "\(item.kind), valid from \(leaf.notValidBefore.formatted(.iso8601)) to \(leaf.notValidAfter.formatted(.iso8601))",
        ]
        if let key {
            add(key, isOwn: item.belongs(to: key, keyPEM), of: try request.requiredPath("key"), &attributes, &evidence)
        } else if request.wants("key-matches", "key-error", "key-fault") {
            // The reading fails as it did, and says why.
            _ = try await PEMFiles.read(try request.requiredPath("key"), on: host, for: request)
        }
        let others = all.enumerated().filter { $0.offset != place }.map(\.element.certificate)
        try await addTrust(of: item, others, at: now, to: &attributes, &evidence, request)
        return Observation(attributes, evidence: evidence)
    }

    /// The certificates of a file, those with small keys as well.
    private static func certificates(_ bytes: [UInt8], path: String) throws(ProbeError) -> [ProbedCertificate] {
        let blocks: [PEMBlock]
        do throws(PEMBlock.Malformed) { blocks = try PEMBlock.blocks(of: bytes) } catch { blocks = [] }
        let small = blocks.filter { $0.label.hasSuffix("CERTIFICATE") }.map { SmallKeyCertificate(derEncoded: $0.der) }
        guard small.contains(where: { $0.map { $0.bits < 2048 } ?? false }) else {
            return try PEMFiles.certificates(bytes, path: path).map { ProbedCertificate(certificate: $0, small: nil) }
        }
        var all: [ProbedCertificate] = []
        for (block, small) in zip(blocks.filter { $0.label.hasSuffix("CERTIFICATE") }, small) {
            if let small, small.bits < 2048 {
                all.append(ProbedCertificate(certificate: small.certificate, small: small))
                continue
            }
            do {
                all.append(ProbedCertificate(certificate: try CertificatePEM.certificate(ofDER: block.der), small: nil))
            } catch {
                throw ProbeError(
                    .malformed, "read \(path)", expected: "certificates in PEM", found: "\(error)".shortened(to: 300))
            }
        }
        return all
    }

    /// The key in its file; nil when nobody names one, or it cannot be read now.
    private func key(_ request: ProbeRequest) async throws(ProbeError) -> [UInt8]? {
        guard try request.text("key") != nil else { return nil }
        do throws(ProbeError) {
            return try await PEMFiles.readIfExists(try request.requiredPath("key"), on: host, for: request)
        } catch {
            guard error.reason == .notPermitted || error.reason == .unavailable else { throw error }
            return nil
        }
    }

    private static func key(_ bytes: [UInt8]) -> Result<Certificate.PrivateKey, CertificateLoadError> {
        do throws(CertificateLoadError) {
            return .success(try CertificatePEM.privateKey(ofPEM: bytes))
        } catch {
            return .failure(error)
        }
    }

    private func add(
        _ key: Result<Certificate.PrivateKey, CertificateLoadError>, isOwn: Bool, of path: String,
        _ attributes: inout [String: Value], _ evidence: inout [String]
    ) {
        attributes["key-matches"] = .bool(isOwn)
        attributes["key-error"] = .null
        attributes["key-fault"] = .null
        if isOwn { return }
        switch key {
        case .success:
            attributes["key-fault"] = .text("of-another")
            evidence.append("\(path) is the key of another certificate")
        case .failure(let error):
            switch error.problem {
            case .encryptedKey: attributes["key-fault"] = .text("encrypted")
            case .weakKey: attributes["key-fault"] = .text("of-another")
            default: attributes["key-fault"] = .text("unreadable")
            }
            attributes["key-error"] = .text("\(error)")
            evidence.append("\(error)".shortened())
        }
    }

    /// Who may use a certificate; everybody where it does not say.
    private static func usages(of certificate: Certificate) -> (client: Bool, server: Bool) {
        // An extension that cannot be decoded fails the trust.
        guard let usages = try? certificate.extensions.extendedKeyUsage else { return (true, true) }
        let isForAll = usages.contains(.any)
        return (isForAll || usages.contains(.clientAuth), isForAll || usages.contains(.serverAuth))
    }

    private func addTrust(
        of item: ProbedCertificate, _ chain: [Certificate], at now: Date, to attributes: inout [String: Value],
        _ evidence: inout [String], _ request: ProbeRequest
    ) async throws(ProbeError) {
        guard request.wants("chain-trusted", "chain-error", "missing-issuer") else { return }
        let path = try request.requiredPath("root")
        let roots = try PEMFiles.certificates(try await PEMFiles.read(path, on: host, for: request), path: path)
        let leaf = item.certificate
        // Expiry has its own attribute: the chain is judged at a moment of the leaf's life.
        let moment = min(max(now, leaf.notValidBefore), leaf.notValidAfter)
        let others = Array(chain.prefix(CertificatePEM.chainLimit))
        let fault = await item.fault(others, roots: roots, at: moment)
        attributes["chain-trusted"] = .bool(fault == nil)
        attributes["chain-error"] = .text(orNull: fault?.description)
        var tip = leaf
        var rest = others
        while let next = rest.firstIndex(where: { $0.subject == tip.issuer && $0.subject != $0.issuer }) {
            tip = rest.remove(at: next)
        }
        let isKnown = (roots + rest).contains { $0.subject == tip.issuer }
        attributes["missing-issuer"] = .text(
            orNull: isKnown || fault == nil ? nil : CertificateFault.printable("\(tip.issuer)"))
        if let fault { evidence.append("\(fault)".shortened()) }
    }
}

/// A certificate of a file, whose key may be smaller than the library takes.
private struct ProbedCertificate: Sendable {
    var certificate: Certificate
    var small: SmallKeyCertificate?

    var kind: KeyKind { small.map { KeyKind(algorithm: .rsa, bits: $0.bits) } ?? KeyKind(certificate.publicKey) }

    func values(at now: Date) -> [String: Value] {
        var values = CertificateValues.values(of: certificate, at: now)
        if let small {
            values["key-type"] = .text(KeyKind.Algorithm.rsa.rawValue)
            values["key-bits"] = .integer(small.bits)
            values["fingerprint"] = .null
        }
        return values
    }

    func belongs(to key: Result<Certificate.PrivateKey, CertificateLoadError>?, _ pem: [UInt8]?) -> Bool {
        if let small { return pem.map { small.isOf(keyPEM: $0) } ?? false }
        guard case .success(let key)? = key else { return false }
        return key.publicKey == certificate.publicKey
    }

    /// Why it does not lead to a root; nil when it does.
    func fault(_ others: [Certificate], roots: [Certificate], at moment: Date) async -> CertificateFault? {
        guard let small else {
            return await TrustPath.fault(leaf: certificate, intermediates: others, roots: roots, at: moment)
        }
        guard let issuer = (others + roots).first(where: { small.isSigned(by: $0) }) else {
            return .untrusted(.unknownAuthority(issuer: "\(certificate.issuer)"))
        }
        if roots.contains(issuer) { return nil }
        return await TrustPath.fault(
            leaf: issuer, intermediates: others.filter { $0 != issuer }, roots: roots, at: moment)
    }
}
