import ArgumentParser
import ControlPlane
import MeshContract
import Platform
import StandardStreams

/// `mesh-lab issue`.
struct LabIssueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract:
            "Write key.pem, cert-chain.pem and root-cert.pem of a service account, as a cluster's secret has them.")

    @Option(help: "The service account.")
    var serviceAccount: String

    @Option(help: "Its namespace.")
    var namespace: String

    @Option(help: "The folder that the files are written to.")
    var out: String

    @Option(help: "How long the certificate is valid.")
    var lifetime: GoDuration?

    @Option(help: "The mesh's file, for its lifetime and trust domain.")
    var config: String?

    @OptionGroup var state: StateOptions

    func run() throws {
        let mesh = try config.map { try MeshLabCommand.mesh($0) }
        let lifetime = lifetime ?? mesh?.certificateLifetime ?? MeshConfiguration.defaultLifetime
        guard lifetime >= GoDuration(.seconds(1)) else {
            throw ValidationError("--lifetime: expected at least 1s, found \(lifetime)")
        }
        let identity = SPIFFEIdentity(
            trustDomain: mesh?.trustDomain ?? MeshConfiguration.defaultTrustDomain, namespace: namespace,
            serviceAccount: serviceAccount)
        guard SPIFFEIdentity(identity.description) != nil else {
            throw ValidationError(
                "'\(identity)' is not a SPIFFE identity: use letters, digits, '.', '-' and '_' in each part")
        }
        do {
            try Issuer(try AuthorityStore(state: state.state)).bootstrap(identity, lifetime: lifetime, into: out)
        } catch {
            throw MeshLabCommand.failure(error)
        }
        for name in ["key.pem", "cert-chain.pem", "root-cert.pem"] { Terminal.write("\(out)/\(name)\n") }
    }
}

extension GoDuration: ExpressibleByArgument {
    /// Reads a value of the command line.
    public init?(argument: String) { self.init(argument) }
}
