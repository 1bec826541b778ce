import ArgumentParser
import Platform
import StandardStreams

/// The command tree of `debbuild`.
struct Debbuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "debbuild",
        abstract: "Build Debian packages from a declared workspace: correct, reproducible, fast.",
        discussion: """
            A workspace is a folder with workspace.yaml and one folder per package, each with package.yaml. It is looked \
            for here, in ./Packaging, and in the folders above.

            EXAMPLES
              debbuild all                          build every package
              debbuild build istio-proxy --fast     one package, quickly
              debbuild plan istio-proxy             what would be in it
              debbuild diff old.deb new.deb         what changed between two packages
              debbuild import hello.deb             a workspace that builds it again
              debbuild all --publish /srv/apt       build, and add everything to an apt repository

            EXIT STATUS
              0   done
              1   lint found errors, which stop a build as well; diff found differences; an imported package would not
                  be built the same; a check of a repository found errors
              2   the input is wrong: a specification, an option, a package file
              3   a download or an upload failed
              4   another process has a repository
              70  the machine failed (disk full, a file that changed while it was read), or debbuild has a bug
            """,
        version: ProductVersion.text,
        subcommands: [
            AllCommand.self, BuildCommand.self, PlanCommand.self, InspectCommand.self, DiffCommand.self,
            LintCommand.self, SchemaCommand.self, VersionCommand.self, InitCommand.self, ImportCommand.self,
            RepoCommand.self,
        ])
}

@main
enum DebbuildMain {
    static func main() async {
        Signals.ignoreBrokenPipes()
        do {
            var command = try Debbuild.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            // ArgumentParser's own status for wrong usage is 64; here it is 2 in every tool.
            let status = Debbuild.exitCode(for: error).rawValue
            if status == ExitCode.validationFailure.rawValue {
                Terminal.writeErrorLine(Debbuild.fullMessage(for: error))
                Terminal.exit(2)
            }
            Debbuild.exit(withError: error)
        }
    }
}
