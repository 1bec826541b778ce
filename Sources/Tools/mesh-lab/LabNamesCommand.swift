import ArgumentParser
import ControlPlane
import Files
import StandardStreams

/// `mesh-lab dns`.
struct LabNamesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dns", abstract: "Print the configuration with which dnsmasq(8) serves the cluster's names.")

    @Option(help: "The mesh's file.")
    var config: String

    @Option(help: "Write to this file instead.")
    var out: String?

    @OptionGroup var state: StateOptions

    func run() throws {
        let mesh = try MeshLabCommand.mesh(config)
        do {
            let text = ClusterNames.dnsmasq(
                mesh, isEmpty: try FaultFile(state: state.state).current().contains(.namesDropped))
            guard let out else { return Terminal.write(text) }
            let file = try AtomicFile(target: out)
            try file.write(Array(text.utf8))
            try file.commit()
        } catch {
            throw MeshLabCommand.failure(error)
        }
    }
}
