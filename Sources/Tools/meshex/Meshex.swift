import ArgumentParser
import ClusterSetup
import Files
import Glibc
import Platform
import StandardStreams

/// `meshex`.
@main
struct Meshex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meshex",
        abstract: "Prepare a cluster and hosts for each other: mesh expansion of Istio.",
        discussion: """
            EXIT STATUS
              0   done
              1   something that was checked is not as it should be
              2   wrong usage, configuration or input
              3   the cluster or a host cannot be reached
              4   a time limit was reached
              70  a file cannot be used, or an error in meshex itself
            """,
        version: ProductVersion.text,
        subcommands: [
            ManifestsCommand.self, ClusterEnvironmentCommand.self, DnsmasqCommand.self, CertificatesCommand.self,
            RegisterCommand.self, DeregisterCommand.self, DoctorCommand.self, HostSetupCommand.self,
            HostScriptCommand.self,
        ])

    /// The end of a command with a status, after saying why.
    static func failure(_ status: Int32, _ text: String) -> ExitCode {
        Terminal.writeErrorLine("meshex: \(text)")
        return ExitCode(status)
    }

    /// The end of a command that could not do its work in the cluster.
    static func failure(_ problem: ClusterProblem) -> ExitCode { failure(problem.kind.status, problem.description) }

    /// Writes a file as a whole, or to standard output for `-`.
    static func write(_ text: String, to path: String) throws {
        if path == "-" {
            Terminal.write(text)
            return
        }
        do throws(FileError) {
            let file = try AtomicFile(target: path)
            try file.write(Array(text.utf8))
            try file.commit()
        } catch {
            throw failure(70, "cannot write \(path): \(error)")
        }
        Terminal.writeErrorLine("written: \(path)")
    }

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
}
