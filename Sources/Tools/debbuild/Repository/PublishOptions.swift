import ArgumentParser
import DebianBuild
import DebianRepository
import Files
import Platform

/// `--publish`: what is built is added to a repository.
struct PublishOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Add the packages to the apt repository in this folder and publish it; its repository.yaml is there or next to "
                + "workspace.yaml (see 'debbuild repo').", valueName: "dir"), completion: .directory)
    var publish: String?

    @Option(
        help: ArgumentHelp("The suite that packages are published in (needed if there are several).", valueName: "name")
    )
    var suite: String?

    func validate() throws {
        if suite != nil, publish == nil { throw ValidationError("--suite needs --publish") }
    }

    /// The repository, if one is named.
    func open(_ workspace: WorkspaceOptions, _ format: OutputFormat) async throws -> Repository? {
        guard let publish else { return nil }
        let own = AbsolutePath.of(publish) + "/" + RepositorySettings.fileName
        var settings = own
        let folder = workspace.workspace.map(AbsolutePath.of) ?? Workspace.find(from: AbsolutePath.of("."))
        do throws(FileError) {
            if let folder, try FileStatus.ofIfExists(own, followLinks: true) == nil {
                settings = folder + "/" + RepositorySettings.fileName
            }
        } catch {
            throw Failure.message(error.description, code: "repository-settings", format, status: 2)
        }
        let repository = try await RepositorySession.open(directory: publish, settings: settings, format: format)
        try await RepositorySession.run(format) { () async throws(RepositoryError) in try repository.checkSuite(suite) }
        return repository
    }

    func publish(_ files: [String], in repository: Repository, _ format: OutputFormat) async throws {
        let change = try await RepositorySession.run(format) { () async throws(RepositoryError) in
            try await repository.add(files, suite: suite, component: nil, patience: .seconds(60))
        }
        try await RepositorySession.upload(change, of: repository, unless: false, format)
        RepositorySession.write(change, format)
    }
}
