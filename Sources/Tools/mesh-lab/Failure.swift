import ArgumentParser
import StandardStreams

/// The end of a command with a status, after saying why.
struct Failure {
    var status: Int32

    init(status: Int32, text: String?) {
        self.status = status
        if let text { Terminal.writeErrorLine("mesh-lab: \(text)") }
    }

    /// What ArgumentParser ends with.
    var exit: ExitCode { ExitCode(status) }
}
