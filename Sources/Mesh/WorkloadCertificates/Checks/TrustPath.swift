import FoundationEssentials
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
