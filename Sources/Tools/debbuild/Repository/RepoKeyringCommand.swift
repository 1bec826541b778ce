import ArgumentParser
import DebianFormat
import DebianRepository
import Documents
import Files
import Platform
import StandardStreams

/// `debbuild repo keyring DIR`.
struct RepoKeyringCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyring", abstract: "Make a package of the public keys and the source for clients.",
        discussion: """
            Writes a workspace with the package ORIGIN-archive-keyring: the keys below /usr/share/keyrings, and a file of \
            sources that names them. In a workspace that is there already, only these two are renewed: give it a new version \
            then. Build it with 'debbuild build', and add it to the repository itself.
            """)

    @OptionGroup var repository: RepositoryOptions
    @Option(
        name: .shortAndLong, help: ArgumentHelp("The workspace to write.", valueName: "dir"), completion: .directory)
    var workspace: String
    @Option(help: ArgumentHelp("The package's maintainer.", valueName: "name <address>")) var maintainer: String

    func run() async throws {
        let opened = try await repository.open()
        let format = repository.output.format
        let (written, package) = try await RepositorySession.run(format) { () async throws(RepositoryError) in
            let person: Maintainer
            do throws(FormatError) { person = try Maintainer(maintainer) } catch {
                throw RepositoryError(.input, "maintainer", "--maintainer: \(error)")
            }
            let generator = try KeyringWorkspace(opened, maintainer: person)
            return (try generator.write(to: AbsolutePath.of(workspace)), generator.package)
        }
        switch format {
        case .text:
            Terminal.write(
                written.map { LexicalPath.shortened($0, in: FileTree.currentDirectory) + "\n" }.joined())
            Terminal.writeErrorLine("debbuild: now 'debbuild build \(package) --workspace \(workspace)'")
        case .json:
            Terminal.write(
                JSONValue.object([
                    ("package", .string(package)), ("files", .array(written.map { .string($0) })),
                ]).pretty + "\n")
        }
    }
}
