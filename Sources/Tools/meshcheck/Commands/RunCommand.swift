import ArgumentParser
import Files
import RemoteHosts
import Reports
import Scenarios
import StandardStreams

/// `meshcheck run [PATH…]`.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run checks on this host or others, and say what is wrong and why.",
        discussion: """
            EXAMPLES
              meshcheck run                                  everything, on this host
              meshcheck run Scenarios/10-dns.yaml --verbose  one step, check by check
              meshcheck run --tag dns --retry-for 30s        while the host starts
              meshcheck run --format junit=report.xml        for a CI server as well
              meshcheck run --format prometheus -o /var/lib/node_exporter/mesh.prom
              meshcheck run --target ssh://admin@vm-1 --target ssh://vm-2:2222 --sudo
              meshcheck run --inventory hosts.ini --limit 'mesh,!vm-9' --forks 32

            EXIT STATUS
              0   no check of severity error failed
              1   at least one did
              2   the input is wrong: an option, a scenario, an inventory
              3   hosts could not be reached, and the checks on all others passed
              4   the time limit (--timeout, --host-timeout) was reached
              5   nothing failed, but something of severity error may not be seen by this user
              70  a fault of meshcheck, or a report that could not be written
            """)

    @OptionGroup(title: "Scenarios") var suite: SuiteOptions
    @OptionGroup(title: "Execution") var execution: ExecutionOptions
    @OptionGroup(title: "Reports") var output: OutputOptions
    @OptionGroup(title: "Other hosts") var target: TargetOptions

    func validate() throws {
        if target.areRemote, output.writesEvents {
            throw ValidationError("the format events is for one host: use json for several")
        }
    }

    func run() async throws {
        if target.areRemote {
            try await runOnOthers()
        } else {
            try await runHere()
        }
    }

    private func runHere() async throws {
        let run = try await LocalRun.load(suite)
        let progress = RunProgress(isQuiet: output.quiet, writesEvents: output.writesEvents)
        let (result, isLate) = await run.result(execution) { progress.take($0) }
        progress.end(result)
        try ReportWriter(options: output).write(result)
        if isLate {
            Terminal.writeError("meshcheck: the time limit was reached before all checks had run\n")
            throw Status.timedOut
        }
        if result.hasFailed || (execution.strict && result.checks.contains { CheckStatus($0) == .notPermitted }) {
            throw Status.failed
        }
        if result.isIncomplete { throw Status.incomplete }
    }

    private func runOnOthers() async throws {
        let machines = try target.machines()
        let variables = try suite.variableSources().portable
        let payload = try payload(hasVariables: !variables.isEmpty)
        let runner: RemoteCheckRunner
        do throws(UnsendableArgument) {
            runner = try RemoteCheckRunner(
                hosts: machines, payload: payload.payload, arguments: payload.arguments,
                input: VariableFile.text(variables), options: target.arguments.ssh, usesSudo: target.sudo,
                forks: target.arguments.forks, timeLimit: target.hostTimeout.value)
        } catch {
            throw CommandFailure.message(error.description, code: "argument", status: Status.wrongInput)
        }
        let progress = FleetProgress(total: machines.count, isQuiet: output.quiet)
        let result = await runner.run { progress.take($0) }
        progress.end()
        try ReportWriter(options: output).write(result)
        if let status = Self.status(of: result, isStrict: execution.strict) { throw status }
    }

    /// What the whole fleet comes to; nil when all is in order.
    static func status(of fleet: FleetResult, isStrict: Bool) -> ExitCode? {
        let isBlind =
            isStrict
            && fleet.hosts.contains { host in
                host.run?.checks.contains { CheckStatus($0) == .notPermitted } ?? false
            }
        if fleet.hasFailed || isBlind { return Status.failed }
        let failures = fleet.hosts.compactMap(\.failure)
        if failures.isEmpty { return fleet.isIncomplete ? Status.incomplete : nil }
        // Scenarios that every host refuses are wrong themselves.
        if failures.allSatisfy({ $0.reason == .refused }) { return Status.wrongInput }
        return failures.allSatisfy { $0.reason == .timedOut } ? Status.timedOut : Status.unreachable
    }

    /// The files that the hosts need, and the arguments for the program there.
    private func payload(hasVariables: Bool) throws -> (payload: RemotePayload, arguments: [String]) {
        let paths = try suite.scenarioPaths()
        let diagnoses = try suite.diagnosesPath(scenarios: paths)
        let payload: RemotePayload
        do throws(FileError) {
            payload = try RemotePayload(
                program: target.remoteBinary, scenarios: paths, files: diagnoses.map { [$0] } ?? [],
                privateFiles: suite.variableFiles)
        } catch {
            throw CommandFailure.message(error.description, code: "bundle", status: Status.wrongInput)
        }
        var arguments = ["run", "--format", "events", "--jobs", String(execution.jobs)]
        if let profile = suite.profile { arguments += ["--profile", profile] }
        if suite.includesPackages { arguments.append("--packages") }
        for tag in suite.tags { arguments += ["--tag", tag] }
        for id in suite.ids { arguments += ["--id", id] }
        for file in payload.privatePaths { arguments += ["--vars", file] }
        for file in payload.filePaths { arguments += ["--diagnoses", file] }
        // Values are for nobody's eyes, so they are no arguments.
        if hasVariables { arguments += ["--var-file", "-"] }
        if execution.failFast { arguments.append("--fail-fast") }
        if execution.strict { arguments.append("--strict") }
        if let time = execution.retryFor { arguments += ["--retry-for", time.defaultValueDescription] }
        if let time = execution.timeout { arguments += ["--timeout", time.defaultValueDescription] }
        return (payload, arguments + ["--"] + payload.scenarioPaths)
    }
}
