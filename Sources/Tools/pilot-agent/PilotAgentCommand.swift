import ArgumentParser
import MeshContract
import Platform
import Processes
import StandardStreams

/// The command tree of `pilot-agent`.
@main
struct PilotAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pilot-agent",
        abstract: "Configure and supervise the Envoy of a machine in the mesh.",
        discussion: """
            EXAMPLES
              pilot-agent proxy                          run Envoy, as istio.service does
              pilot-agent bootstrap --ip 10.150.0.5      print Envoy's configuration and start nothing
              pilot-agent status                         what runs, and how long the certificate is valid
              pilot-agent request GET /stats             ask Envoy's administration

            EXIT STATUS
              0    done; ended by SIGTERM or SIGINT
              1    status: Envoy is not live; request: an HTTP status other than 2xx
              2    the input is wrong: an option, a variable, a folder that cannot be used
              3    Envoy's administration cannot be reached
              4    Envoy's administration did not answer in time
              70   a fault of pilot-agent
              255  proxy: all retries failed and no Envoy runs

            Flags of former agents are taken and ignored: --availabilityZone, -v, --logtostderr, --alsologtostderr, \
            --stderrthreshold, --vmodule and --log_*.
            """,
        version: ProductVersion.text,
        subcommands: [
            ProxyCommand.self, BootstrapCommand.self, RequestCommand.self, StatusCommand.self, AgentVersionCommand.self,
            GuardCommand.self,
        ])

    static func main() async {
        Signals.ignoreBrokenPipes()
        do {
            let arguments = GoFlags.without(
                Array(CommandLine.arguments.dropFirst()), flags: GoFlags.logFlags.union(["availabilityZone", "v"]),
                booleans: GoFlags.logSwitches)
            var command = try parseAsRoot(arguments)
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

    /// The end of a command with a status, after saying why.
    static func failure(_ text: String, status: Int32) -> ExitCode {
        Terminal.writeErrorLine("pilot-agent: \(text)")
        return ExitCode(status)
    }
}
