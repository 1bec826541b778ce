import ArgumentParser
import DebianArchive
import DebianBuild
import DebianLint
import Documents
import Glibc
import MeshLint
import StandardStreams

/// `debbuild all`.
struct AllCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all", abstract: "Build every package of the workspace.",
        discussion:
            "Writes the paths of the packages to standard output, one per line. A package that has not changed "
            + "since it was last built is left alone.")

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var build: BuildOptions
    @OptionGroup var publishing: PublishOptions
    @OptionGroup var output: FormatOptions

    func run() async throws {
        // Whoever wants to publish learns at once that it would not work.
        let repository = try await publishing.open(workspace, output.format)
        let session = BuildSession(workspace: workspace, build: build, format: output.format)
        let files = try await session.run(packages: nil, writesReport: repository == nil)
        if let repository { try await publishing.publish(files, in: repository, output.format) }
    }
}

/// `debbuild build NAME…`.
struct BuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "build", abstract: "Build the named packages.")

    @Argument(help: ArgumentHelp("Package folders in the workspace.", valueName: "name"))
    var names: [String]
    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var build: BuildOptions
    @OptionGroup var output: FormatOptions

    func run() async throws {
        try await BuildSession(workspace: workspace, build: build, format: output.format).run(packages: names)
    }
}

/// What `all` and `build` do.
struct BuildSession {
    let workspace: WorkspaceOptions
    let build: BuildOptions
    let format: OutputFormat

    /// - Parameter writesReport: whether the paths or the report go to standard output.
    /// - Returns: the paths of the packages.
    @discardableResult
    func run(packages: [String]?, writesReport: Bool = true) async throws -> [String] {
        var diagnostics = Diagnostics()
        guard let loaded = workspace.load(diagnostics: &diagnostics),
            let request = workspace.request(packages: packages, build: build, diagnostics: &diagnostics)
        else { throw Failure.report(diagnostics, format) }
        let progress = ProgressLine(isQuiet: build.quiet)
        let builder = Builder(workspace: loaded, request: request, observer: progress)
        let plans = await builder.plans(keepingTexts: !build.noLint, diagnostics: &diagnostics)
        if diagnostics.hasErrors { throw Failure.report(diagnostics, format) }
        if !build.noLint { try lint(plans, &diagnostics) }
        if !build.quiet {
            if !diagnostics.isEmpty { Failure.show(diagnostics, format) }
            for plan in plans {
                for warning in plan.warnings { progress.note("\(plan.fileName): \(warning.message) [\(warning.code)]") }
            }
        }
        do {
            let outcomes = try await builder.build(plans)
            try builder.writeReleaseFiles(
                outcomes, date: Int64(time(nil)), and: build.releaseURL.flatMap { IstioVersionFile(url: $0) })
            if build.verifyReproducible {
                try await builder.verifyReproducible(outcomes, diagnostics: &diagnostics)
            }
            progress.end()
            guard writesReport else { return outcomes.map(\.path) }
            switch format {
            case .text: Terminal.write(outcomes.map { $0.path + "\n" }.joined())
            case .json: Terminal.write(BuildReport.json(outcomes).pretty + "\n")
            }
            return outcomes.map(\.path)
        } catch {
            progress.end()
            throw Failure.report(error, format)
        }
    }

    /// Refuses packages that would not work, before anything is written.
    private func lint(_ plans: [BuildPlan], _ diagnostics: inout Diagnostics) throws {
        for plan in plans {
            for finding in LintCommand.findings(in: plan, diagnostics: &diagnostics) where finding.severity == .error {
                diagnostics.error(
                    finding.code, "\(plan.fileName): \(finding.subject): \(finding.message)", at: nil,
                    help: finding.remedy)
            }
        }
        if !diagnostics.hasErrors { return }
        diagnostics.note(
            "lint", "nothing was built; use --no-lint to build despite lint errors", at: nil)
        Failure.show(diagnostics, format)
        throw ExitCode(1)
    }
}
