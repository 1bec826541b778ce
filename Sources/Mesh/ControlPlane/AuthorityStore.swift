import Certificates
import Crypto
import Files
import FoundationEssentials
import MeshContract
import Platform
import SwiftASN1
import WorkloadCertificates
import X509

/// Root and intermediate of the certificate authority, kept in the state directory.
public struct AuthorityStore: Sendable {
    /// A certificate with its key.
    struct Signer: Sendable {
        var certificate: Certificate
        var key: Certificate.PrivateKey
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
            return Signer(certificate: certificate, key: key)
        }
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
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
        return Signer(certificate: certificate, key: key)
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

    /// An issuer of an authority.
    public init(_ store: AuthorityStore) { self.store = store }

    /// A workload's certificate.
    ///
    /// - Parameter names: its names; none makes a certificate that no peer takes.
    func workload(
        _ key: Certificate.PublicKey, names: [String], subject: DistinguishedName, from: Date, until: Date
    ) throws -> Certificate {
        try sign(
            key, subject: subject, from: from, until: until,
            names: names.map { GeneralName.uniformResourceIdentifier($0) }, usages: [.clientAuth, .serverAuth])
    }

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
            notValidAfter: until, issuer: store.intermediate.certificate.subject, subject: subject,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
                try ExtendedKeyUsage(usages)
                if !names.isEmpty { SubjectAlternativeNames(names) }
            },
            issuerPrivateKey: store.intermediate.key)
    }

    /// The certificates between a leaf and the root, in PEM.
    func intermediatesPEM() throws -> String { try store.intermediate.certificate.serializeAsPEM().pemString + "\n" }

    /// The root in PEM.
    public func rootPEM() throws -> String { try store.root.certificate.serializeAsPEM().pemString + "\n" }

    /// Writes what an administrator copies to a machine: `key.pem`, `cert-chain.pem`, `root-cert.pem`.
    public func bootstrap(_ identity: SPIFFEIdentity, lifetime: GoDuration, into folder: String) throws {
        try FileTree.createDirectories(folder, permissions: 0o700)
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let now = Date()
        let leaf = try workload(
            key.publicKey, names: [identity.description], subject: try DistinguishedName { OrganizationName("Istio") },
            from: now.addingTimeInterval(-1), until: now.addingTimeInterval(lifetime.seconds))
        let files = CertificateFiles(directory: folder)
        try AuthorityStore.write(try rootPEM(), to: files.root, permissions: 0o644)
        try AuthorityStore.write(try key.serializeAsPEM().pemString + "\n", to: files.key, permissions: 0o600)
        try AuthorityStore.write(
            try leaf.serializeAsPEM().pemString + "\n" + intermediatesPEM(), to: files.chain, permissions: 0o644)
    }
}
