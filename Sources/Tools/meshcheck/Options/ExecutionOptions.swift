import ArgumentParser
import Scenarios

/// How checks are run.
struct ExecutionOptions: ParsableArguments {
    @Flag(help: "End the run at the first failure of severity error.")
    var failFast = false

    @Option(
        help: ArgumentHelp(
            "Checks at once. Most of them wait, so it may be far more than there are processors.", valueName: "n"))
    var jobs = 128

    @Option(
        help: ArgumentHelp(
            "Look at a failed check again until it passes or this time is over, such as 30s: for a machine that is "
                + "starting.", valueName: "time"))
    var retryFor: DurationArgument?

    @Option(help: ArgumentHelp("End the whole run after this time, with exit status 4.", valueName: "time"))
    var timeout: DurationArgument?

    @Flag(help: "What may not be seen without root counts as failed.")
    var strict = false

    func validate() throws {
        if !(1...4096).contains(jobs) { throw ValidationError("--jobs is \(jobs) (must be >=1 and <=4096)") }
    }

    /// The runner's options.
    var runOptions: RunOptions {
        RunOptions(jobs: jobs, failFast: failFast, retryFor: retryFor?.value, strict: strict)
    }
}
