import ArgumentParser
import Documents
import MeshChecks
import Probes
import Scenarios
import StandardStreams

/// `meshcheck validate [PATH…]`.
struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Look for mistakes in scenarios without running them.",
        discussion: """
            All mistakes are shown at once, in the user's own lines. Ends with 2 when there is one.

            EXAMPLES
              meshcheck validate Scenarios/
              meshcheck validate mine.yaml --format json
            """)

    @OptionGroup(title: "Scenarios") var suite: SuiteOptions
    @Option(help: "How mistakes are written to standard error: text or json.") var format: ListFormat = .text

    func run() async throws {
        let paths = try suite.scenarioPaths()
        let diagnosesPath = try suite.diagnosesPath(scenarios: paths)
        let variables = try suite.variableSources()
        do throws(ScenarioLoadError) {
            let loaded = try await ScenarioSuite.load(
                paths: paths, variables: variables, profile: suite.profile, host: Host(),
                kinds: .mesh)
            let (checks, scenarios) = (loaded.checks.count, loaded.scenarios.count)
            var text = "\(checks) check\(checks == 1 ? "" : "s") in \(scenarios) scenario\(scenarios == 1 ? "" : "s")"
            if let diagnosesPath {
                text += ", \(try DiagnosisCatalogue.load(path: diagnosesPath).entries.count) diagnoses"
            }
            if !loaded.warnings.isEmpty {
                _ = CommandFailure.report(loaded.warnings, asJSON: format == .json, status: Status.passed)
            }
            Terminal.writeText("valid: \(text), profile \(loaded.profile)\n")
        } catch {
            throw CommandFailure.report(error.diagnostics, asJSON: format == .json, status: Status.wrongInput)
        }
    }
}
