import Files
import FoundationEssentials
import MeshContract
import X509

/// A workload's certificate chain, private key and the roots that it trusts.
///
/// That they can be read says nothing of whether they fit: ``faults(at:expecting:)`` does.
public struct WorkloadCertificates: Sendable {
    /// Bytes that each of the three files may have.
    public static let fileSizeLimit = 1 << 20
    /// Certificates that a chain may have. Chain building is a search, and its cost has to be bounded.
    public static let chainLimit = 16
    /// Certificates that the root file may have: more than any distribution's store has.
    public static let rootLimit = 512

    /// The leaf certificate.
    public let leaf: Certificate
    /// What follows the leaf in the chain, in the file's order.
    public let intermediates: [Certificate]
    /// The trusted certificates, in the file's order.
    public let roots: [Certificate]
    /// The private key.
    public let privateKey: Certificate.PrivateKey

    /// Reads the contents of the three files.
    public init(chainPEM: [UInt8], keyPEM: [UInt8], rootPEM: [UInt8]) throws(CertificateLoadError) {
        let chain = try Self.chain(ofPEM: chainPEM)
        leaf = chain.leaf
        intermediates = chain.intermediates
        privateKey = try PEMDecoding.privateKey(keyPEM)
        roots = try Self.roots(ofPEM: rootPEM)
    }

    /// Creates a value of what is decoded already.
    public init(
        leaf: Certificate, intermediates: [Certificate], roots: [Certificate], privateKey: Certificate.PrivateKey
    ) {
        self.leaf = leaf
        self.intermediates = intermediates
        self.roots = roots
        self.privateKey = privateKey
    }

    /// Reads the three files.
    public static func load(_ files: CertificateFiles) throws(CertificateLoadError) -> WorkloadCertificates {
        try loadWithKey(files).certificates
    }

    /// Reads the three files, and gives the key in PEM as well, for libraries that want it so.
    public static func loadWithKey(
        _ files: CertificateFiles
    ) throws(CertificateLoadError) -> (certificates: WorkloadCertificates, keyPEM: [UInt8]) {
        let chain = try read(files.chain, .chain)
        let key = try read(files.key, .key)
        let roots = try read(files.root, .roots)
        do {
            return (try WorkloadCertificates(chainPEM: chain, keyPEM: key, rootPEM: roots), key)
        } catch {
            throw error.naming(files)
        }
    }

    /// The certificates of a chain file, the leaf first.
    public static func chain(
        ofPEM bytes: [UInt8]
    ) throws(CertificateLoadError) -> (leaf: Certificate, intermediates: [Certificate]) {
        let all = try PEMDecoding.certificates(bytes, subject: .chain, limit: chainLimit)
        return (all[0], Array(all.dropFirst()))
    }

    /// The certificates of a root file.
    public static func roots(ofPEM bytes: [UInt8]) throws(CertificateLoadError) -> [Certificate] {
        try PEMDecoding.certificates(bytes, subject: .roots, limit: rootLimit)
    }

    /// The first private key of a file.
    public static func privateKey(ofPEM bytes: [UInt8]) throws(CertificateLoadError) -> Certificate.PrivateKey {
        try PEMDecoding.privateKey(bytes)
    }

    /// One of the files as it is, within the size limit.
    static func read(_ path: String, _ subject: CertificateLoadError.Subject) throws(CertificateLoadError) -> [UInt8] {
        do {
            return try FileTree.readWhole(path, limit: fileSizeLimit)
        } catch {
            throw CertificateLoadError(subject: subject, path: path, problem: .unreadable(error))
        }
    }

    /// The whole chain, the leaf first.
    public var chain: [Certificate] { [leaf] + intermediates }

    /// From when on the leaf is valid.
    public var notBefore: Date { leaf.notValidBefore }

    /// Until when the leaf is valid.
    public var notAfter: Date { leaf.notValidAfter }

    /// The URIs among the leaf's subject alternative names; none when it has no readable extension.
    public var identityURIs: [String] { leaf.identityURIs }

    /// The leaf's one identity.
    ///
    /// - Throws: ``CertificateFault/identityCount(_:)`` or ``CertificateFault/identityMalformed(_:)``.
    public func identity() throws(CertificateFault) -> SPIFFEIdentity { try leaf.identity() }
}

extension CertificateLoadError {
    /// The error with the path of its file.
    func naming(_ files: CertificateFiles) -> CertificateLoadError {
        var error = self
        switch subject {
        case .chain: error.path = files.chain
        case .key: error.path = files.key
        case .roots: error.path = files.root
        }
        return error
    }
}

extension Certificate {
    /// Whether it is an authority's, names itself as its issuer and is signed by its own key.
    public var isSelfSignedAuthority: Bool {
        // An extension that cannot be decoded makes no authority.
        guard case .isCertificateAuthority = try? extensions.basicConstraints else { return false }
        return subject == issuer && publicKey.isValidSignature(signature, for: self)
    }

    /// The URIs among the subject alternative names.
    public var identityURIs: [String] {
        // A certificate whose extension cannot be decoded has no identity; the caller sees the number 0.
        guard let names = try? extensions.subjectAlternativeNames else { return [] }
        return names.compactMap { name in
            if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
        }
    }

    /// The one identity.
    func identity() throws(CertificateFault) -> SPIFFEIdentity {
        let uris = identityURIs
        guard uris.count == 1 else { throw .identityCount(uris.count) }
        guard let identity = SPIFFEIdentity(uris[0]) else { throw .identityMalformed(uris[0]) }
        return identity
    }
}
