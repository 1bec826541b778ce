import Crypto
import CryptoExtras
import SwiftASN1
import X509

/// A certificate whose RSA key is shorter than the 2048 bits that the library takes, as the first agents made them.
///
/// Authorities and peers of that time accept it, so that it has to be readable. What it says is in ``certificate``, which
/// has another key in its place; key and signature are judged by the methods here.
///
/// Source: RFC 5280, section 4.1.
public struct SmallKeyCertificate: Sendable {
    /// The certificate with another key: everything but its key, its bytes and its signature is as it was.
    public let certificate: Certificate
    /// The size of its key in bits.
    public let bits: Int
    private let signedBytes: [UInt8]
    private let signature: [UInt8]
    private let algorithm: ASN1ObjectIdentifier
    private let publicKey: [UInt8]

    /// Reads a certificate in DER; nil when it is not a certificate, or its key is not an RSA key.
    public init?(derEncoded der: [UInt8]) {
        do {
            let parts = try Self.children(of: try DER.parse(der))
            guard parts.count == 3, case .primitive(let bitString) = parts[2].content, bitString.first == 0 else {
                return nil
            }
            var fields = try Self.children(of: parts[0]).map { Array($0.encodedBytes) }
            // version [0] may be left out; then serial number, algorithm, issuer, validity, subject, key.
            let place = fields.first?.first == 0xa0 ? 6 : 5
            guard fields.count > place, let bits = try Self.modulusBits(fields[place]) else { return nil }
            publicKey = fields[place]
            self.bits = bits
            signedBytes = Array(parts[0].encodedBytes)
            signature = Array(bitString.dropFirst())
            let identifiers = try Self.children(of: parts[1])
            guard let first = identifiers.first else { return nil }
            algorithm = try ASN1ObjectIdentifier(derEncoded: first)
            fields[place] = Array(P256.Signing.PrivateKey().publicKey.derRepresentation)
            var serializer = DER.Serializer()
            serializer.appendConstructedNode(identifier: .sequence) { whole in
                whole.appendConstructedNode(identifier: .sequence) { body in
                    for field in fields { body.serializeRawBytes(field) }
                }
                for part in parts[1...] { whole.serializeRawBytes(part.encodedBytes) }
            }
            certificate = try Certificate(derEncoded: serializer.serializedBytes)
        } catch {
            return nil
        }
    }

    /// Whether a private key in PEM is its key; what cannot be read as an RSA key is not.
    public func isOf(keyPEM bytes: [UInt8]) -> Bool {
        guard let key = try? _RSA.Signing.PrivateKey(unsafePEMRepresentation: String(decoding: bytes, as: UTF8.self))
        else { return false }
        return Array(key.publicKey.derRepresentation) == publicKey
    }

    /// Whether an issuer has signed it.
    public func isSigned(by issuer: Certificate) -> Bool {
        guard issuer.subject == certificate.issuer else { return false }
        switch algorithm {
        case [1, 2, 840, 113549, 1, 1, 11]: return isSigned(byRSA: issuer, SHA256.hash(data: signedBytes))
        case [1, 2, 840, 113549, 1, 1, 12]: return isSigned(byRSA: issuer, SHA384.hash(data: signedBytes))
        case [1, 2, 840, 113549, 1, 1, 13]: return isSigned(byRSA: issuer, SHA512.hash(data: signedBytes))
        case [1, 2, 840, 10045, 4, 3, 2]: return isSigned(byCurve: issuer, SHA256.hash(data: signedBytes))
        case [1, 2, 840, 10045, 4, 3, 3]: return isSigned(byCurve: issuer, SHA384.hash(data: signedBytes))
        case [1, 2, 840, 10045, 4, 3, 4]: return isSigned(byCurve: issuer, SHA512.hash(data: signedBytes))
        default: return false
        }
    }

    private func isSigned(byRSA issuer: Certificate, _ digest: some Digest) -> Bool {
        guard let key = _RSA.Signing.PublicKey(issuer.publicKey) else { return false }
        return key.isValidSignature(
            .init(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
    }

    private func isSigned(byCurve issuer: Certificate, _ digest: some Digest) -> Bool {
        // A signature that cannot be decoded is not valid, whatever is wrong with it.
        if let key = P256.Signing.PublicKey(issuer.publicKey) {
            return (try? P256.Signing.ECDSASignature(derRepresentation: signature))
                .map { key.isValidSignature($0, for: digest) } ?? false
        }
        if let key = P384.Signing.PublicKey(issuer.publicKey) {
            return (try? P384.Signing.ECDSASignature(derRepresentation: signature))
                .map { key.isValidSignature($0, for: digest) } ?? false
        }
        return false
    }

    /// The size of an RSA key's modulus in a SubjectPublicKeyInfo; nil when it is of another kind.
    private static func modulusBits(_ info: [UInt8]) throws -> Int? {
        let parts = try children(of: try DER.parse(info))
        guard parts.count == 2, let identifier = try children(of: parts[0]).first,
            try ASN1ObjectIdentifier(derEncoded: identifier) == [1, 2, 840, 113549, 1, 1, 1],
            case .primitive(let bitString) = parts[1].content, bitString.first == 0,
            case .primitive(let number)? = try children(of: try DER.parse(Array(bitString.dropFirst()))).first?.content
        else { return nil }
        let modulus = number.drop { $0 == 0 }
        return modulus.first.map { modulus.count * 8 - $0.leadingZeroBitCount }
    }

    private static func children(of node: ASN1Node) throws -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { return [] }
        return Array(nodes)
    }
}
