import ArgumentParser
import CLinux
import Documents
import Reports
import Scenarios
import StandardStreams

/// `meshcheck watch [PATH…]`.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Run checks again and again, and say what changes.",
        discussion: """
            The first run is reported whole; after it, only checks whose state changes and causes that come or go. Ends \
            with Ctrl-C, with the status of the last run.

            EXAMPLES
              meshcheck watch --interval 5s
              meshcheck watch --tag dns --count 10
            """)

    @OptionGroup(title: "Scenarios") var suite: SuiteOptions
    @OptionGroup(title: "Execution") var execution: ExecutionOptions
    @Option(help: ArgumentHelp("Pause between the end of a run and the next.", valueName: "time"))
    var interval = DurationArgument(seconds: 10)
    @Option(help: ArgumentHelp("Number of runs (default: without end).", valueName: "n"))
    var count: Int?
    @Flag(name: .shortAndLong, help: "Show no progress.")
    var quiet = false

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is \(count) (must be >=1)") }
    }

    func run() async throws {
        clinux_share_memory()
        if try await Signals.cancelling({ try await watch() }) { throw Status.failed }
    }

    /// Runs until it is cancelled.
    ///
    /// - Returns: whether the last whole run failed.
    private func watch() async throws -> Bool {
        var previous: RunResult?
        var number = 0
        while true {
            // Variables come from the host's files, which are what changes.
            let run = try await LocalRun.load(suite)
            let progress = RunProgress(isQuiet: quiet)
            let result = await run.result(execution) { progress.take($0) }.result
            progress.end(result)
            // A run that was cut says nothing.
            if Task.isCancelled { return previous?.hasFailed ?? false }
            if let previous {
                Terminal.write(ChangeReport(from: previous, to: result).text(color: Terminal.usesOutputColor))
            } else {
                let request = ReportRequest(format: .terminal)
                Terminal.write(ReportWriter.renderer(request, isVerbose: false)?.render(result) ?? "")
            }
            previous = result
            clinux_give_memory_back()
            number += 1
            if number == count { return result.hasFailed }
            do {
                try await Task.sleep(for: interval.value)
            } catch {
                return result.hasFailed
            }
        }
    }
}
