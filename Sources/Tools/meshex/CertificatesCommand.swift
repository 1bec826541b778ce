import ArgumentParser
import ClusterSetup
import FoundationEssentials
import StandardStreams

/// `meshex certs`.
struct CertificatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certs",
        abstract: "Copy the key and certificates of a service account for a host.",
        discussion: """
            Reads the secret istio.SERVICE_ACCOUNT, checks it (pair, chain, identity, time left) and writes key.pem (0600),
            cert-chain.pem and root-cert.pem, all or none. Where the folder holds nothing else, its readers too see all three
            or none. A folder that others can write to is refused. They last an hour: copy them at once.

            EXAMPLES
              meshex certs default default
              meshex certs --out demo-vm-1/certs payments onprem
            """)

    @Argument(help: "The service account.")
    var account = "default"

    @Argument(help: "Its namespace.")
    var namespace = "default"

    @Option(name: .shortAndLong, help: ArgumentHelp("The folder to write to.", valueName: "dir"))
    var out = "certs"

    @Option(help: ArgumentHelp("The prefix of the account in the secret's name.", valueName: "text"))
    var prefix = "istio."

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        let secret: WorkloadSecret
        do throws(ClusterProblem) {
            secret = try await WorkloadSecret.read(
                cluster.access, account: account, namespace: namespace, prefix: prefix, at: Date())
            try secret.write(to: out)
        } catch {
            throw Meshex.failure(error)
        }
        Terminal.writeErrorLine("\(secret.identity), valid for \(secret.secondsLeft / 60) more minutes: \(out)")
    }
}
