import Subprocess

/// Runs a small tool to its end: bounded output, bounded time.
enum ToolRun {
    /// What became of it; nil when it could not be started or took too long.
    struct Outcome: Sendable {
        var status: Int32
        var output: String
    }

    static func run(_ program: String, _ arguments: [String], within limit: Duration) async -> Outcome? {
        await withTaskGroup(of: Outcome?.self) { group in
            group.addTask {
                var options = PlatformOptions()
                options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
                do {
                    let result = try await Subprocess.run(
                        .name(program), arguments: Arguments(arguments), platformOptions: options, input: .none,
                        output: .string(limit: 1 << 20), error: .discarded)
                    return Outcome(status: result.terminationStatus.code, output: result.standardOutput)
                } catch {
                    // Not there, killed, or megabytes of output: for those who ask, it has nothing to say.
                    return nil
                }
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}

extension TerminationStatus {
    /// The exit status, or 128 and the signal's number as shells count it.
    package var code: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }
}
