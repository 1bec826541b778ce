import Certificates
import FoundationEssentials
import MeshContract
import X509

/// A workload's certificate chain, private key and the roots that it trusts.
///
/// That they can be read says nothing of whether they fit: ``faults(at:expecting:)`` does.
public struct WorkloadCertificates: Sendable {
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
        let chain = try CertificatePEM.chain(ofPEM: chainPEM)
        leaf = chain.leaf
        intermediates = chain.intermediates
        privateKey = try CertificatePEM.privateKey(ofPEM: keyPEM)
        roots = try CertificatePEM.roots(ofPEM: rootPEM)
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
        let contents = try CertificateContents(reading: files)
        do {
            return try WorkloadCertificates(
                chainPEM: contents.chain, keyPEM: contents.key, rootPEM: contents.roots)
        } catch {
            throw error.naming(files)
        }
    }

    /// Creates a value of files whose RSA key is shorter than the 2048 bits that the library takes; nil if they are not that. Leaf
    /// and key are then stand-ins with a key of their own.
    init?(smallKey contents: CertificateContents) throws(CertificateLoadError) {
        guard let chain = try CertificatePEM.smallKeyChain(ofPEM: contents.chain), chain.leaf.isOf(keyPEM: contents.key)
        else { return nil }
        self.init(
            leaf: chain.leaf.certificate, intermediates: chain.intermediates,
            roots: try CertificatePEM.roots(ofPEM: contents.roots), privateKey: chain.leaf.replacementKey)
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
    /// - Throws: ``WorkloadFault/identityCount(_:)`` or ``WorkloadFault/identityMalformed(_:)``.
    public func identity() throws(WorkloadFault) -> SPIFFEIdentity { try leaf.identity() }
}

extension WorkloadCertificates {
    /// Everything that is wrong at a moment, the most basic first; empty when a peer that trusts the roots accepts them.
    ///
    /// - Parameter expecting: the identity that the workload has; nil takes any.
    public func faults(at date: Date, expecting identity: SPIFFEIdentity?) async -> [WorkloadFault] {
        let ofPair = [keyFault, authorityFault, validityFault(at: date)].compactMap {
            $0.map(WorkloadFault.certificate)
        }
        let ofIdentity = [identityFault(expecting: identity)].compactMap(\.self)
        let ofTrust = [await trustFault(at: date)].compactMap { $0.map(WorkloadFault.certificate) }
        return ofPair + ofIdentity + ofTrust
    }

    /// Whether the key is not the leaf's.
    public var keyFault: CertificateFault? {
        if leaf.publicKey == privateKey.publicKey { return nil }
        return .keyMismatch(certificate: KeyKind(leaf.publicKey), key: KeyKind(privateKey.publicKey))
    }

    /// Whether the leaf may sign certificates itself.
    public var authorityFault: CertificateFault? {
        // An extension that cannot be decoded fails the trust check.
        guard case .isCertificateAuthority = try? leaf.extensions.basicConstraints else { return nil }
        return .authority(subject: "\(leaf.subject)")
    }

    /// Whether a moment is outside the leaf's lifetime.
    public func validityFault(at date: Date) -> CertificateFault? {
        if notAfter <= notBefore { return .emptyLifetime(notBefore: notBefore, notAfter: notAfter) }
        if date < notBefore { return .notYetValid(notBefore: notBefore, now: date) }
        if date > notAfter { return .expired(notAfter: notAfter, now: date) }
        return nil
    }

    /// Whether the leaf's identity is missing, ambiguous, malformed or another one.
    public func identityFault(expecting expected: SPIFFEIdentity?) -> WorkloadFault? {
        do {
            let found = try identity()
            if let expected, expected != found { return .identityChanged(expected: expected, found: found) }
            return nil
        } catch {
            return error
        }
    }

    /// Whether no valid chain leads to a root. A leaf that is not valid at that moment is judged by its own lifetime, so
    /// that one cause is not told twice.
    public func trustFault(at date: Date) async -> CertificateFault? {
        let moment = min(max(date, notBefore), notAfter)
        return await TrustPath.fault(leaf: leaf, intermediates: intermediates, roots: roots, at: moment)
    }

