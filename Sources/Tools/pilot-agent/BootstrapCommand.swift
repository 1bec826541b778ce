import ArgumentParser
import SidecarAgent
import StandardStreams

/// `pilot-agent bootstrap [ROLE]`.
struct BootstrapCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bootstrap",
        abstract: "Print Envoy's configuration and start nothing.",
        discussion: """
            Takes the options of 'proxy' and prints what it would write. Key and certificates are named, and only if they \
            can be used; they are not part of the output.

            EXAMPLES
              pilot-agent bootstrap --ip 10.150.0.5 --id demo-vm-1.default
              pilot-agent bootstrap --xds ads > b.json && envoy --mode validate -c b.json
            """)

    @OptionGroup var arguments: ProxyArguments

    func run() async throws {
        let resolved = try await arguments.resolve()
        for warning in resolved.warnings { Terminal.writeErrorLine("pilot-agent: warning: \(warning)") }
        do {
            Terminal.write(try BootstrapBuilder.json(resolved.settings))
        } catch {
            throw PilotAgentCommand.failure("\(error)", status: 70)
        }
    }
}
