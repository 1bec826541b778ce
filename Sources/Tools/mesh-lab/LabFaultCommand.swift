import ArgumentParser
import ControlPlane
import StandardStreams

/// `mesh-lab fault`.
struct LabFaultCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fault", abstract: "Make something go wrong, or right again.",
        discussion: "FAULTS\n"
            + Fault.allCases.map {
                "  \($0.rawValue)\(String(repeating: " ", count: max(1, 17 - $0.rawValue.utf8.count)))\($0.summary)"
            }
            .joined(separator: "\n")
            + "\n\n'mesh-lab fault list' shows which are on. A change takes effect within a second.")

    /// On or off.
    enum Switch: String, ExpressibleByArgument, CaseIterable { case on, off }

    @Argument(help: "The fault, or 'list'.")
    var name: String

    @Argument(help: "on or off.")
    var state: Switch?

    @OptionGroup var directory: StateOptions

    func run() throws {
        let file = FaultFile(state: directory.state)
        do {
            if name == "list" {
                let current = try file.current()
                for fault in Fault.allCases {
                    Terminal.write("\(fault.rawValue)\t\(current.contains(fault) ? "on" : "off")\t\(fault.summary)\n")
                }
                return
            }
            guard let fault = Fault(rawValue: name) else {
                throw ValidationError("unknown fault '\(name)': 'mesh-lab fault list' shows all of them")
            }
            guard let state else { throw ValidationError("expected 'on' or 'off' after '\(name)'") }
            try file.set(fault, isOn: state == .on)
        } catch let error as ValidationError {
            throw error
        } catch {
            throw MeshLabCommand.failure(error)
        }
    }
}
