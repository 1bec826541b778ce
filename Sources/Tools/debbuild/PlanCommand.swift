import ArgumentParser
import DebianBuild
import DebianLint
import Documents
import MeshLint
import StandardStreams

/// `debbuild plan [NAME…]`.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what the packages would be, without writing anything.",
        discussion: "Finds every mistake in a specification; after the plan only the machine can fail.")

    @Argument(help: ArgumentHelp("Package folders in the workspace (default: all).", valueName: "name"))
    var names: [String] = []
    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: FormatOptions

    func run() async throws {
        var diagnostics = Diagnostics()
        guard let loaded = workspace.load(diagnostics: &diagnostics),
            let request = workspace.request(
                packages: names.isEmpty ? nil : names, build: nil, diagnostics: &diagnostics)
        else { throw Failure.report(diagnostics, output.format) }
        let builder = Builder(workspace: loaded, request: request, observer: ProgressLine(isQuiet: false))
        let plans = await builder.plans(diagnostics: &diagnostics)
        if diagnostics.hasErrors { throw Failure.report(diagnostics, output.format) }
        if !diagnostics.isEmpty { Failure.show(diagnostics, output.format) }
        switch output.format {
        case .json: Terminal.write(PlanReport.json(plans).pretty + "\n")
        case .text: Terminal.write(plans.map { PlanReport.text($0) }.joined(separator: "\n"))
        }
    }
}
