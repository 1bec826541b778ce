import ArgumentParser
import DebianArchive
import DebianBuild
import DebianLint
import Documents
import MeshLint
import StandardStreams

/// Turns what went wrong into text on standard error and an exit status.
enum Failure {
    /// Wrong input: 2, or 3 when all that went wrong is a failed download.
    static func report(_ diagnostics: Diagnostics, _ format: OutputFormat) -> ExitCode {
        show(diagnostics, format)
        let errors = diagnostics.all.filter { $0.severity == .error }
        return ExitCode(!errors.isEmpty && errors.allSatisfy { $0.code == "payload-download" } ? 3 : 2)
    }

    static func show(_ diagnostics: Diagnostics, _ format: OutputFormat) {
        switch format {
        case .text:
            Terminal.writeError(DiagnosticRenderer.text(diagnostics, color: Terminal.usesErrorColor))
        case .json:
            Terminal.writeError(DiagnosticRenderer.json(diagnostics) + "\n")
        }
    }

    /// A build that failed though its specification is sound.
    static func report(_ error: any Error, _ format: OutputFormat) -> ExitCode {
        if let exit = error as? ExitCode { return exit }
        return message("\(error)", code: "build", format, status: 70)
    }

    /// One sentence and the exit status.
    static func message(
        _ text: String, code: String, _ format: OutputFormat, status: Int32, help: String? = nil
    ) -> ExitCode {
        var diagnostics = Diagnostics()
        diagnostics.error(code, text, at: nil, help: help)
        show(diagnostics, format)
        return ExitCode(status)
    }
}
