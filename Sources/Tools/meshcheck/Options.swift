import ArgumentParser
import Documents
import Files
import Platform
import RemoteHosts
import Reports
import Scenarios
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

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Include the checks that installed packages bring in /usr/share/meshcheck/packages.d (default: when no path is "
                + "named)."))
    var packages: Bool?

    @Option(
        help: ArgumentHelp(
            "classic for the three packages, modern for istio-sidecar (default: by what is installed).",
            valueName: "name"))
    var profile: String?

    @Option(
        name: .customLong("var"),
        help: ArgumentHelp(
            "A variable of the scenarios; repeatable, and stronger than files. Other users of this host can see it in ps(1).",
            valueName: "name=value"))
    var assignments: [String] = []

    @Option(
        name: .customLong("var-file"),
        help: ArgumentHelp(
            "A file with lines NAME=VALUE, for values that nobody else may see; '-' is standard input; repeatable.",
            valueName: "file"))
    var assignmentFiles: [String] = []

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
                throw ValidationError("--var '\(assignment)' is not an assignment (must be name=value)")
            }
        }
    }

    /// The paths, or where scenarios are when none are named.
    func scenarioPaths() throws -> [String] {
        if !paths.isEmpty { return paths }
        for candidate in [Self.installedScenarios, "Scenarios"] where try isFolder(candidate) { return [candidate] }
        throw CommandFailure.message(
            "there are no scenarios: neither '\(Self.installedScenarios)' nor './Scenarios' is a folder",
            code: "no-scenarios", help: "name a folder: meshcheck run PATH", status: Status.wrongInput)
    }

    /// Whether the checks of installed packages are wanted.
    var includesPackages: Bool { packages ?? paths.isEmpty }

    /// The file with diagnoses; nil when there is none and none was asked for.
    func diagnosesPath(scenarios: [String]) throws -> String? {
        if let diagnoses { return diagnoses }
        for path in scenarios + (try isFolder(Self.installedScenarios) ? [Self.installedScenarios] : []) {
            let folder = try isFolder(path) ? path : LexicalPath.split(path).folder
            let candidate = folder + "/" + Self.diagnosesName
            do throws(FileError) {
                if try FileStatus.ofIfExists(candidate, followLinks: true)?.kind == .file { return candidate }
            } catch {
                throw CommandFailure.message(error.description, code: "diagnoses", status: Status.wrongInput)
            }
        }
        return nil
    }

    /// Variables from the command line, files and the environment.
    func variableSources() throws -> VariableSources {
        var sources = VariableSources(files: variableFiles, environment: Terminal.environment)
        for file in assignmentFiles {
            do throws(VariableFileError) {
                sources.add(
                    (file == "-" ? try StandardInput.assignments.get() : try VariableFile(path: file)).assignments)
            } catch {
                throw CommandFailure.message(error.description, code: "var-file", status: Status.wrongInput)
            }
        }
        for assignment in assignments {
            let name = assignment.utf8.prefix { $0 != UInt8(ascii: "=") }
            sources.assignments.append(
                (
                    String(decoding: name, as: UTF8.self),
                    String(decoding: assignment.utf8.dropFirst(name.count + 1), as: UTF8.self)
                ))
        }
        return sources
    }

    private func isFolder(_ path: String) throws -> Bool {
        do throws(FileError) {
            return try FileStatus.ofIfExists(path, followLinks: true)?.kind == .directory
        } catch {
            throw CommandFailure.message(error.description, code: "scenarios", status: Status.wrongInput)
        }
    }
}

/// What standard input gives: it can be read once, and every run of `watch` and `serve` wants it.
private enum StandardInput {
    static let assignments = Result { () throws(VariableFileError) in try VariableFile(path: "-") }
}

/// How checks are run.
struct ExecutionOptions: ParsableArguments {
    @Flag(help: "End the run at the first failure of severity error.")
    var failFast = false

    @Option(
        help: ArgumentHelp(
            "Checks to run at the same time. Most of them wait, so it may be far more than there are processors; "
                + "the limit of open files (ulimit -n) allows a quarter of its number.",
            valueName: "n"))
    var jobs = 128

    @Option(
        help: ArgumentHelp(
            "Look at a failed check again until it passes or this time is over, such as 30s: for a host that is "
                + "starting.", valueName: "time"))
    var retryFor: DurationArgument?

    @Option(help: ArgumentHelp("End the whole run after this time, with exit status 4.", valueName: "time"))
    var timeout: DurationArgument?

    @Flag(help: "Count what cannot be seen without root as failed.")
    var strict = false

    func validate() throws {
        if !(1...4096).contains(jobs) { throw ValidationError("--jobs is \(jobs) (must be >=1 and <=4096)") }
    }

    /// The runner's options.
    var runOptions: RunOptions {
        RunOptions(jobs: jobs, failFast: failFast, retryFor: retryFor?.value, strict: strict)
    }
}

