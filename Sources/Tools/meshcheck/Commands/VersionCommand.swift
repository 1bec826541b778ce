import ArgumentParser
import Reports
import StandardStreams

/// `meshcheck version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Write the version of this program and of its report format.")

    func run() throws {
        Terminal.write("meshcheck \(ToolVersion.text)\nreport format \(ReportVersion.current)\n")
    }
}

/// The version of this program, the same as in `Packaging/workspace.yaml`; a test keeps the two together.
enum ToolVersion {
    static let text = "0.3.0"
}
