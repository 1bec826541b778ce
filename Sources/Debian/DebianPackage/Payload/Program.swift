import Subprocess

/// Runs another program with its arguments as an array.
enum Program {
    struct Outcome {
        /// The exit status, or 128 and the signal's number as shells count it.
        var status: Int32
        var output: String
        /// The last part of what it wrote to standard error, without the final newline.
        var errors: String
    }

    static func run(
        _ name: String, _ arguments: [String], purpose: String
    ) async throws(PayloadError) -> Outcome {
        do {
            let result = try await Subprocess.run(
                .name(name), arguments: Arguments(arguments), output: .string(limit: 16 << 20),
                error: .string(limit: 16 << 20))
            let status: Int32 =
                switch result.terminationStatus {
                case .exited(let code): code
                case .signaled(let signal): 128 + signal
                }
            var errors = result.standardError[...]
            while errors.last?.isNewline == true { errors = errors.dropLast() }
            return Outcome(status: status, output: result.standardOutput, errors: String(errors.suffix(8000)))
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw .programMissing(name, purpose: purpose)
        } catch {
            throw .download(url: purpose, status: -1, message: "\(error)")
        }
    }
}
