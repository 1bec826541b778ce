import ArgumentParser
import ControlPlane
import Dispatch
import Glibc
import Logging

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

    @OptionGroup var state: StateOptions

    func run() async throws {
        let mesh = try MeshLabCommand.mesh(config)
        var log = Logger(label: "mesh-lab") { StreamLogHandler.standardError(label: $0) }
        log.logLevel = .info
        let plane: ControlPlane
        do {
            plane = try ControlPlane(mesh, path: config, state: state.state, log: log)
        } catch {
            throw MeshLabCommand.failure(error)
        }
        let service = Task { try await plane.run() }
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { service.cancel() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        do {
            try await service.value
        } catch is CancellationError {
            return
        } catch {
            throw MeshLabCommand.failure(error)
        }
    }
}
