import Crypto
import CryptoExtras
import X509

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
