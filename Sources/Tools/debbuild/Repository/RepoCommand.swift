import ArgumentParser
import DebianRepository
import Documents
import Files
import Platform
import StandardStreams

/// `debbuild repo`.
struct RepoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repo", abstract: "Publish packages in a signed apt repository.",
        discussion: """
            A repository is a folder that any web server can serve, with repository.yaml in it or named by --config. What is \
            published is its only state. 'add', 'remove', 'publish' and 'resign' sign and publish what they change at once: \
            InRelease is exchanged last, so clients see the state before or the new one, whatever happens in between.

            EXAMPLES
              debbuild repo add /srv/apt hello_1.0_amd64.deb   add a package
              debbuild repo publish /srv/apt --dry-run         what retention would remove
              debbuild repo resign /srv/apt                    for a timer
              debbuild repo verify /srv/apt                    check everything
              debbuild repo key check /srv/apt                 who will refuse the keys

            EXIT STATUS
              0   done
              1   verify or key check found errors
              2   the input is wrong: a package, repository.yaml, a key, a taken name
              3   the upload failed
              4   another process has the repository for longer than --wait
              70  the machine failed (disk full, a clock that is behind), or a bug
            """,
        subcommands: [
            RepoAddCommand.self, RepoRemoveCommand.self, RepoListCommand.self, RepoPublishCommand.self,
            RepoResignCommand.self, RepoSnapshotCommand.self, RepoVerifyCommand.self, RepoKeyCommand.self,
            RepoKeyringCommand.self,
        ])
}

/// Which repository.
struct RepositoryOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The repository's folder.", valueName: "dir"), completion: .directory)
    var directory: String
    @Option(
        help: ArgumentHelp("The settings (default: repository.yaml in the folder).", valueName: "file"),
        completion: .file(extensions: ["yaml"]))
    var config: String?
    @OptionGroup var output: FormatOptions

    func open() async throws -> Repository {
        try await RepositorySession.open(directory: directory, settings: config, format: output.format)
    }
}

/// How a command that changes a repository runs.
struct RepositoryChangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long to wait for another process that changes the repository (default: 1m).", valueName: "time"))
    var wait: TimeSpan?
    @Flag(help: "Do not run the program of 'upload' in repository.yaml.")
    var noUpload = false

    var patience: Duration { .seconds(wait?.seconds ?? 60) }
}

/// What the commands share.
enum RepositorySession {
    static func open(directory: String, settings path: String?, format: OutputFormat) async throws -> Repository {
        let root = AbsolutePath.of(directory)
        let file = path.map(AbsolutePath.of) ?? root + "/" + RepositorySettings.fileName
        var diagnostics = Diagnostics()
        guard let settings = RepositorySettings.load(file, diagnostics: &diagnostics), !diagnostics.hasErrors else {
            throw Failure.report(diagnostics, format)
        }
        if !diagnostics.isEmpty { Failure.show(diagnostics, format) }
        return try await run(format) { () async throws(RepositoryError) in
            do throws(FileError) { try FileTree.createDirectories(root) } catch {
                throw RepositoryError(.input, "repository", error.description)
            }
            return try await Repository(
                root: root, settings: settings, now: KernelClock.wall / 1_000_000_000, observer: Notes())
        }
    }

    /// Runs the body, and turns its error into text and an exit status.
    static func run<Value>(
        _ format: OutputFormat, _ body: () async throws(RepositoryError) -> Value
    ) async throws -> Value {
        do throws(RepositoryError) { return try await body() } catch {
            let status: Int32 =
                switch error.kind {
                case .input: 2
                case .unreachable: 3
                case .locked: 4
                case .machine: 70
                }
            throw Failure.message(error.message, code: error.code, format, status: status, help: error.help)
        }
    }

    /// Copies what was published, if the settings say how.
    static func upload(
        _ change: RepositoryChange, of repository: Repository, unless isOff: Bool, _ format: OutputFormat
    ) async throws {
        guard !isOff, !repository.settings.upload.isEmpty else { return }
        try await run(format) { () async throws(RepositoryError) in
            try await Upload(repository.settings.upload, root: repository.root).run(change.files)
        }
    }

    static func write(_ change: RepositoryChange, _ format: OutputFormat, isDryRun: Bool = false) {
        switch format {
        case .json: Terminal.write(json(change).pretty + "\n")
        case .text:
            for item in change.added { Terminal.write("added \(item.text)\n") }
            for item in change.unchanged { Terminal.write("unchanged \(item.text)\n") }
            for item in change.removed { Terminal.write("\(isDryRun ? "would remove" : "removed") \(item.text)\n") }
            for path in change.deletedFiles { Terminal.write("\(isDryRun ? "would delete" : "deleted") \(path)\n") }
            for suite in change.suites { Terminal.write("published \(suite)\n") }
        }
    }

    private static func json(_ change: RepositoryChange) -> JSONValue {
        .object([
            ("added", .array(change.added.map(\.json))), ("unchanged", .array(change.unchanged.map(\.json))),
            ("removed", .array(change.removed.map(\.json))),
            ("deletedFiles", .array(change.deletedFiles.map { .string($0) })),
            ("publishedSuites", .array(change.suites.map { .string($0) })),
        ])
    }

    private struct Notes: RepositoryObserver {
        func note(_ text: String) { Terminal.writeErrorLine("debbuild: \(DisplayText.inline(text))") }
    }
}

extension RepositoryChange.Item {
    fileprivate var text: String { "\(suite)/\(component) \(package) \(version) \(architecture)" }

    fileprivate var json: JSONValue {
        .object([
            ("suite", .string(suite)), ("component", .string(component)), ("package", .string(package)),
            ("version", .string(version)), ("architecture", .string(architecture)), ("path", .string(path)),
        ])
    }
}
