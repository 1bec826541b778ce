import ArgumentParser
import DebianBuild
import DebianLint
import DebianRepository
import Documents
import MeshLint
import StandardStreams

/// `debbuild schema`.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Write the JSON Schema of package.yaml, workspace.yaml or repository.yaml.",
        discussion: """
            Made from the declarations that the reader itself uses. For an editor with a YAML language server:

              debbuild schema > package.schema.json
              # yaml-language-server: $schema=package.schema.json
            """)

    /// The files that have a schema.
    enum Subject: String, ExpressibleByArgument, CaseIterable {
        case package, workspace, repository
    }

    /// How it is written.
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case json, markdown
    }

    @Argument(help: "package, workspace or repository.") var subject: Subject = .package
    @Option(help: "json for the schema, markdown for a reference to read.") var form: Form = .json

    func run() throws {
        switch (subject, form) {
        case (.package, .json): Terminal.write(SpecDocuments.packageSchema.pretty + "\n")
        case (.workspace, .json): Terminal.write(SpecDocuments.workspaceSchema.pretty + "\n")
        case (.repository, .json): Terminal.write(RepositorySettings.schema.pretty + "\n")
        case (.repository, .markdown): Terminal.write(RepositorySettings.reference)
        case (.package, .markdown): Terminal.write(SpecDocuments.packageReference)
        case (.workspace, .markdown): Terminal.write(SpecDocuments.workspaceReference)
        }
    }
}
