import Processes

/// Runs another program with its arguments as an array.
enum Program {
    struct Outcome {
        /// The exit status, or 128 and the signal's number as shells count it.
        var status: Int32
        var output: String
        /// The last part of what it wrote to standard error, without the final newline.
        var errors: String
    }

    /// Enough for any compilation.
    private static let limits = RunLimits(time: .seconds(86400), outputBytes: 16 << 20)

    static func run(
        _ name: String, _ arguments: [String], purpose: String
    ) async throws(PayloadError) -> Outcome {
        guard let path = ExecutablePath.find(name) else { throw .programMissing(name, purpose: purpose) }
        let result: ProcessOutput
        do throws(ProcessError) {
            result = try await ChildProcess.run(
                SpawnOptions(executable: path, arguments: arguments), limits: limits, group: .inherit)
        } catch {
            throw .download(url: purpose, status: -1, message: error.description)
        }
        var errors = String(decoding: result.standardError, as: UTF8.self)[...]
        while errors.last?.isNewline == true { errors = errors.dropLast() }
        return Outcome(
            status: result.status.shellStatus, output: String(decoding: result.standardOutput, as: UTF8.self),
            errors: String(errors.suffix(8000)))
    }
}
