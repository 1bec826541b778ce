import ArgumentParser
import DebianArchive
import DebianBuild
import DebianLint
import Documents
import MeshLint
import StandardStreams

/// `debbuild inspect FILE`.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show what is in a .deb: members, control data, scripts, entries.")

    @Argument(help: "A .deb file.") var file: String
    @Flag(help: "Show the checksum of each file.") var checksums = false
    @Flag(help: "Show the maintainer scripts.") var scripts = false
    @OptionGroup var reading: ReadOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let image = try PackageFile.read(file, reading, output.format)
        var options = PackageReport.Options()
        options.showsChecksums = checksums
        options.showsScripts = scripts
        let report = PackageReport(image, options: options)
        switch output.format {
        case .json: PackageFile.write(report.json)
        case .text: report.writeText { Terminal.write($0) }
        }
    }
}

/// `debbuild diff A B`.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compare two .deb files: control data, scripts, entries, contents.",
        discussion: "Exits with 0 when they are alike and 1 when they differ.")

    @Argument(help: "The earlier .deb.") var first: String
    @Argument(help: "The later .deb.") var second: String
    @Flag(help: "Compare modification times as well.") var times = false
    @Flag(help: "Leave out how the archive's members are compressed, and so their names and sizes.")
    var ignoreCompression = false
    @OptionGroup var reading: ReadOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let before = try PackageFile.read(first, reading, output.format)
        let after = try PackageFile.read(second, reading, output.format)
        var options = PackageDiff.Options()
        options.comparesTimes = times
        options.comparesCompression = !ignoreCompression
        let diff = PackageDiff.compare(before, after, options: options)
        switch output.format {
        case .json: PackageFile.write(diff.json)
        case .text: diff.writeText(color: Terminal.usesOutputColor) { Terminal.write($0) }
        }
        if !diff.isEmpty { throw ExitCode(1) }
    }
}

/// `debbuild lint FILE|NAME…`.
struct LintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint", abstract: "Check packages, built or still a specification, against debbuild's own rules.",
        discussion:
            "A subject with a '/' or ending in .deb is a file, any other a package of the workspace. Exits with "
            + "1 when there is an error. List the rules with debbuild lint --list.")

    @Argument(
        help: ArgumentHelp("Package files or package names (default: all of the workspace).", valueName: "subject"))
    var subjects: [String] = []
    @Flag(help: "List the rules.") var list = false
    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: FormatOptions

    /// The rules of every Debian package and those of the mesh.
    static let rules = LintRegistry(rules: DebianRules.all + MeshLint.rules, knownPackages: MeshLint.packages)

    /// The findings that the specification does not accept; accepting one that lint does not report is a warning.
    static func findings(in plan: BuildPlan, diagnostics: inout Diagnostics) -> [LintFinding] {
        let findings = rules.findings(in: PackageImage(plan: plan))
        for (code, range) in plan.lintOverrides where !findings.contains(where: { $0.code == code }) {
            diagnostics.warning(
                "lint-override-unused",
                rules.rule(code) == nil
                    ? "lint has no rule '\(code)'" : "lint does not report \(code) for \(plan.fileName)",
                at: range,
                help: "remove the override; 'debbuild lint --list' lists the rules")
        }
        return findings.filter { finding in !plan.lintOverrides.contains { $0.code == finding.code } }
    }

    func run() async throws {
        if list {
            Terminal.write(output.format == .json ? Self.rules.json.pretty + "\n" : Self.rules.text)
            return
        }
        var reports: [LintReport] = []
        let files = subjects.filter { $0.contains("/") || $0.hasSuffix(".deb") }
        for file in files {
            do throws(DebReadError) {
                let findings = try Self.rules.findings(inFile: file, limits: workspace.reading.limits)
                reports.append(LintReport(subject: file, findings: findings))
            } catch {
                throw Failure.message(
                    error.description, code: "package-file", output.format, status: 2,
                    help: PackageFile.help(error, workspace.reading))
            }
        }
        let names = subjects.filter { !files.contains($0) }
        if subjects.isEmpty || !names.isEmpty {
            var diagnostics = Diagnostics()
            guard let loaded = workspace.load(diagnostics: &diagnostics),
                let request = workspace.request(
                    packages: names.isEmpty ? nil : names, build: nil, diagnostics: &diagnostics)
            else { throw Failure.report(diagnostics, output.format) }
            let builder = Builder(workspace: loaded, request: request, observer: ProgressLine(isQuiet: false))
            let plans = await builder.plans(keepingTexts: true, diagnostics: &diagnostics)
            if diagnostics.hasErrors { throw Failure.report(diagnostics, output.format) }
            for plan in plans {
                let findings = Self.findings(in: plan, diagnostics: &diagnostics)
                reports.append(LintReport(subject: plan.fileName, findings: findings))
            }
            if !diagnostics.isEmpty { Failure.show(diagnostics, output.format) }
        }
        switch output.format {
        case .json:
            Terminal.write(JSONValue.object([("reports", .array(reports.map(\.json)))]).pretty + "\n")
        case .text:
            for report in reports { Terminal.write(report.text(color: Terminal.usesOutputColor)) }
        }
        if reports.contains(where: \.hasErrors) { throw ExitCode(1) }
    }
}

/// Reads packages for the commands above.
enum PackageFile {
    static func read(_ path: String, _ reading: ReadOptions, _ format: OutputFormat) throws -> PackageImage {
        do throws(DebReadError) {
            return try DebReader.read(path, limits: reading.limits)
        } catch {
            throw Failure.message(
                error.description, code: "package-file", format, status: 2,
                help: help(error, reading))
        }
    }

    /// A package may have a great many entries, and their text is larger than they are.
    static func write(_ value: JSONValue) {
        value.writePretty { Terminal.write($0) }
        Terminal.write("\n")
    }

    /// What to do about a package that reaches a limit.
    static func help(_ error: DebReadError, _ reading: ReadOptions) -> String? {
        switch error.code {
        case .limit where reading.maxUnpacked == nil:
            "if you know where it comes from, allow its size: --max-unpacked 20G"
        case .memory where reading.maxMemory == nil:
            "if you know where it comes from, allow it the memory: --max-memory 4G"
        default: nil
        }
    }
}
