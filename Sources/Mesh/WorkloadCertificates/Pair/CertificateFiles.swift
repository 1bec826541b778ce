import MeshContract

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
