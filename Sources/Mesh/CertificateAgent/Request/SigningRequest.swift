import Crypto
import CryptoExtras
import FoundationEssentials
import MeshContract
import SwiftASN1
import X509

/// The kind of the keys that an agent makes.
public enum KeyChoice: Sendable, Hashable {
    /// RSA with a modulus of so many bits.
    case rsa(bits: Int)
    /// ECDSA on the curve P-256.
    case p256

    /// The sizes of RSA keys that are made: shorter ones are refused by TLS libraries, longer ones take minutes.
    public static let rsaBits = 2048...8192

    /// A new key.
    func makeKey() throws -> Certificate.PrivateKey {
        switch self {
        case .rsa(let bits): Certificate.PrivateKey(try _RSA.Signing.PrivateKey(keySize: .init(bitCount: bits)))
        case .p256: Certificate.PrivateKey(P256.Signing.PrivateKey())
        }
    }
}

/// A new key and the request for a certificate on it (PKCS #10, RFC 2986).
struct SigningRequest: Sendable {
    /// The new key.
    let key: Certificate.PrivateKey
    /// The key in PEM, as it is written: PKCS #1 for RSA, as upstream writes it, else PKCS #8.
    let keyPEM: [UInt8]
    /// The request in PEM.
    let requestPEM: [UInt8]

    /// Makes a key and a request for an identity.
    init(identity: SPIFFEIdentity, organization: String, key choice: KeyChoice) throws {
        key = try choice.makeKey()
        keyPEM = Array((try key.serializeAsPEM().pemString + "\n").utf8)
        var subject = DistinguishedName()
        if !organization.isEmpty {
            subject = try DistinguishedName { OrganizationName(organization) }
        }
        let names = SubjectAlternativeNames([.uniformResourceIdentifier(identity.description)])
        // RFC 5280, 4.2.1.6: critical where the subject is empty.
        let isOnlyName = organization.isEmpty
        let extensions = try Certificate.Extensions {
            if isOnlyName { Critical(names) } else { names }
        }
        let request = try CertificateSigningRequest(
            version: .v1, subject: subject, privateKey: key,
            attributes: CertificateSigningRequest.Attributes([.init(ExtensionRequest(extensions: extensions))]))
        requestPEM = Array((try request.serializeAsPEM().pemString + "\n").utf8)
    }
}