    /// The root that the leaf's chain ends in at a moment; nil when it is not trusted.
    public func anchor(at date: Date) async -> Certificate? {
        let moment = min(max(date, notBefore), notAfter)
        return await TrustPath.anchor(leaf: leaf, intermediates: intermediates, roots: roots, at: moment)
    }

    /// The kind of the leaf's key.
    public var keyKind: KeyKind { KeyKind(leaf.publicKey) }
}

/// What the three files hold.
struct CertificateContents: Sendable {
    var chain: [UInt8]
    var key: [UInt8]
    var roots: [UInt8]

    init(reading files: CertificateFiles) throws(CertificateLoadError) {
        chain = try CertificatePEM.read(files.chain, .chain)
        key = try CertificatePEM.read(files.key, .key)
        roots = try CertificatePEM.read(files.root, .roots)
    }
}

/// What a client authenticates itself and its server by.
public struct TLSCredentials: Sendable {
    /// The certificates, decoded. If the key is shorter than the library takes, the leaf has another key in its place.
    public var certificates: WorkloadCertificates
    /// The chain in DER, the leaf first.
    public var chainDER: [[UInt8]]
    /// The key in PEM.
    public var keyPEM: [UInt8]
    /// Whether the RSA key is shorter than 2048 bits, as those of Istio's first agents: authorities of that time accept it.
    public var hasSmallKey: Bool

    /// Reads the three files.
    public init(reading files: CertificateFiles) throws(CertificateLoadError) {
        let contents = try CertificateContents(reading: files)
        keyPEM = contents.key
        do throws(CertificateLoadError) {
            chainDER = try CertificatePEM.chainDER(ofPEM: contents.chain)
            do throws(CertificateLoadError) {
                certificates = try WorkloadCertificates(
                    chainPEM: contents.chain, keyPEM: contents.key, rootPEM: contents.roots)
                hasSmallKey = false
            } catch {
                guard case .weakKey = error.problem, let small = try WorkloadCertificates(smallKey: contents) else {
                    throw error
                }
                certificates = small
                hasSmallKey = true
            }
        } catch {
            throw error.naming(files)
        }
    }
}

/// What keeps a workload from using its certificates.
public enum WorkloadFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// The certificates are wrong, whoever uses them.
    case certificate(CertificateFault)
    /// The leaf does not have exactly one identity.
    case identityCount(Int)
    /// The leaf's identity is not a SPIFFE URI of this form.
    case identityMalformed(String)
    /// The leaf has another identity than the workload.
    case identityChanged(expected: SPIFFEIdentity, found: SPIFFEIdentity)

    /// The sentence for people; where Go's TLS has one for it, that one.
    public var description: String {
        switch self {
        case .certificate(let fault): "\(fault)"
        case .identityCount(let count): NodeAgentMessage.subjectAlternativeNames(count)
        case .identityMalformed(let uri):
            "identity '\(CertificateFault.printable(uri))' is not of the form "
                + "spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT"
        case .identityChanged(let expected, let found): "identity changed: expected '\(expected)', found '\(found)'"
        }
    }
}

/// Where a workload's key, certificate chain and root certificates are.
public struct CertificateFiles: Sendable, Hashable {
    /// The private key.
    public var key: String
    /// The leaf certificate and those between it and the root.
    public var chain: String
    /// The certificates that peers are trusted by.
    public var root: String

    /// Creates the paths.
    public init(key: String, chain: String, root: String) {
        self.key = key
        self.chain = chain
        self.root = root
    }

    /// The three files in a directory under their usual names.
    public init(directory: String) {
        func path(_ standard: String) -> String { directory + standard.dropFirst(MeshPaths.certificates.count) }
        self.init(
            key: path(MeshPaths.key), chain: path(MeshPaths.certificateChain), root: path(MeshPaths.rootCertificate))
    }

    /// The files of a mesh machine, in `/etc/certs`.
    public static let standard = CertificateFiles(
        key: MeshPaths.key, chain: MeshPaths.certificateChain, root: MeshPaths.rootCertificate)
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
    /// The one identity.
    func identity() throws(WorkloadFault) -> SPIFFEIdentity {
        let uris = identityURIs
        guard uris.count == 1 else { throw .identityCount(uris.count) }
        guard let identity = SPIFFEIdentity(uris[0]) else { throw .identityMalformed(uris[0]) }
        return identity
    }
}
