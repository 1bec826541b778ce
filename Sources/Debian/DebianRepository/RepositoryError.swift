import Archive
import DebianArchive
import Files
import Platform
import Processes

/// Why a repository cannot be read or written. Nothing that clients see has changed, unless it says otherwise.
public struct RepositoryError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Kind: Sendable, Hashable {
        /// What was given, or the repository, is wrong.
        case input
        /// Another process has the repository.
        case locked
        /// Another machine could not be reached.
        case unreachable
        /// The machine failed.
        case machine
    }

    /// What kind of failure it is.
    public var kind: Kind
    /// A stable code such as `name-taken`.
    public var code: String
    /// The sentence.
    public var message: String
    /// What to do about it.
    public var help: String?

    /// Creates an error.
    public init(_ kind: Kind, _ code: String, _ message: String, help: String? = nil) {
        self.kind = kind
        self.code = code
        self.message = message
        self.help = help
    }

    /// The sentence for people.
    public var description: String { message }

    init(_ error: FileError) {
        let isFull = error.errno == FileError.full
        self.init(
            FileError.ofInput.contains(error.errno) ? .input : .machine, isFull ? "disk-full" : "file",
            error.description,
            help: isFull ? "make room; what clients see is as it was before" : nil)
    }

    init(_ error: ArchiveError, _ what: String) {
        switch error.code {
        case .output(let file), .input(let file): self.init(file)
        default: self.init(.input, "index-corrupt", "\(what): \(error)")
        }
    }

    /// Anything that is thrown below, as an error of the repository's.
    static func wrapping<Value>(_ body: () throws -> Value) throws(RepositoryError) -> Value {
        try wrapping("", body)
    }

    /// The same with what was being done, for errors that do not say it.
    static func wrapping<Value>(_ what: String, _ body: () throws -> Value) throws(RepositoryError) -> Value {
        do { return try body() } catch { throw any(error, what) }
    }

    private static func any(_ error: any Error, _ what: String) -> RepositoryError {
        switch error {
        case let error as RepositoryError: error
        case let error as FileError: RepositoryError(error)
        case let error as ArchiveError: RepositoryError(error, what)
        case let error as DebReadError: RepositoryError(.input, "package-file", error.description)
        case let error as ProcessError: RepositoryError(.machine, "program", error.description)
        default: RepositoryError(.machine, "repository", "\(error)")
        }
    }
}
