import Crypto
import CryptoExtras
import MeshContract
import Platform
import WorkloadCertificates
import X509

/// Everything that the certificate agent is told.
public struct AgentConfiguration: Sendable, Hashable {
    /// The authority of a mesh host.
    public static let standardAuthority = NetworkEndpoint(
        host: MeshNames.certificateAuthority, port: UInt16(MeshPorts.certificateAuthority))

    /// What authorities issue for by themselves, where they do.
    public static let standardLifetime = GoDuration(.seconds(3600))

    /// The files that are kept valid.
    public var files: CertificateFiles
    /// The authority that signs.
    public var authority: NetworkEndpoint
    /// The organization in the subject of requests; empty for none.
    public var organization: String
    /// The kind of the keys that are made.
    public var key: KeyChoice
    /// The lifetime that is asked for, in whole minutes on the wire. Authorities of 0.5 to 1.0 have none of their own, and
    /// take no lifetime for one that is over at once; that of 0.2 decides itself.
    public var requestedLifetime: GoDuration
    /// The part of the lifetime, in percent, that is left when a certificate is renewed.
    public var gracePercent: Int
    /// The part of the wait, in percent, by which a renewal may be earlier at random.
    public var jitterPercent: Int
    /// How long one attempt may take, from the look-up of the name to the answer.
    public var attemptLimit: Duration
    /// How failed attempts are repeated.
    public var retries: RetryLimits

    /// Creates a configuration; without arguments that of a mesh machine.
    public init(
        files: CertificateFiles = .standard, authority: NetworkEndpoint = Self.standardAuthority,
        organization: String = "",
        key: KeyChoice = .rsa(bits: 2048), requestedLifetime: GoDuration = Self.standardLifetime,
        gracePercent: Int = 50,
        jitterPercent: Int = 0, attemptLimit: Duration = .seconds(10), retries: RetryLimits = RetryLimits()
    ) {
        self.files = files
        self.authority = authority
        self.organization = organization
        self.key = key
        self.requestedLifetime = requestedLifetime
        self.gracePercent = gracePercent
        self.jitterPercent = jitterPercent
        self.attemptLimit = attemptLimit
        self.retries = retries
    }
}

/// The kind of the keys that an agent makes.
public enum KeyChoice: Sendable, Hashable {
    /// RSA with a modulus of so many bits.
    case rsa(bits: Int)
    /// ECDSA on the curve P-256.
    case p256

    /// The sizes of RSA keys that are made: shorter ones are refused by TLS libraries, longer ones take minutes.
    public static let rsaBits = 2048...8192

    /// A new key.
    func makeKey() throws -> Certificate.PrivateKey {
        switch self {
        case .rsa(let bits): Certificate.PrivateKey(try _RSA.Signing.PrivateKey(keySize: .init(bitCount: bits)))
        case .p256: Certificate.PrivateKey(P256.Signing.PrivateKey())
        }
    }
}
