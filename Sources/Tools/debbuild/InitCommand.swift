import ArgumentParser
import DebianBuild
import DebianFormat
import Glibc
import Platform
import StandardStreams

/// `debbuild init NAME`.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Create a commented package folder to start from.",
        discussion: "Writes NAME/package.yaml with a changelog and a small program, and "
            + "workspace.yaml if there is none. Nothing that exists is touched.")

    @Argument(help: "The package's name.") var name: String
    @Option(help: ArgumentHelp("The folder for the workspace.", valueName: "dir")) var directory: String = "."
    @Option(help: ArgumentHelp("Maintainer for control data and changelog.", valueName: "name <address>"))
    var maintainer: String?

    func run() throws {
        do {
            let environment = Terminal.environment
            let written = try PackageTemplate(
                name: try PackageName(name),
                maintainer: try Maintainer(maintainer ?? Self.maintainer(environment)), date: Int64(time(nil))
            ).write(to: AbsolutePath.of(directory))
            Terminal.write(written.map { $0 + "\n" }.joined())
            Terminal.writeErrorLine("debbuild: now 'debbuild build \(name) --workspace \(directory)'")
        } catch let error as TemplateError {
            throw Failure.message(error.description, code: "init", .text, status: 2)
        } catch let error as FormatError {
            throw Failure.message(error.description, code: "init", .text, status: 2)
        }
    }

    /// DEBFULLNAME and DEBEMAIL are what the tools of Debian's developers read (debchange(1)).
    private static func maintainer(_ environment: [String: String]) -> String {
        "\(environment["DEBFULLNAME"] ?? "Your Name") <\(environment["DEBEMAIL"] ?? "you@example.org")>"
    }
}
