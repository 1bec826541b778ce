import Foundation

/// A program that goes on while a test looks at it; it is ended with the object.
///
/// Made of posix_spawn(3) and waitpid(2): Foundation's Process learns of an end by a descriptor that other children may
/// have inherited, and then waits for ever.
public final class BackgroundProgram {
    /// Its process id.
    public let identifier: pid_t
    private let folder: TemporaryDirectory
    private var ended: Int32?

    /// Why a program cannot be started.
    public struct StartError: Error {
        /// The program.
        public var path: String
        /// The error number (errno(3)).
        public var errno: Int32
    }

    /// Starts a program with its arguments as an array.
    public init(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        folder = try TemporaryDirectory()
        for name in ["out", "err"] { try folder.file(name, "") }
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, folder.path + "/out", O_WRONLY | O_APPEND, 0)
        posix_spawn_file_actions_addopen(&actions, 2, folder.path + "/err", O_WRONLY | O_APPEND, 0)
        let words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        let settings: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for word in words + settings { free(word) } }
        var process: pid_t = 0
        let status = posix_spawn(&process, path, &actions, nil, words, settings)
        guard status == 0 else { throw StartError(path: path, errno: status) }
        identifier = process
    }

    deinit { end() }

    /// Ends it at once, if it still runs.
    public func end() {
        guard isRunning else { return }
        kill(identifier, SIGKILL)
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
        ended = status
    }

    /// What it has written to standard output so far.
    public var output: String { (try? String(contentsOfFile: folder.path + "/out", encoding: .utf8)) ?? "" }

    /// What it has written to standard error so far.
    public var errors: String { (try? String(contentsOfFile: folder.path + "/err", encoding: .utf8)) ?? "" }

    /// Whether it still runs.
    public var isRunning: Bool {
        if ended != nil { return false }
        var status: Int32 = 0
        let result = waitpid(identifier, &status, WNOHANG)
        if result == identifier { ended = status }
        return result == 0
    }

    /// Sends a signal.
    public func signal(_ number: Int32) { if isRunning { kill(identifier, number) } }

    /// Waits for its end, at most so many seconds; nil when it goes on. A signal counts as 128 and its number.
    public func status(within limit: Double = patience) -> Int32? {
        guard waitUntil(within: limit, { !isRunning }), let ended else { return nil }
        return ended & 0x7f == 0 ? (ended >> 8) & 0xff : 128 + (ended & 0x7f)
    }
}
