import ArgumentParser
import Documents
import StandardStreams

/// Exit statuses, the same in all tools of this project.
enum Status {
    /// All that was looked at is in order.
    static let passed = ExitCode(0)
    /// At least one check of severity error failed.
    static let failed = ExitCode(1)
    /// The input is wrong: an option, a scenario, an inventory.
    static let wrongInput = ExitCode(2)
    /// A host cannot be reached, or an address cannot be listened at.
    static let unreachable = ExitCode(3)
    /// The time limit of the whole run is over.
    static let timedOut = ExitCode(4)
    /// No check failed, but one of severity error asked for what this user may not see.
    static let incomplete = ExitCode(5)
    /// A fault of ours, or of the host that we run on.
    static let fault = ExitCode(70)
}

/// Says on standard error what went wrong.
enum CommandFailure {
    /// One sentence with what to do about it.
    static func message(_ text: String, code: String, help: String? = nil, status: ExitCode) -> ExitCode {
        var diagnostics = Diagnostics()
        diagnostics.error(code, text, at: nil, help: help)
        return report(diagnostics, status: status)
    }

    /// Everything that was found.
    static func report(_ diagnostics: Diagnostics, asJSON: Bool = false, status: ExitCode) -> ExitCode {
        Terminal.writeError(
            asJSON
                ? DiagnosticRenderer.json(diagnostics) + "\n"
                : DiagnosticRenderer.text(diagnostics, color: Terminal.usesErrorColor))
        return status
    }
}
