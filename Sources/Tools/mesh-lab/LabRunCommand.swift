import ArgumentParser
import ControlPlane
import Logging
import StandardStreams

/// `mesh-lab run`.
struct LabRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Serve a mesh until SIGTERM or SIGINT.",
        discussion: """
            The configuration is read again when it changes; a wrong one is reported, and the old one stays. The \
            addresses that are bound, with the ports that the kernel chose, are in addresses.json of the state directory.
            """)

    @Option(help: "The mesh's file; 'mesh-lab schema' describes it.")
    var config: String

    @Option(
        help: ArgumentHelp(
            "The Istio that the authority and Pilot behave as: 0.2, 0.8 (for 0.5 to 0.8) or 1.0.", valueName: "version")
    )
    var istio = IstioGeneration.v0_2

    @OptionGroup var state: StateOptions

    func run() async throws {
        let mesh = try MeshLabCommand.mesh(config)
        var log = Logger(label: "mesh-lab") { StreamLogHandler.standardError(label: $0) }
        log.logLevel = .info
        let plane: ControlPlane
        do {
            plane = try ControlPlane(mesh, path: config, state: state.state, generation: istio, log: log)
        } catch {
            throw MeshLabCommand.failure(error)
        }
        do {
            try await Signals.cancelling { try await plane.run() }
        } catch is CancellationError {
            return
        } catch {
            throw MeshLabCommand.failure(error)
        }
    }
}

extension IstioGeneration: ExpressibleByArgument {}
