import ArgumentParser
import Platform
import Reports
import StandardStreams

/// `meshcheck version`.
struct MeshcheckVersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Write the version of this program and of its report format.")

    func run() throws {
        Terminal.write("meshcheck \(ProductVersion.text)\nreport format \(ReportVersion.current)\n")
    }
}
