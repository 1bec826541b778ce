import ArgumentParser
import Glibc
import StandardStreams

/// `mesh-lab`.
struct MeshLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mesh-lab",
        abstract: "A small Istio control plane for labs and tests: Pilot, certificate authority, Mixer, product page.",
        discussion: """
            EXAMPLES
              mesh-lab run --config mesh.yaml --state /var/lib/mesh-lab
              mesh-lab issue --service-account default --namespace default --out certs --state /var/lib/mesh-lab
              mesh-lab fault ca-deny on --state /var/lib/mesh-lab
              mesh-lab dns --config mesh.yaml > /etc/dnsmasq.d/cluster

            EXIT STATUS
              0   done, or ended by SIGTERM or SIGINT
              2   wrong usage or configuration
              70  a file or address cannot be used
            """,
        version: "0.3.0",
        subcommands: [RunCommand.self, IssueCommand.self, FaultCommand.self, NamesCommand.self, SchemaCommand.self])
}

/// The directory that all commands share.
struct StateOptions: ParsableArguments {
    @Option(help: "The directory of the authority's keys and the faults.")
    var state = ".mesh-lab"
}

@main
enum Main {
    static func main() async {
        do {
            var command = try MeshLab.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            // ArgumentParser's own status for wrong usage is 64; here it is 2 in every tool.
            if MeshLab.exitCode(for: error) == .validationFailure {
                Terminal.writeErrorLine(MeshLab.fullMessage(for: error))
                exit(2)
            }
            MeshLab.exit(withError: error)
        }
    }
}
