import Files
import Platform
import Processes

/// Copies what was published to where it is served from, with a program of the user's.
public struct Upload: Sendable {
    private let command: [String]
    private let root: String
    private static let timeLimit = Duration.seconds(6 * 3600)

    /// - Parameters:
    ///   - command: a program with arguments; `{list}` stands for a file with paths, `{file}` for each path, `{directory}` for
    ///     the repository, `{stage}` for the name of the stage.
    ///   - root: the repository.
    public init(_ command: [String], root: String) {
        self.command = command
        self.root = root
    }

    /// Copies stage after stage: a client that comes in between finds the state before, or the new one, whole.
    public func run(_ files: PublishedFiles) async throws(RepositoryError) {
        for stage in files.stages {
            let scratch = try ScratchFolder()
            let list = try scratch.write("files", Array(stage.paths.map { $0 + "\n" }.joined().utf8))
            let each = command.contains { $0.contains("{file}") } ? stage.paths : [""]
            for path in each { try await run(stage, list: list, file: path) }
        }
    }

    private func run(_ stage: PublishedFiles.Stage, list: String, file: String) async throws(RepositoryError) {
        let words = command.map { word in
            word.replacing("{list}", with: list).replacing("{file}", with: file)
                .replacing("{directory}", with: root).replacing("{stage}", with: stage.name)
        }
        guard let program = words.first else { return }
        let result = try await ExternalProgram.run(
            program, Array(words.dropFirst()), limit: Self.timeLimit, directory: root)
        guard result.status.isSuccess else {
            throw RepositoryError(
                .unreachable, "upload-failed",
                "'\(program)' ended with \(result.status) in stage '\(stage.name)'" + ExternalProgram.lastLine(result),
                help: "it is published here; 'debbuild repo publish' copies everything, and clients see the state "
                    + "before until its last stage")
        }
    }
}
