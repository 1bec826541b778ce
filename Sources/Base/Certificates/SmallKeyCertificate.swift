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
    /// The key that ``certificate`` has in place of its own.
    public let replacementKey: Certificate.PrivateKey
    /// The size of its key in bits.
    public let bits: Int
    private let signedBytes: [UInt8]
    private let signature: [UInt8]
    private let algorithm: ASN1ObjectIdentifier
    /// Modulus and exponent, encoded.
    private let publicNumbers: [[UInt8]]

    /// Reads a certificate in DER; nil when it is not a certificate, or its key is not an RSA key.
    public init?(derEncoded der: [UInt8]) {
        do {
            let whole = try DER.parse(der)
            let parts = try Self.children(of: whole)
            guard whole.identifier == .sequence, parts.count == 3, case .primitive(let bitString) = parts[2].content,
                bitString.first == 0
            else {
                return nil
            }
            var fields = try Self.children(of: parts[0]).map { Array($0.encodedBytes) }
            // version [0] may be left out; then serial number, algorithm, issuer, validity, subject, key.
            let place = fields.first?.first == 0xa0 ? 6 : 5
            guard fields.count > place, let key = try Self.publicNumbers(ofInfo: fields[place]),
                case .primitive(let modulus) = key[0].content
            else { return nil }
            publicNumbers = key.map { Array($0.encodedBytes) }
            let significant = modulus.drop { $0 == 0 }
            bits = significant.first.map { significant.count * 8 - $0.leadingZeroBitCount } ?? 0
            signedBytes = Array(parts[0].encodedBytes)
            signature = Array(bitString.dropFirst())
            let identifiers = try Self.children(of: parts[1])
            guard let first = identifiers.first else { return nil }
            algorithm = try ASN1ObjectIdentifier(derEncoded: first)
            let replacement = P256.Signing.PrivateKey()
            replacementKey = Certificate.PrivateKey(replacement)
            fields[place] = Array(replacement.publicKey.derRepresentation)
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
        // By its numbers: the library takes no key below 1024 bits. What cannot be read as a key belongs to no certificate.
        guard let blocks = try? PEMBlock.blocks(of: bytes) else { return false }
        return blocks.contains { block in
            guard block.label.hasSuffix("PRIVATE KEY"), let numbers = try? Self.publicNumbers(ofKey: block.der) else {
                return false
            }
            return numbers.map { Array($0.encodedBytes) } == publicNumbers
        }
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

    /// Modulus and exponent of a SubjectPublicKeyInfo; nil when it is of another kind.
    private static func publicNumbers(ofInfo info: [UInt8]) throws -> [ASN1Node]? {
        let parts = try children(of: try DER.parse(info))
        guard parts.count == 2, try isRSA(parts[0]), case .primitive(let bitString) = parts[1].content,
            bitString.first == 0
        else { return nil }
        let numbers = try children(of: try DER.parse(Array(bitString.dropFirst())))
        return numbers.count == 2 ? numbers : nil
    }

    /// Those of a private key: PKCS #8, or PKCS #1 (RFC 8017, appendix A.1.2), in which they stand behind the version.
    private static func publicNumbers(ofKey der: [UInt8]) throws -> [ASN1Node]? {
        let parts = try children(of: try DER.parse(der))
        if parts.count >= 3, try isRSA(parts[1]), case .primitive(let key) = parts[2].content {
            return try publicNumbers(ofKey: Array(key))
        }
        return parts.count >= 9 ? Array(parts[1...2]) : nil
    }

    private static func isRSA(_ algorithm: ASN1Node) throws -> Bool {
        guard let identifier = try children(of: algorithm).first else { return false }
        return try ASN1ObjectIdentifier(derEncoded: identifier) == [1, 2, 840, 113549, 1, 1, 1]
    }

    private static func children(of node: ASN1Node) throws -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { return [] }
        return Array(nodes)
    }
}
