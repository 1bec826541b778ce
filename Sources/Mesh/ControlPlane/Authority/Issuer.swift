import Crypto
import Files
import FoundationEssentials
import MeshContract
import Platform
import SwiftASN1
import WorkloadCertificates
import X509

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
