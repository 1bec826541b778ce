import FoundationEssentials
import MeshContract

/// What is wrong with certificates that can be read.
public enum CertificateFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// The private key is not that of the leaf certificate.
    case keyMismatch(certificate: KeyKind, key: KeyKind)
    /// The leaf is not valid yet.
    case notYetValid(notBefore: Date, now: Date)
    /// The leaf is valid no more.
    case expired(notAfter: Date, now: Date)
    /// The leaf's lifetime is empty or negative.
    case emptyLifetime(notBefore: Date, notAfter: Date)
    /// The leaf has another number of identities than one.
    case identityCount(Int)
    /// The leaf's identity is no SPIFFE URI of this form.
    case identityMalformed(String)
    /// The leaf has another identity than the workload.
    case identityChanged(expected: SPIFFEIdentity, found: SPIFFEIdentity)
    /// No chain leads from the leaf to a root.
    case untrusted(TrustFault)
    /// The leaf is a certificate authority's.
    case authority(subject: String)

    /// Why a leaf is not trusted.
    public enum TrustFault: Sendable, Hashable {
        /// No certificate of the chain is signed by a root.
        case unknownAuthority(issuer: String)
        /// A chain leads to a root, and breaks a rule of RFC 5280; the reason is the verifier's.
        case rule(String)
    }

    /// The sentence for people; where Go's TLS has one for it, that one.
    public var description: String {
        switch self {
        case .keyMismatch(let certificate, let key):
            "private key does not match public key: the certificate has \(certificate), the key is "
                + (certificate == key ? "another \(key)" : "\(key)")
        case .notYetValid(let notBefore, let now):
            "certificate has expired or is not yet valid: current time \(Self.text(now)) is before "
                + Self.text(notBefore)
        case .expired(let notAfter, let now):
            "certificate has expired or is not yet valid: current time \(Self.text(now)) is after "
                + Self.text(notAfter)
        case .emptyLifetime(let notBefore, let notAfter):
            "certificate has no lifetime: not before \(Self.text(notBefore)), not after \(Self.text(notAfter))"
        case .identityCount(let count): NodeAgentMessage.subjectAlternativeNames(count)
        case .identityMalformed(let uri):
            "identity '\(Self.printable(uri))' is not of the form spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT"
        case .identityChanged(let expected, let found): "identity changed: expected '\(expected)', found '\(found)'"
        case .untrusted(.unknownAuthority(let issuer)):
            "certificate signed by unknown authority: no root certificate for issuer '\(Self.printable(issuer))'"
        case .untrusted(.rule(let reason)): "certificate chain is not valid: \(Self.printable(reason))"
        case .authority(let subject):
            "certificate of '\(Self.printable(subject))' is a certificate authority's, expected a workload's"
        }
    }

    private static func text(_ date: Date) -> String { date.formatted(.iso8601) }

    /// Text from a certificate without control characters, which would forge lines of a log, and not endless.
    public static func printable(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(400) {
            let isControl =
                scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
                || scalar.value == 0x2028 || scalar.value == 0x2029
            scalars.append(isControl ? "?" : scalar)
        }
        return String(scalars)
    }
}
