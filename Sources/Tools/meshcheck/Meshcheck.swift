import ArgumentParser
import Glibc
import Platform
import StandardStreams

/// The command tree of `meshcheck`.
struct Meshcheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meshcheck",
        abstract: "Check whether a VM is in the Istio mesh, and if it is not, say why.",
        discussion: """
            Scenarios are YAML files with checks, one file per step of the mesh-expansion guide. Those of the toolchain are \
            in \(SuiteOptions.installedScenarios).

            EXAMPLES
              meshcheck run                              check this host
              meshcheck run --target ssh://admin@vm-1    check another one
              meshcheck explain MX0401                   what a cause means, and what to do
              meshcheck serve                            health, metrics and a page over HTTP
              meshcheck init --unit nginx.service        a scenario for a service of your own

            EXIT STATUS
              0   in order
              1   at least one check of severity error failed
              2   the input is wrong: an option, a scenario, an inventory
              3   a host could not be reached, or the address could not be used
              4   the time limit was reached
              5   nothing failed, but something may not be seen by this user
              70  a fault of meshcheck, or a report that could not be written
            """,
        version: ProductVersion.text,
        subcommands: [
            RunCommand.self, ListCommand.self, ValidateCommand.self, ExplainCommand.self, ScenarioSchemaCommand.self,
            ScenarioInitCommand.self, ServeCommand.self, WatchCommand.self, MeshcheckVersionCommand.self,
        ])
}

@main
enum MeshcheckMain {
    /// The command that the arguments ask for.
    ///
    /// The parser takes milliseconds to go down its tree of commands, which counts where `run` takes few more. It is asked
    /// for `run` alone first; whatever that does not understand, help among it, is for the tree.
    private static func command() throws -> any ParsableCommand {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "run" {
            do {
                return try RunCommand.parse(Array(arguments.dropFirst()))
            } catch {
                return try Meshcheck.parseAsRoot()
            }
        }
        return try Meshcheck.parseAsRoot()
    }

    static func main() async {
        Signals.ignoreBrokenPipes()
        // Swift reads the arguments from there, and without any the program would print its help and be content.
        guard !CommandLine.arguments.isEmpty else {
            Terminal.writeError("meshcheck: cannot read the arguments: /proc is not mounted\n")
            Glibc.exit(Status.fault.rawValue)
        }
        do {
            var command = try Self.command()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            // ArgumentParser's own status for wrong usage is 64; here it is 2 in every tool.
            let status = Meshcheck.exitCode(for: error)
            if status == ExitCode.validationFailure {
                Terminal.writeErrorLine(Meshcheck.fullMessage(for: error))
                Glibc.exit(Status.wrongInput.rawValue)
            }
            if !(error is ExitCode), status == ExitCode.failure {
                // Whatever nobody expected is a fault of ours, and not a failed check.
                Terminal.writeErrorLine("meshcheck: \(error)")
                Glibc.exit(Status.fault.rawValue)
            }
            Meshcheck.exit(withError: error)
        }
    }
}
