import FoundationEssentials
import Platform
import SwiftASN1
// The public way to judge at another moment than now is deprecated in favour of this one.
@_spi(FixedExpiryValidationTime) import X509

/// The way from a leaf certificate to a root.
///
/// Source: RFC 5280, section 6.
public enum TrustPath {
    /// Why there is none; nil when there is one.
    public static func fault(
        leaf: Certificate, intermediates: [Certificate], roots: [Certificate], at date: Date
    ) async -> CertificateFault? {
        switch await validate(leaf: leaf, intermediates: intermediates, roots: roots, at: date) {
        case .validCertificate: return nil
        case .couldNotValidate(let failures):
            if let first = failures.first { return .untrusted(.rule("\(first.policyFailureReason)")) }
            let known = leaf.hasUnknownCriticalExtension
            if let known { return .untrusted(.rule("critical extension \(known) is not known")) }
            // The issuer that is missing is that of the last certificate which the chain itself leads to.
            var tip = leaf
            var rest = intermediates
            while let next = rest.firstIndex(where: { $0.subject == tip.issuer && $0.subject != $0.issuer }) {
                tip = rest.remove(at: next)
            }
            return .untrusted(.unknownAuthority(issuer: "\(tip.issuer)"))
        }
    }

    /// The root that the chain ends in; nil when there is no chain.
    public static func anchor(
        leaf: Certificate, intermediates: [Certificate], roots: [Certificate], at date: Date
    ) async -> Certificate? {
        guard
            case .validCertificate(let chain) = await validate(
                leaf: leaf, intermediates: intermediates, roots: roots, at: date)
        else { return nil }
        return Array(chain).last
    }

    /// Whether there is a way and the leaf is a server's of this name (RFC 6125) or address.
    static func isValid(
        leaf: Certificate, intermediates: [Certificate], roots: [Certificate], at date: Date, host: String?,
        address: String?
    ) async -> Bool {
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) {
            RFC5280Policy(fixedExpiryValidationTime: date)
            WorkloadPolicy()
            ServerIdentityPolicy(serverHostname: host, serverIP: address)
        }
        let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(intermediates))
        if case .validCertificate = result { return true }
        return false
    }

    private static func validate(
        leaf: Certificate, intermediates: [Certificate], roots: [Certificate], at date: Date
    ) async -> CertificateValidationResult {
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) {
            RFC5280Policy(fixedExpiryValidationTime: date)
            WorkloadPolicy()
        }
        return await verifier.validate(leaf: leaf, intermediates: CertificateStore(intermediates))
    }
}

extension Certificate {
    fileprivate var hasUnknownCriticalExtension: String? {
        let known: [ASN1ObjectIdentifier] =
            WorkloadPolicy().verifyingCriticalExtensions + RFC5280Policy().verifyingCriticalExtensions
        return extensions.first { $0.critical && !known.contains($0.oid) }.map { "\($0.oid)" }
    }
}

/// What RFC5280Policy leaves to its users: names, which the caller judges, and purposes.
private struct WorkloadPolicy: VerifierPolicy {
    /// Istio marks the subject alternative names critical where the subject is empty, as RFC 5280 4.2.1.6 demands.
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
        .X509ExtensionID.subjectAlternativeName, .X509ExtensionID.extendedKeyUsage,
    ]

    func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) async -> PolicyEvaluationResult {
        do {
            // A workload is client and server in one, but old authorities name only one purpose: either will do.
            if let usage = try chain.leaf.extensions.extendedKeyUsage,
                !usage.contains(where: { [.clientAuth, .serverAuth, .any].contains($0) })
            {
                return .failsToMeetPolicy(reason: "the certificate is for neither TLS clients nor TLS servers")
            }
            for issuer in chain.dropFirst() {
                if let usage = try issuer.extensions.keyUsage, !usage.keyCertSign {
                    return .failsToMeetPolicy(reason: "issuer '\(issuer.subject)' may not sign certificates")
                }
            }
            return .meetsPolicy
        } catch {
            return .failsToMeetPolicy(reason: "an extension cannot be decoded: \(error)")
        }
    }
}

/// The certificates that a TLS server shows, the leaf first.
public struct ServerCertificate: Sendable {
    /// The server's own certificate.
    public let leaf: Certificate
    /// What it sent after it.
    public let intermediates: [Certificate]

    /// Creates a chain.
    public init(leaf: Certificate, intermediates: [Certificate]) {
        self.leaf = leaf
        self.intermediates = intermediates
    }

