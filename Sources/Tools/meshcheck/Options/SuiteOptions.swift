import ArgumentParser
import Files
import Scenarios
import Documents
import StandardStreams

/// Which scenarios, with which variables.
struct SuiteOptions: ParsableArguments {
    /// Where an installed toolchain keeps its scenarios.
    static let installedScenarios = "/usr/share/meshcheck/Scenarios"
    /// The file with diagnoses in a folder of scenarios.
    static let diagnosesName = "diagnoses.yaml"

    @Argument(
        help: ArgumentHelp(
            "Scenario files, or folders of them (default: \(SuiteOptions.installedScenarios), else ./Scenarios).",
            valueName: "path"))
    var paths: [String] = []

    @Option(
        help: ArgumentHelp(
            "classic for the three packages, modern for istio-sidecar (default: by what is installed).",
            valueName: "name"))
    var profile: String?

    @Option(
        name: .customLong("var"),
        help: ArgumentHelp("A variable of the scenarios; repeatable, and stronger than files.", valueName: "name=value")
    )
    var assignments: [String] = []

    @Option(
        name: .customLong("vars"), help: ArgumentHelp("A YAML file with variables; repeatable.", valueName: "file"))
    var variableFiles: [String] = []

    @Option(
        help: ArgumentHelp(
            "The file that explains failures (default: \(SuiteOptions.diagnosesName) beside the scenarios).",
            valueName: "file"))
    var diagnoses: String?

    @Option(
        name: .customLong("tag"),
        help: ArgumentHelp("Only checks with this tag; repeatable, any of them.", valueName: "tag"))
    var tags: [String] = []

    @Option(
        name: .customLong("id"),
        help: ArgumentHelp(
            "Only the check with this id, and what it needs; 'dns.*' stands for a family; repeatable.", valueName: "id")
    )
    var ids: [String] = []

    func validate() throws {
        for assignment in assignments {
            let name = assignment.utf8.prefix { $0 != UInt8(ascii: "=") }
            guard !name.isEmpty, name.count < assignment.utf8.count else {
                throw ValidationError("--var '\(assignment)' is no assignment (must be name=value)")
            }
        }
    }

    /// The paths, or where scenarios are when none are named.
    func scenarioPaths() throws -> [String] {
        if !paths.isEmpty { return paths }
        for candidate in [Self.installedScenarios, "Scenarios"] where try isFolder(candidate) { return [candidate] }
        throw Failure.message(
            "there are no scenarios: neither '\(Self.installedScenarios)' nor './Scenarios' is a folder",
            code: "no-scenarios", help: "name a folder: meshcheck run PATH", status: Status.wrongInput)
    }

    /// The file with diagnoses; nil when there is none and none was asked for.
    func diagnosesPath(scenarios: [String]) throws -> String? {
        if let diagnoses { return diagnoses }
        for path in scenarios {
            let folder = try isFolder(path) ? path : LexicalPath.split(path).folder
            let candidate = folder + "/" + Self.diagnosesName
            do throws(FileError) {
                if try FileStatus.ofIfExists(candidate, followLinks: true)?.kind == .file { return candidate }
            } catch {
                throw Failure.message(error.description, code: "diagnoses", status: Status.wrongInput)
            }
        }
        return nil
    }

    /// Variables from the command line, files and the environment.
    var variableSources: VariableSources {
        VariableSources(
            assignments: assignments.map { assignment in
                let name = assignment.utf8.prefix { $0 != UInt8(ascii: "=") }
                return (
                    String(decoding: name, as: UTF8.self),
                    String(decoding: assignment.utf8.dropFirst(name.count + 1), as: UTF8.self)
                )
            }, files: variableFiles, environment: Terminal.environment)
    }

    private func isFolder(_ path: String) throws -> Bool {
        do throws(FileError) {
            return try FileStatus.ofIfExists(path, followLinks: true)?.kind == .directory
        } catch {
            throw Failure.message(error.description, code: "scenarios", status: Status.wrongInput)
        }
    }
}
