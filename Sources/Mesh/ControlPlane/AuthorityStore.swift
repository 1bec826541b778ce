import Certificates
import Crypto
import CryptoExtras
import Files
import FoundationEssentials
import MeshContract
import Platform
import SwiftASN1
import WorkloadCertificates
import X509

/// Root and intermediate of the certificate authority, kept in the state directory. Their keys are RSA's, as those of all
/// authorities that Istio made.
public struct AuthorityStore: Sendable {
    /// A certificate with its key.
    struct Signer: Sendable {
        var certificate: Certificate
        var key: Certificate.PrivateKey
        /// The key as it signs what the certificate library does not.
        let rsa: _RSA.Signing.PrivateKey
    }

    /// The root.
    let root: Signer
    /// What signs workloads.
    let intermediate: Signer

    private static let rootLifetime: TimeInterval = 10 * 365 * 86400
    /// Clocks of machines differ: what begins now is not valid yet on some.
    static let backdating: TimeInterval = 60

    /// Opens the authority of a state directory; makes it when there is none.
    ///
    /// - Parameter generation: 0 for the authority itself, more for those that follow when the root changes.
    public init(state: String, generation: Int = 0) throws {
        let folder = generation == 0 ? state + "/ca" : state + "/ca-\(generation)"
        try FileTree.createDirectories(folder, permissions: 0o700)
        let name = generation == 0 ? "mesh-lab root" : "mesh-lab root \(generation + 1)"
        root = try Self.open(folder + "/root", subject: name, issuer: nil)
        intermediate = try Self.open(folder + "/intermediate", subject: "mesh-lab intermediate", issuer: root)
    }

    private static func open(_ path: String, subject: String, issuer: Signer?) throws -> Signer {
        let keyPath = path + ".key.pem"
        let certificatePath = path + ".pem"
        if try FileStatus.ofIfExists(certificatePath, followLinks: false) != nil {
            let certificates = try CertificatePEM.roots(
                ofPEM: try FileTree.readWhole(certificatePath, limit: 1 << 20))
            guard let certificate = certificates.first else {
                throw AuthorityStoreError(path: certificatePath, expected: "a certificate", found: "none")
            }
            let key = try CertificatePEM.privateKey(ofPEM: try FileTree.readWhole(keyPath, limit: 1 << 20))
            guard key.publicKey == certificate.publicKey else {
                throw AuthorityStoreError(
                    path: keyPath, expected: "the key of \(certificatePath)", found: "another key; remove both")
            }
            let rsa: _RSA.Signing.PrivateKey
            do {
                rsa = try _RSA.Signing.PrivateKey(pemRepresentation: try key.serializeAsPEM().pemString)
            } catch {
                throw AuthorityStoreError(path: keyPath, expected: "an RSA key", found: "\(key); remove the folder")
            }
            return Signer(certificate: certificate, key: key, rsa: rsa)
        }
        let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let key = Certificate.PrivateKey(rsa)
        let name = try DistinguishedName {
            OrganizationName("Istio")
            CommonName(subject)
        }
        let now = Date()
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: now.addingTimeInterval(-backdating), notValidAfter: now.addingTimeInterval(rootLifetime),
            issuer: issuer?.certificate.subject ?? name, subject: name,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: issuer == nil ? 1 : 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            },
            issuerPrivateKey: issuer?.key ?? key)
        // The certificate comes last: where it is, the key is as well.
        try write(try key.serializeAsPEM().pemString + "\n", to: keyPath, permissions: 0o600)
        try write(try certificate.serializeAsPEM().pemString + "\n", to: certificatePath, permissions: 0o644)
        return Signer(certificate: certificate, key: key, rsa: rsa)
    }

    static func write(_ text: String, to path: String, permissions: UInt16) throws(FileError) {
        let file = try AtomicFile(target: path, permissions: permissions)
        try file.write(Array(text.utf8))
        try file.commit()
    }
}

/// The authority's files do not belong together.
public struct AuthorityStoreError: Error, CustomStringConvertible, Sendable {
    /// The file.
    public var path: String
    /// What should be in it.
    public var expected: String
    /// What is.
    public var found: String

    /// The fault in one sentence.
    public var description: String { "cannot read '\(path)': expected \(expected), found \(found)" }
}

/// Signs certificates.
public struct Issuer: Sendable {
    let store: AuthorityStore
    private let hasIntermediate: Bool

