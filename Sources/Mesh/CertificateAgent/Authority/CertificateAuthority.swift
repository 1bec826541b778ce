import Certificates
import WorkloadCertificates

/// What an authority is asked.
public struct SignatureQuery: Sendable, Hashable {
    /// The PKCS #10 request in PEM.
    public var requestPEM: [UInt8]
    /// The lifetime in whole minutes; 0 leaves it to the authority.
    public var lifetimeMinutes: Int32
}

/// What an authority answered.
public struct SignatureAnswer: Sendable {
    /// Whether it signed.
    public var isApproved: Bool
    /// What it says of it, such as why not; may be empty.
    public var remark: String
    /// The leaf and what follows it, in PEM; of the older generation from one field, of the later from two.
    public var chainPEM: [UInt8]
    /// The certificates that it showed.
    public var server: ServerCertificate
}

/// Signs certificate requests.
public protocol CertificateAuthority: Sendable {
    /// Asks for a signature, authenticated by present certificates.
    func sign(
        _ query: SignatureQuery, credentials: TLSCredentials
    ) async throws(AuthorityError) -> SignatureAnswer
}

/// What a client authenticates itself and its server by.
public struct TLSCredentials: Sendable {
    /// The certificates, decoded.
    public var certificates: WorkloadCertificates
    /// The key in PEM.
    public var keyPEM: [UInt8]
}
