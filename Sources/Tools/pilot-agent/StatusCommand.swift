import ArgumentParser
import MeshContract
import SidecarAgent
import StandardStreams

/// `pilot-agent status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what runs, what the control plane sent, and how long the certificate is valid.",
        discussion: """
            EXAMPLES
              pilot-agent status
              pilot-agent status --format json | jq .certificate.secondsLeft

            EXIT STATUS
              0 if Envoy is live, 1 if it is not, 3 if it does not answer
            """)

    /// How the status is written.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    @Option(help: ArgumentHelp("For people or for programs.", valueName: "format")) var format = Format.text

    @Option(
        name: .customLong("configPath"), help: ArgumentHelp("The folder of Envoy's configuration.", valueName: "dir"))
    var configPath = MeshPaths.proxyConfiguration

    @Option(name: .customLong("certPath"), help: ArgumentHelp("The folder of the certificates.", valueName: "dir"))
    var certificateFolder = MeshPaths.certificates

    @Option(
        name: .customLong("proxyAdminPort"),
        help: ArgumentHelp("The port of Envoy's administration.", valueName: "port"))
    var adminPort = MeshPorts.envoyAdmin

    func run() async throws {
        let settings: StatusSettings
        do {
            settings = try StatusSettings(
                configurationFolder: configPath, certificateFolder: certificateFolder, adminPort: adminPort)
        } catch {
            throw PilotAgentCommand.failure(error.description, status: 2)
        }
        let status: AgentStatus
        let output: [UInt8]
        do {
            status = try await AgentStatus.collect(settings)
            output = format == .json ? try status.json() : Array(status.text().utf8)
        } catch {
            throw PilotAgentCommand.failure("\(error)", status: 70)
        }
        Terminal.write(output)
        if status.admin == nil { throw ExitCode(3) }
        if !status.isServing { throw ExitCode(1) }
    }
}