    /// An issuer of an authority.
    ///
    /// - Parameter generation: some sign with the root itself.
    public init(_ store: AuthorityStore, generation: IstioGeneration = .v0_2) {
        self.store = store
        hasIntermediate = generation.hasIntermediate
    }

    private var signer: AuthorityStore.Signer { hasIntermediate ? store.intermediate : store.root }

    /// A workload's certificate, in PEM.
    ///
    /// - Parameters:
    ///   - key: its `SubjectPublicKeyInfo` in DER; keys that the certificate library refuses are signed as well.
    ///   - names: its names; none makes a certificate that no peer takes.
    func workload(
        _ key: [UInt8], names: [String], subject: DistinguishedName, from: Date, until: Date
    ) throws -> String {
        // The library signs another key, in whose place the key then comes.
        let model = try sign(
            signer.key.publicKey, subject: subject, from: from, until: until,
            names: names.map { GeneralName.uniformResourceIdentifier($0) }, usages: [.clientAuth, .serverAuth])
        var serializer = DER.Serializer()
        try serializer.serialize(model)
        let parts = try DERParts(try DER.parse(serializer.serializedBytes))
        let key = try DER.parse(key)
        let fields = try DERParts(try parts.node(0)).nodes
        var signed = DER.Serializer()
        signed.appendConstructedNode(identifier: .sequence) { coder in
            for (index, field) in fields.enumerated() { coder.serialize(index == Self.keyField ? key : field) }
        }
        let signature = try signer.rsa.signature(
            for: SHA256.hash(data: signed.serializedBytes), padding: .insecurePKCS1v1_5)
        let algorithm = try parts.node(1)
        let body = try DER.parse(signed.serializedBytes)
        var whole = DER.Serializer()
        try whole.appendConstructedNode(identifier: .sequence) { coder in
            coder.serialize(body)
            coder.serialize(algorithm)
            try coder.serialize(ASN1BitString(bytes: Array(signature.rawRepresentation)[...]))
        }
        return String(decoding: PEMBlock.text(label: "CERTIFICATE", der: whole.serializedBytes), as: UTF8.self)
    }

    /// The place of the key in a certificate's body (RFC 5280, section 4.1).
    private static let keyField = 6

    /// The authority's own certificate as a server.
    func server(_ key: Certificate.PublicKey, until: Date) throws -> Certificate {
        try sign(
            key, subject: try DistinguishedName { CommonName(MeshNames.certificateAuthority) },
            from: Date().addingTimeInterval(-AuthorityStore.backdating), until: until,
            names: [.dnsName(MeshNames.certificateAuthority)], usages: [.serverAuth])
    }

    private func sign(
        _ key: Certificate.PublicKey, subject: DistinguishedName, from: Date, until: Date, names: [GeneralName],
        usages: [ExtendedKeyUsage.Usage]
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key, notValidBefore: from,
            notValidAfter: until, issuer: signer.certificate.subject, subject: subject,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
                try ExtendedKeyUsage(usages)
                if !names.isEmpty { SubjectAlternativeNames(names) }
            },
            issuerPrivateKey: signer.key)
    }

    /// The certificates between a leaf and the root, in PEM; may be empty.
    func intermediatesPEM() throws -> String {
        hasIntermediate ? try store.intermediate.certificate.serializeAsPEM().pemString + "\n" : ""
    }

    /// The root in PEM.
    public func rootPEM() throws -> String { try store.root.certificate.serializeAsPEM().pemString + "\n" }

    /// Writes what an administrator copies to a machine: `key.pem`, `cert-chain.pem`, `root-cert.pem`.
    public func bootstrap(_ identity: SPIFFEIdentity, lifetime: GoDuration, into folder: String) throws {
        try FileTree.createDirectories(folder, permissions: 0o700)
        let key = P256.Signing.PrivateKey()
        let now = Date()
        let leaf = try workload(
            Array(key.publicKey.derRepresentation), names: [identity.description],
            subject: try DistinguishedName { OrganizationName("Istio") }, from: now.addingTimeInterval(-1),
            until: now.addingTimeInterval(lifetime.seconds))
        let files = CertificateFiles(directory: folder)
        try AuthorityStore.write(try rootPEM(), to: files.root, permissions: 0o644)
        try AuthorityStore.write(
            try Certificate.PrivateKey(key).serializeAsPEM().pemString + "\n", to: files.key, permissions: 0o600)
        try AuthorityStore.write(leaf + intermediatesPEM(), to: files.chain, permissions: 0o644)
    }
}
