import ArgumentParser
import ControlPlane
import Documents
import Platform
import StandardStreams

/// `mesh-lab`.
@main
struct MeshLabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mesh-lab",
        abstract:
            "Run a small Istio control plane for labs and tests: Pilot, certificate authority, Mixer, product page.",
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
        version: ProductVersion.text,
        subcommands: [
            LabRunCommand.self, LabIssueCommand.self, LabFaultCommand.self, LabNamesCommand.self, LabSchemaCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            // ArgumentParser's own status for wrong usage is 64; here it is 2 in every tool.
            if exitCode(for: error) == .validationFailure {
                Terminal.writeErrorLine(fullMessage(for: error))
                Terminal.exit(2)
            }
            exit(withError: error)
        }
    }

    /// The end of a command that could not do its work, after saying why.
    static func failure(_ error: any Error) -> ExitCode {
        Terminal.writeErrorLine("mesh-lab: \(error)")
        return ExitCode(70)
    }

    /// Reads the mesh's file, or ends with status 2.
    static func mesh(_ path: String) throws(ExitCode) -> MeshConfiguration {
        var diagnostics = Diagnostics()
        let mesh = MeshShapes.load(path, diagnostics: &diagnostics)
        if !diagnostics.isEmpty {
            Terminal.writeError(DiagnosticRenderer.text(diagnostics, color: Terminal.usesErrorColor))
        }
        guard let mesh else { throw ExitCode(2) }
        return mesh
    }
}

/// The directory that all commands share.
struct StateOptions: ParsableArguments {
    @Option(help: "The directory of the authority's keys and the faults.")
    var state = ".mesh-lab"
}
