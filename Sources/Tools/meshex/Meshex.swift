import ArgumentParser
import Glibc
import Platform
import StandardStreams

/// `meshex`.
struct Meshex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meshex",
        abstract: "Prepares a cluster and machines for each other: mesh expansion of Istio.",
        discussion: """
            EXIT STATUS
              0   done
              1   something that was examined is not as it should be
              2   wrong usage, configuration or input
              3   the cluster or a machine cannot be reached
              4   too late
              70  a file cannot be used, or a fault of meshex itself
            """,
        version: ProductVersion.text,
        subcommands: ClusterCommands.all + MachineCommands.all)
}

@main
enum Main {
    static func main() async {
        do {
            var command = try Meshex.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            // ArgumentParser's own status for wrong usage is 64; here it is 2 in every tool.
            if Meshex.exitCode(for: error) == .validationFailure {
                Terminal.writeErrorLine(Meshex.fullMessage(for: error))
                exit(2)
            }
            Meshex.exit(withError: error)
        }
    }
}
