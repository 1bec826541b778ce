import ArgumentParser
import MeshContract
import NodeAgent
import Platform
import WorkloadCertificates

/// `node_agent`.
struct NodeAgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node_agent",
        abstract: "Keep the certificate of a machine in an Istio mesh valid.",
        discussion: """
            Sends a signing request for a new key to the certificate authority, at the start and then whenever half of \
            the certificate's lifetime is over, and puts the new key and chain in the place of the old ones. The \
            present files authenticate it, so the first ones have to be copied to the machine.

            A failed attempt is repeated after 5, 10, 20, 40 and 80 seconds; then the agent ends, and its unit starts \
            it again. Flags may have one dash or two, and their value after a space or '='. The log always goes to \
            standard error; --logtostderr, --alsologtostderr, --stderrthreshold, --vmodule, --log_* and --platform of \
            former agents are taken and ignored, and 'node_agent version' prints the version.

            SIGNALS
              SIGHUP           renew now
              SIGTERM, SIGINT  end at once

            ENVIRONMENT
              TZ               the time zone of the log (tzset(3))

            EXAMPLES
              node_agent --logtostderr             what the unit starts
              node_agent -ca-address istio-ca:8060 -v=2
                                                   say more in the log
              node_agent --key-type ecdsa-p256     smaller keys, for an authority with such a key
              node_agent --grace-percent 25        renew later
              kill -HUP $(pidof node_agent)        renew now

            EXIT STATUS
              0    ended by SIGTERM or SIGINT
              2    wrong usage
              255  the authority has not approved a request after the last repetition
            """,
        version: ProductVersion.text)

    @Option(help: ArgumentHelp("The organization in the subject of requests.", valueName: "name"))
    var org = ""

    @Option(
        help: ArgumentHelp(
            "The size of RSA keys in bits, up to \(KeyChoice.rsaBits.upperBound); less than "
                + "\(KeyChoice.rsaBits.lowerBound), as former agents made them, becomes that. (default: 2048)",
            valueName: "bits"))
    var keySize: Int?

    @Option(
        help: ArgumentHelp(
            "The kind of new keys: rsa or ecdsa-p256, which an authority with an RSA key refuses to sign: all that Istio "
                + "makes itself have one.", valueName: "type"))
    var keyType = KeyType.rsa

    @Option(help: ArgumentHelp("The certificate chain, read and replaced.", valueName: "file"))
    var certChain = MeshPaths.certificateChain

    @Option(help: ArgumentHelp("The private key, read and replaced.", valueName: "file"))
    var key = MeshPaths.key

    @Option(
        help: ArgumentHelp(
            "The root certificates, read; replaced only when the authority has a new one.", valueName: "file"))
    var rootCert = MeshPaths.rootCertificate

    @Option(
        help: ArgumentHelp(
            "The authority; its certificate has to be valid for this host.", valueName: "host:port"))
    var caAddress = AgentConfiguration.standardAuthority

    @Option(
        help: ArgumentHelp(
            "The platform that vouches for this machine: onprem; unspecified means the same.", valueName: "platform"))
    var env = VouchingPlatform.onprem

    @Option(
        help: ArgumentHelp(
            "The lifetime to ask for, such as 24h or 1h30m, at least 1m; the authority of 0.2 decides itself.",
            valueName: "duration"))
    var workloadCertTTL = AgentConfiguration.standardLifetime

    @Option(
        help: ArgumentHelp(
            "Renew when so many percent of the lifetime are left, 1 to 99.", valueName: "percent"))
    var gracePercent = 50

    @Option(
        help: ArgumentHelp(
            "Renew earlier at random by up to so many percent of the wait, 0 to 50.", valueName: "percent"))
    var jitterPercent = 0

    @Option(
        help: ArgumentHelp(
            "How long one attempt may take, from the look-up of the name to the answer.", valueName: "duration"))
    var rpcTimeout = GoDuration(.seconds(10))

    @Option(help: ArgumentHelp("The form of the log: glog or json.", valueName: "format"))
    var logFormat = AgentLog.Format.glog

    @Option(
        name: [.customLong("v"), .customShort("v")], help: ArgumentHelp("Say more, from 0 to 2.", valueName: "level"))
    var verbosity = 0

    func validate() throws {
        try Self.check(gracePercent, in: 1...99, "--grace-percent")
        try Self.check(jitterPercent, in: 0...50, "--jitter-percent")
        if let keySize {
            guard keyType == .rsa else {
                throw ValidationError("--key-size is for RSA keys: leave it out or --key-type")
            }
            try Self.check(keySize, in: Self.formerKeySize...KeyChoice.rsaBits.upperBound, "--key-size")
        }
        guard rpcTimeout >= GoDuration(.milliseconds(1)), rpcTimeout <= GoDuration(.seconds(600)) else {
            throw ValidationError("--rpc-timeout: expected 1ms to 10m, found \(rpcTimeout)")
        }
        guard workloadCertTTL >= GoDuration(.seconds(60)), workloadCertTTL <= GoDuration(.seconds(10 * 365 * 86400))
        else {
            throw ValidationError(
                "--workload-cert-ttl: expected 1m to 87600h, found \(workloadCertTTL); authorities count whole minutes")
        }
        for (flag, path) in [("--cert-chain", certChain), ("--key", key), ("--root-cert", rootCert)]
        where path.isEmpty || path.utf8.contains(0) {
            throw ValidationError("\(flag): expected the path of a file, found '\(path)'")
        }
        if Set([certChain, key, rootCert]).count < 3 {
            throw ValidationError("--cert-chain, --key and --root-cert: expected three files, found the same one twice")
        }
    }

    private static func check(_ value: Int, in range: ClosedRange<Int>, _ flag: String) throws {
        guard range.contains(value) else {
            throw ValidationError("\(flag): expected \(range.lowerBound) to \(range.upperBound), found \(value)")
        }
    }

    /// What the options say.
    var agentConfiguration: AgentConfiguration {
        let least = KeyChoice.rsaBits.lowerBound
        let choice: KeyChoice = keyType == .rsa ? .rsa(bits: max(keySize ?? least, least)) : .p256
        return AgentConfiguration(
            files: CertificateFiles(key: key, chain: certChain, root: rootCert), authority: caAddress,
            organization: org, key: choice, requestedLifetime: workloadCertTTL, gracePercent: gracePercent,
            jitterPercent: jitterPercent, attemptLimit: rpcTimeout.duration)
    }

    /// Runs until the agent gives up or a signal ends it.
    func serve() -> Never {
        let log = AgentLog(format: logFormat, verbosity: verbosity)
        let trigger = RenewalTrigger()
        let gate = WriteGate()
        log.info(NodeAgentMessage.starting)
        if let keySize, keySize < KeyChoice.rsaBits.lowerBound {
            log.warning(
                "--key-size \(keySize): today's TLS libraries refuse such keys; making keys of "
                    + "\(KeyChoice.rsaBits.lowerBound) bits")
        }
        let configuration = agentConfiguration
        let authority = GRPCAuthority(address: configuration.authority, limit: configuration.attemptLimit)
        let agent = CertificateAgent(configuration, authority: authority, trigger: trigger, gate: gate, log: log)
        // What the main thread begins would be urgent for Dispatch: its threads would ask for a priority that only root may
        // have, and say so in the log each time.
        Task(priority: .medium) {
            await agent.run()
            AgentSignals.end(Self.gaveUp, gate)
        }
        AgentSignals.handle(trigger: trigger, gate: gate, log: log)
    }

    /// The size of keys that the agent of 0.2 made.
    private static let formerKeySize = 1024

    /// The status of an agent that has given up: the later originals'.
    private static let gaveUp: Int32 = 255
}

/// The kind of new keys.
enum KeyType: String, ExpressibleByArgument, CaseIterable {
    case rsa
    case p256 = "ecdsa-p256"
}

/// What vouches for the machine.
enum VouchingPlatform: String, CaseIterable {
    /// The certificates that were copied to it.
    case onprem
    /// Whatever the agent finds, which off a cloud is the same.
    case unspecified
}

extension VouchingPlatform: ExpressibleByArgument {
    init?(argument: String) { self.init(rawValue: argument) }
}

extension AgentLog.Format: ExpressibleByArgument {}

extension NetworkEndpoint: ExpressibleByArgument {
    /// Reads `HOST:PORT` or `HOST`, whose port is the authority's.
    public init?(argument: String) {
        self.init(argument, defaultPort: AgentConfiguration.standardAuthority.port)
    }

    /// As it stands in the help.
    public var defaultValueDescription: String { description }
}

extension GoDuration: ExpressibleByArgument {
    /// Reads a duration of Go.
    public init?(argument: String) { self.init(argument) }

    /// As it stands in the help.
    public var defaultValueDescription: String { description }
}
