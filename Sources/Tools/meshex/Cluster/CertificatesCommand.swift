import ArgumentParser
import Files
import FoundationEssentials
import MeshExpansion
import StandardStreams

/// `meshex certs`.
struct CertificatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certs",
        abstract: "Key and certificates of a service account, for a machine.",
        discussion: """
            Reads the secret istio.SERVICE_ACCOUNT, checks it (pair, chain, identity, time left) and writes key.pem (0600),
            cert-chain.pem and root-cert.pem, all or none. They last an hour: copy them at once.

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

    @Option(help: ArgumentHelp("What stands in front of the account in the secret's name.", valueName: "text"))
    var prefix = "istio."

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        let secret: WorkloadSecret
        do throws(ExpansionProblem) {
            secret = try await WorkloadSecret.read(
                cluster.access, account: account, namespace: namespace, prefix: prefix, at: Date())
        } catch {
            throw ClusterCommands.failure(error)
        }
        do throws(FileError) {
            try secret.write(to: out)
        } catch {
            throw Failure(status: 70, text: "cannot write the certificates to \(out): \(error)").exit
        }
        Terminal.writeErrorLine("\(secret.identity), valid for \(secret.secondsLeft / 60) minutes more: \(out)")
    }
}
