import Crypto
import CryptoExtras
import FoundationEssentials
import Platform
import X509

/// What is wrong with certificates that can be read.
public enum CertificateFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// The private key is not that of the leaf certificate.
    case keyMismatch(certificate: KeyKind, key: KeyKind)
    /// The leaf is not valid yet.
    case notYetValid(notBefore: Date, now: Date)
    /// The leaf is no longer valid.
    case expired(notAfter: Date, now: Date)
    /// The leaf's lifetime is empty or negative.
    case emptyLifetime(notBefore: Date, notAfter: Date)
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

    /// Whether it is in the leaf's dates.
    public var isOfLifetime: Bool {
        switch self {
        case .notYetValid, .expired, .emptyLifetime: true
        case .keyMismatch, .untrusted, .authority: false
        }
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
        case .untrusted(.unknownAuthority(let issuer)):
            "certificate signed by unknown authority: no root certificate for issuer '\(Self.printable(issuer))'"
        case .untrusted(.rule(let reason)): "certificate chain is not valid: \(Self.printable(reason))"
        case .authority(let subject):
            "certificate of '\(Self.printable(subject))' is a certificate authority's, expected a workload's"
        }
    }

    private static func text(_ date: Date) -> String { date.formatted(.iso8601) }

    /// Text from a certificate as a part of one line, cut where it is endless.
    public static func printable(_ text: String) -> String {
        DisplayText.inline(DisplayText.shortened(text, to: 400))
    }
}

/// The algorithm and size of a public key.
public struct KeyKind: Sendable, Hashable, CustomStringConvertible {
    /// The algorithm.
    public enum Algorithm: String, Sendable, Hashable, CaseIterable {
        case rsa = "RSA"
        case ecdsa = "ECDSA"
        case ed25519 = "Ed25519"
        case other = "unknown"
    }

    /// The algorithm.
    public var algorithm: Algorithm
    /// The size in bits; 0 for an unknown algorithm.
    public var bits: Int

    /// Creates a kind.
    public init(algorithm: Algorithm, bits: Int) {
        self.algorithm = algorithm
        self.bits = bits
    }

    /// The kind of a certificate's or key's public key.
    public init(_ key: Certificate.PublicKey) {
        if let rsa = _RSA.Signing.PublicKey(key) {
            self.init(algorithm: .rsa, bits: rsa.keySizeInBits)
        } else if P256.Signing.PublicKey(key) != nil {
            self.init(algorithm: .ecdsa, bits: 256)
        } else if P384.Signing.PublicKey(key) != nil {
            self.init(algorithm: .ecdsa, bits: 384)
        } else if P521.Signing.PublicKey(key) != nil {
            self.init(algorithm: .ecdsa, bits: 521)
        } else if Curve25519.Signing.PublicKey(key) != nil {
            self.init(algorithm: .ed25519, bits: 256)
        } else {
            self.init(algorithm: .other, bits: 0)
        }
    }

    /// For people: `RSA 2048`.
    public var description: String { bits == 0 ? algorithm.rawValue : "\(algorithm.rawValue) \(bits)" }
}
