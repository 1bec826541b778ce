import StandardStreams

/// Turns what went wrong into a sentence on standard error and an exit status.
enum Failure {
    static func report(_ text: String, status: Int32) -> Int32 {
        Terminal.writeError("pilot-agent: \(text)\n")
        return status
    }
}