    /// What is wrong with a server's certificate.
    public enum Fault: Error, Sendable, Hashable, CustomStringConvertible {
        /// It is not trusted or not valid at this moment.
        case certificate(CertificateFault)
        /// It was dialled by a name that the certificate does not have.
        case wrongName(dialled: String, names: [String])
        /// It was dialled by an address, and the certificate has none or others.
        case wrongAddress(dialled: String, addresses: Int)

        /// The sentence for people, as Go's crypto/x509 words it.
        public var description: String {
            switch self {
            case .certificate(let fault): "x509: \(fault)"
            case .wrongName(let dialled, let names) where names.isEmpty:
                "x509: certificate is not valid for any names, but wanted to match \(dialled)"
            case .wrongName(let dialled, let names):
                "x509: certificate is valid for \(CertificateFault.printable(names.joined(separator: ", "))), "
                    + "not \(dialled)"
            case .wrongAddress(let dialled, 0):
                "x509: cannot validate certificate for \(dialled) because it doesn't contain any IP SANs"
            case .wrongAddress(let dialled, _): "x509: certificate is not valid for the address \(dialled)"
            }
        }
    }

    /// What is wrong when it was dialled by a host name or an address; nil when it is to be trusted.
    public func fault(dialled host: String, roots: [Certificate], at date: Date) async -> Fault? {
        if date < leaf.notValidBefore {
            return .certificate(.notYetValid(notBefore: leaf.notValidBefore, now: date))
        }
        if date > leaf.notValidAfter { return .certificate(.expired(notAfter: leaf.notValidAfter, now: date)) }
        if let fault = await TrustPath.fault(leaf: leaf, intermediates: intermediates, roots: roots, at: date) {
            return .certificate(fault)
        }
        let isAddress = IPAddress(host) != nil
        let isNamed = await TrustPath.isValid(
            leaf: leaf, intermediates: intermediates, roots: roots, at: date, host: isAddress ? nil : host,
            address: isAddress ? host : nil)
        if isNamed { return nil }
        var names: [String] = []
        var addresses = 0
        // Undecodable names have failed the policy; there is nothing of them to tell.
        for name in (try? leaf.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames([]) {
            if case .dnsName(let text) = name { names.append(text) }
            if case .ipAddress = name { addresses += 1 }
        }
        return isAddress
            ? .wrongAddress(dialled: host, addresses: addresses) : .wrongName(dialled: host, names: names)
    }

    /// Whether one of its names or addresses is this one, whoever issued it (RFC 9525, section 6): DNS names without regard
    /// to case, with `*` for a whole first label.
    public func isFor(_ host: String) -> Bool {
        // A certificate whose names cannot be decoded is for nobody.
        guard let names = try? leaf.extensions.subjectAlternativeNames else { return false }
        let wanted = Self.labels(host)
        let address = IPAddress(host)?.bytes
        return names.contains { name in
            switch name {
            case .dnsName(let text) where address == nil:
                let labels = Self.labels(text)
                return labels == wanted
                    || (labels.first == "*" && wanted.count > 2 && labels.dropFirst() == wanted.dropFirst())
            case .ipAddress(let octets): return address.map { Array(octets.bytes) == $0 } ?? false
            default: return false
            }
        }
    }

    private static func labels(_ name: String) -> [String] {
        var labels = name.lowercased().utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        if labels.last == "" { labels.removeLast() }
        return labels
    }

    /// Whether a trusted way leads to one of these roots, whatever the server is called.
    public func isAnchored(in roots: [Certificate], at date: Date) async -> Bool {
        await TrustPath.anchor(leaf: leaf, intermediates: intermediates, roots: roots, at: date) != nil
    }
}

extension Certificate {
    /// Whether it is an authority's, names itself as its issuer and is signed by its own key.
    public var isSelfSignedAuthority: Bool {
        // An extension that cannot be decoded makes no authority.
        guard case .isCertificateAuthority = try? extensions.basicConstraints else { return false }
        return subject == issuer && publicKey.isValidSignature(signature, for: self)
    }

    /// The URIs among the subject alternative names.
    public var identityURIs: [String] {
        // A certificate whose extension cannot be decoded has no identity; the caller sees the number 0.
        guard let names = try? extensions.subjectAlternativeNames else { return [] }
        return names.compactMap { name in
            if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
        }
    }
}