/// A report to write: `FORMAT` or `FORMAT=FILE`.
struct ReportRequest: ExpressibleByArgument, Hashable {
    var format: ReportFormat
    /// nil for standard output.
    var file: String?

    init(format: ReportFormat, file: String? = nil) {
        self.format = format
        self.file = file
    }

    init?(argument: String) {
        let name = argument.utf8.prefix { $0 != UInt8(ascii: "=") }
        guard let format = ReportFormat(rawValue: String(decoding: name, as: UTF8.self)) else { return nil }
        self.format = format
        if name.count < argument.utf8.count {
            let file = String(decoding: argument.utf8.dropFirst(name.count + 1), as: UTF8.self)
            guard !file.isEmpty else { return nil }
            self.file = file == "-" ? nil : file
        }
    }
}

/// Which reports go where.
struct OutputOptions: ParsableArguments {
    @Option(
        name: .customLong("format"),
        help: ArgumentHelp(
            "A report and where it goes; repeatable. Formats: "
                + ReportFormat.allCases.map { "\($0.rawValue) (\($0.summary))" }.joined(separator: ", ") + ".",
            discussion: "At most one format can go to standard output. When all of them go to files, the terminal's "
                + "report is still written to standard output, unless --quiet.",
            valueName: "format[=file]"))
    var requests: [ReportRequest] = []

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Where the format without a file goes, in place of standard output.", valueName: "file"))
    var output: String?

    @Flag(name: .shortAndLong, help: "List checks that passed or were skipped as well.")
    var verbose = false

    @Flag(name: .shortAndLong, help: "Show no progress, and write no report to standard output unless asked.")
    var quiet = false

    func validate() throws {
        let open = requests.filter { $0.file == nil }
        if open.count > 1 {
            throw ValidationError(
                "the formats \(open.map(\.format.rawValue).joined(separator: " and ")) would both go to standard "
                    + "output: give all but one a file, such as --format \(open[1].format.rawValue)=FILE")
        }
        if output != nil, !requests.isEmpty, open.isEmpty {
            throw ValidationError("--output has no report to take: every --format has its own file")
        }
        var files: Set<String> = []
        for file in requests.compactMap(\.file) + (output.map { [$0] } ?? []) where !files.insert(file).inserted {
            throw ValidationError("two reports would go to the file '\(file)'")
        }
        if requests.contains(where: { $0.format == .events && ($0.file != nil || output != nil) }) {
            throw ValidationError("the format events is written while the run goes on, and to standard output only")
        }
    }

    /// What to write, with files and defaults put in.
    var reports: [ReportRequest] {
        var reports = requests.map { request in
            ReportRequest(format: request.format, file: request.file ?? output)
        }
        if requests.isEmpty {
            reports.append(ReportRequest(format: .terminal, file: output))
        } else if !quiet, output == nil, reports.allSatisfy({ $0.file != nil }) {
            reports.append(ReportRequest(format: .terminal))
        }
        return reports
    }

    /// Whether events are written while the run goes on.
    var writesEvents: Bool { requests.contains { $0.format == .events } }
}

/// On which hosts.
struct TargetOptions: ParsableArguments {
    @Option(
        name: .customLong("target"),
        help: ArgumentHelp(
            "A host to check by ssh; repeatable (default: this one).", valueName: "ssh://user@host:port"))
    var targets: [String] = []

    @OptionGroup var arguments: SSHArguments

    @Flag(help: "Run on the hosts as root, with sudo and no password.")
    var sudo = false

    @Option(help: ArgumentHelp("Time limit for one host, from connecting to its result.", valueName: "time"))
    var hostTimeout = DurationArgument(seconds: 600)

    @Option(
        name: .customLong("remote-binary"),
        help: ArgumentHelp("The meshcheck to send to the hosts, where this one does not run there.", valueName: "file"))
    var remoteBinary: String?

    /// Whether other hosts are meant.
    var areRemote: Bool { !targets.isEmpty || arguments.inventory != nil }

    /// The hosts, each once; all mistakes are reported at once.
    func machines() throws -> [RemoteHost] {
        var diagnostics = Diagnostics()
        let machines = arguments.hosts(addresses: targets, diagnostics: &diagnostics)
        if diagnostics.hasErrors { throw CommandFailure.report(diagnostics, status: Status.wrongInput) }
        return machines
    }
}

/// A length of time on the command line, always with its unit: `500ms`, `30s`, `1m30s`.
struct DurationArgument: ExpressibleByArgument {
    let value: Duration

    init?(argument: String) {
        guard let duration = GoDuration(argument), duration.nanoseconds > 0 else { return nil }
        value = duration.duration
    }

    init(seconds: Int) { value = .seconds(seconds) }

    /// As it stands in a help text.
    var defaultValueDescription: String { GoDuration(value).description }
}
