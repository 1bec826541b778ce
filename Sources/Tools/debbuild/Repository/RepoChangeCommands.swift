import ArgumentParser
import DebianArchive
import DebianRepository
import Documents
import Platform
import StandardStreams

/// `debbuild repo add DIR FILE…`.
struct RepoAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add packages to a suite, sign it and publish it.",
        discussion: "The same bytes again change nothing. Other bytes under a name that is published are refused.")

    @OptionGroup var repository: RepositoryOptions
    @Argument(help: "Package files.", completion: .file(extensions: ["deb"])) var files: [String]
    @Option(help: ArgumentHelp("The suite (needed if there are several).", valueName: "name")) var suite: String?
    @Option(help: ArgumentHelp("The component (default: the suite's first).", valueName: "name")) var component: String?
    @OptionGroup var reading: ReadOptions
    @OptionGroup var options: RepositoryChangeOptions

    func run() async throws {
        let opened = try await repository.open()
        let format = repository.output.format
        let change = try await RepositorySession.run(format) { () async throws(RepositoryError) in
            try await opened.add(
                files, suite: suite, component: component, limits: reading.limits, patience: options.patience)
        }
        try await RepositorySession.upload(change, of: opened, unless: options.noUpload, format)
        RepositorySession.write(change, format)
    }
}

/// `debbuild repo remove DIR NAME[=VERSION]…`.
struct RepoRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove packages from suites, sign and publish them.",
        discussion: "The files stay in the pool for 'grace', so clients that have read the state before still get them."
    )

    @OptionGroup var repository: RepositoryOptions
    @Argument(help: ArgumentHelp("Packages, or single versions of them.", valueName: "name[=version]"))
    var packages: [String]
    @Option(help: ArgumentHelp("The suite; repeatable (needed if there are several).", valueName: "name"))
    var suite: [String] = []
    @Flag(help: "Show what would be removed.") var dryRun = false
    @OptionGroup var options: RepositoryChangeOptions

    func run() async throws {
        let opened = try await repository.open()
        let format = repository.output.format
        let change = try await RepositorySession.run(format) { () async throws(RepositoryError) in
            try await opened.remove(
                packages.map(Repository.Selection.init), suites: suite, isDryRun: dryRun, patience: options.patience)
        }
        try await RepositorySession.upload(change, of: opened, unless: options.noUpload, format)
        RepositorySession.write(change, format, isDryRun: dryRun)
    }
}

/// `debbuild repo publish DIR`.
struct RepoPublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Bring every suite in line with repository.yaml, sign and publish it.",
        discussion: """
            Applies retention, phased updates, components and architectures, writes every index anew, and deletes files of \
            the pool that no suite or snapshot has had for longer than 'grace'. With 'upload', everything is copied, also what \
            an upload before did not finish.
            """)

    @OptionGroup var repository: RepositoryOptions
    @Flag(help: "Show what would be removed and deleted, and change nothing.") var dryRun = false
    @OptionGroup var options: RepositoryChangeOptions

    func run() async throws {
        let opened = try await repository.open()
        let format = repository.output.format
        let change = try await RepositorySession.run(format) { () async throws(RepositoryError) in
            try await opened.publish(isDryRun: dryRun, patience: options.patience)
        }
        try await RepositorySession.upload(change, of: opened, unless: options.noUpload || dryRun, format)
        RepositorySession.write(change, format, isDryRun: dryRun)
    }
}

/// `debbuild repo resign DIR`.
struct RepoResignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resign", abstract: "Sign every suite again with today's date, for a timer.",
        discussion: "Valid-Until is 'valid-for' from now. Indexes and packages are not touched.")

    @OptionGroup var repository: RepositoryOptions
    @OptionGroup var options: RepositoryChangeOptions

    func run() async throws {
        let opened = try await repository.open()
        let format = repository.output.format
        let change = try await RepositorySession.run(format) { () async throws(RepositoryError) in
            try await opened.resign(patience: options.patience)
        }
        try await RepositorySession.upload(change, of: opened, unless: options.noUpload, format)
        RepositorySession.write(change, format)
    }
}

/// `debbuild repo snapshot DIR [NAME]`.
struct RepoSnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Keep what is published now under a name, without an end of its validity.",
        discussion: """
            Writes snapshots/NAME with the suites and a link to the pool. Files of the pool that a snapshot lists are never \
            deleted; to give one up, remove its folder. Writes the path to standard output.
            """)

    @OptionGroup var repository: RepositoryOptions
    @Argument(help: "The snapshot's name (default: the time, as 'apt --snapshot' takes it).") var name: String?
    @OptionGroup var options: RepositoryChangeOptions

    func run() async throws {
        let opened = try await repository.open()
        let path = try await RepositorySession.run(repository.output.format) { () async throws(RepositoryError) in
            try await opened.snapshot(name, patience: options.patience)
        }
        switch repository.output.format {
        case .text: Terminal.write(path + "\n")
        case .json: Terminal.write(JSONValue.object([("snapshot", .string(path))]).pretty + "\n")
        }
    }
}
