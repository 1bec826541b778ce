import MeshContract
import Platform
import WorkloadCertificates

/// Everything that the certificate agent is told.
public struct AgentConfiguration: Sendable, Hashable {
    /// The files that are kept valid.
    public var files: CertificateFiles
    /// The authority that signs.
    public var authority: AuthorityAddress
    /// The organization in the subject of requests; empty for none.
    public var organization: String
    /// The kind of the keys that are made.
    public var key: KeyChoice
    /// The lifetime that is asked for, in whole minutes on the wire; nil leaves it to the authority.
    public var requestedLifetime: GoDuration?
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
        files: CertificateFiles = .standard, authority: AuthorityAddress = .standard, organization: String = "",
        key: KeyChoice = .rsa(bits: 2048), requestedLifetime: GoDuration? = nil, gracePercent: Int = 50,
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

/// How failed attempts are repeated.
public struct RetryLimits: Sendable, Hashable {
    /// The wait after the first failure; it doubles with each.
    public var initialWait: Duration
    /// How many attempts follow the first before the agent gives up.
    public var maximum: Int

    /// Creates limits; without arguments those of the contract: 5, 10, 20, 40 and 80 seconds.
    public init(initialWait: Duration = .seconds(5), maximum: Int = 5) {
        self.initialWait = initialWait
        self.maximum = maximum
    }

    /// The wait before a repetition, the first of which has number 1.
    func wait(before retrial: Int) -> Duration { initialWait * (1 << min(max(retrial - 1, 0), 20)) }
}
