import Certificates
import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1
import X509

/// A request for a certificate (PKCS #10, RFC 2986), read without regard to the size of its key: the agent of 0.2 makes keys of
/// 1024 bits, which the certificate library does not read.
struct CertificateRequest {
    /// Why a request cannot be signed.
    enum Fault: Error, CustomStringConvertible {
        case encoding
        case structure(any Error)
        case signature

        var description: String {
            switch self {
            case .encoding: "certificate signing request is not properly encoded"
            case .structure(let error): "failed to parse X.509 certificate signing request: \(error)"
            case .signature: "the signature does not match the key"
            }
        }
    }

    /// The subject.
    var subject: DistinguishedName
    /// The key with its algorithm (`SubjectPublicKeyInfo`), in DER.
    var publicKeyInfo: [UInt8]
    /// Whether it is an RSA key.
    var isRSA: Bool
    /// The URIs among the names.
    var uris: [String]

    private static let rsaEncryption: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 1, 1]
    private static let extensionRequest: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 9, 14]

    /// Reads a request in PEM and checks that it was signed with its key, where that is one of RSA.
    init(pem: [UInt8]) throws(Fault) {
        let blocks: [PEMBlock]
        do { blocks = try PEMBlock.blocks(of: pem) } catch { throw .encoding }
        guard let block = blocks.first, block.label.hasSuffix("CERTIFICATE REQUEST") else { throw .encoding }
        let signature: ArraySlice<UInt8>
        let signed: ArraySlice<UInt8>
        do {
            let parts = try DERParts(try DER.parse(block.der))
            let info = try parts.node(0)
            let fields = try DERParts(info)
            signed = info.encodedBytes
            signature = try ASN1BitString(derEncoded: try parts.node(2)).bytes
            subject = try DistinguishedName(derEncoded: try fields.node(1))
            publicKeyInfo = Array(try fields.node(2).encodedBytes)
            let algorithm = try DERParts(try DERParts(try fields.node(2)).node(0)).node(0)
            isRSA = try ASN1ObjectIdentifier(derEncoded: algorithm) == Self.rsaEncryption
            uris = []
            for attribute in try fields.nodes.dropFirst(3).flatMap({ try DERParts($0).nodes }) {
                let parts = try DERParts(attribute)
                guard try ASN1ObjectIdentifier(derEncoded: try parts.node(0)) == Self.extensionRequest else { continue }
                uris += try WorkloadNames.uris(extensions: try DERParts(try parts.node(1)).node(0))
            }
        } catch {
            throw .structure(error)
        }
        if isRSA, !isValid(signature, for: signed) { throw .signature }
    }

    private func isValid(_ signature: ArraySlice<UInt8>, for signed: ArraySlice<UInt8>) -> Bool {
        // A malformed key has signed nothing.
        guard let key = try? _RSA.Signing.PublicKey(unsafeDERRepresentation: publicKeyInfo) else { return false }
        let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
        func isValid(_ digest: some Digest) -> Bool {
            key.isValidSignature(signature, for: digest, padding: .insecurePKCS1v1_5)
        }
        return isValid(SHA256.hash(data: signed)) || isValid(SHA384.hash(data: signed))
            || isValid(SHA512.hash(data: signed))
    }
}

/// Names of certificates whose keys the certificate library may refuse.
enum WorkloadNames {
    private static let extensionsTag = ASN1Identifier(tagWithNumber: 3, tagClass: .contextSpecific)

    /// The URIs among the names of a certificate in DER.
    static func uris(certificate der: [UInt8]) throws -> [String] {
        let fields = try DERParts(try DERParts(try DER.parse(der)).node(0))
        guard let tagged = fields.nodes.first(where: { $0.identifier == extensionsTag }) else { return [] }
        return try uris(extensions: try DERParts(tagged).node(0))
    }

    /// The URIs among the names in a sequence of extensions.
    static func uris(extensions: ASN1Node) throws -> [String] {
        try DERParts(extensions).nodes.map { try Certificate.Extension(derEncoded: $0) }
            .filter { $0.oid == .X509ExtensionID.subjectAlternativeName }
            .flatMap { try Array(SubjectAlternativeNames($0)) }
            .compactMap { name in
                if case .uniformResourceIdentifier(let uri) = name { return uri }
                return nil
            }
    }
}

/// The parts of a constructed node.
struct DERParts {
    let nodes: [ASN1Node]

    init(_ node: ASN1Node) throws {
        guard case .constructed(let parts) = node.content else {
            throw ASN1Error.unexpectedFieldType(node.identifier)
        }
        nodes = Array(parts)
    }

    func node(_ index: Int) throws -> ASN1Node {
        guard nodes.indices.contains(index) else {
            throw ASN1Error.invalidASN1Object(reason: "\(nodes.count) parts, expected more than \(index)")
        }
        return nodes[index]
    }
}
