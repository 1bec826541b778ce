import ArgumentParser
import CLinux
import Documents
import Files
import MeshChecks
import Probes
import Scenarios
import StandardStreams
import Synchronization

/// One run on this host: load, select, run, within a time limit.
struct LocalRun {
    let suite: ScenarioSuite
    let diagnoses: DiagnosisCatalogue?
    let host: Host

    /// From how many checks on the memory that loading took is worth giving back.
    private static let largeSuite = 256

    /// Loads what the options name. Variables come from the host's files, so every run loads again.
    ///
    /// - Throws: the exit status, after everything that is wrong was said.
    static func load(_ options: SuiteOptions) async throws -> LocalRun {
        let paths = try options.scenarioPaths()
        let host = Host()
        do {
            var suite = try await suite(options, paths, host)
            if !options.tags.isEmpty || !options.ids.isEmpty {
                suite = try suite.selecting(CheckSelection(tags: options.tags, ids: options.ids))
            }
            if !suite.warnings.isEmpty { _ = CommandFailure.report(suite.warnings, status: Status.passed) }
            let diagnoses = try options.diagnosesPath(scenarios: paths).map { try DiagnosisCatalogue.load(path: $0) }
            // The nodes of the files are done with, and the run has its own threads, each with memory of its own.
            if suite.checks.count >= largeSuite { clinux_give_memory_back() }
            return LocalRun(suite: suite, diagnoses: diagnoses, host: host)
        } catch let error as ScenarioLoadError {
            throw CommandFailure.report(error.diagnostics, status: Status.wrongInput)
        }
    }

    /// The scenarios of the paths, and those of installed packages.
    private static func suite(
        _ options: SuiteOptions, _ paths: [String], _ host: Host
    ) async throws -> ScenarioSuite {
        let items: [InstalledScenarios.Item]
        do throws(FileError) {
            items = options.includesPackages ? try InstalledScenarios.read() : []
        } catch {
            throw CommandFailure.message(error.description, code: "packages", status: Status.wrongInput)
        }
        let variables = try options.variableSources()
        let failure: ScenarioLoadError
        let sound = items.flatMap { $0.isAsInstalled ? [$0.text ?? $0.substitute] : [$0.text, $0.substitute] }
        switch await loaded(options, paths, variables, sound.compactMap { $0 }, host) {
        case .success(let suite): return suite
        case .failure(let error): failure = error
        }
        // Somebody has spoilt one, or a package was built for a newer meshcheck: dpkg's database has to do for it.
        var usable: [SourceText] = []
        var isChanged = false
        for item in items {
            if let text = item.text {
                if item.package == nil {
                    usable.append(text)
                    continue
                }
                if case .success = await loaded(options, [], VariableSources(), [text], host) {
                    usable.append(text)
                    if item.isAsInstalled { continue }
                } else {
                    Terminal.writeErrorLine(
                        "meshcheck: cannot use '\(text.path)'; dpkg's database is looked at in its place")
                    isChanged = true
                }
            }
            if let substitute = item.substitute { usable.append(substitute) }
        }
        guard isChanged else { throw failure }
        return try await loaded(options, paths, variables, usable, host).get()
    }

    private static func loaded(
        _ options: SuiteOptions, _ paths: [String], _ variables: VariableSources, _ texts: [SourceText], _ host: Host
    ) async -> Result<ScenarioSuite, ScenarioLoadError> {
        do throws(ScenarioLoadError) {
            return .success(
                try await ScenarioSuite.load(
                    paths: paths, texts: texts, variables: variables,
                    profile: paths.isEmpty ? nil : options.profile, host: host, kinds: .mesh))
        } catch {
            return .failure(error)
        }
    }

    /// Runs the checks.
    ///
    /// - Returns: the result, and whether the time limit ended the run.
    func result(
        _ options: ExecutionOptions, onEvent: @escaping @Sendable (RunEvent) -> Void
    ) async -> (result: RunResult, isLate: Bool) {
        let runner = Runner(suite: suite, diagnoses: diagnoses, host: host, options: options.runOptions)
        guard let limit = options.timeout?.value else { return (await runner.run(onEvent: onEvent), false) }
        return await withTaskGroup(of: RunResult?.self) { group in
            group.addTask { await runner.run(onEvent: onEvent) }
            group.addTask {
                // Cancelled when the run ends first.
                try? await Task.sleep(for: limit)
                return nil
            }
            var isLate = false
            while let next = await group.next() {
                group.cancelAll()
                if let result = next { return (result, isLate) }
                isLate = true
            }
            // Not reached: one of the two tasks always gives a result.
            return (await runner.run(onEvent: onEvent), isLate)
        }
    }
}
