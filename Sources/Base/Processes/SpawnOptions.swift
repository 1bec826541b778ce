import Glibc

/// A program to start and everything that it begins with.
///
/// What is not said here never reaches it: descriptors other than the three streams are closed, signals have their
/// default dispositions, none is blocked.
public struct SpawnOptions: Sendable, Hashable {
    /// Where one of the three standard streams goes.
    public enum Stream: Sendable, Hashable {
        /// Where this process's goes.
        case inherit
        /// `/dev/null`.
        case null
        /// A descriptor of this process, which stays open here.
        case descriptor(Int32)
        /// A new pipe whose other end the ``ChildProcess`` has.
        case pipe
    }

    /// The process group of the program.
    public enum Group: Sendable, Hashable {
        /// This process's.
        case inherit
        /// A new one that the program leads, so that it can be signalled with everything it starts.
        case new
        /// A new one in a session without a terminal.
        case session
    }

    /// Whom a program runs as. This process needs the capabilities CAP_SETUID and CAP_SETGID.
    public struct User: Sendable, Hashable {
        /// The user.
        public var id: UInt32
        /// The main group.
        public var group: UInt32
        /// The other groups, exactly.
        public var supplementaryGroups: [UInt32]

        /// Creates a user.
        public init(id: UInt32, group: UInt32, supplementaryGroups: [UInt32] = []) {
            self.id = id
            self.group = group
            self.supplementaryGroups = supplementaryGroups
        }
    }

    /// The path of the program; PATH is not searched (``ExecutablePath/find(_:path:)`` does).
    public var executable: String
    /// The arguments after the program's name.
    public var arguments: [String]
    /// What the program sees as its own name; nil for the path.
    public var name: String?
    /// `NAME=VALUE` each; nil for this process's environment.
    public var environment: [String]?
    /// Nil for this process's. It is entered as the program's user.
    public var workingDirectory: String?
    /// Standard input.
    public var standardInput: Stream
    /// Standard output.
    public var standardOutput: Stream
    /// Standard error.
    public var standardError: Stream
    /// The process group.
    public var group: Group
    /// When the leader of a new group ends, whatever is left of the group gets SIGKILL.
    public var endsGroupWithLeader: Bool
    /// Nil for this process's user.
    public var user: User?
    /// The signal that the program gets when this process ends, however it ends; nil for none. A program that changes
    /// its own user or has capabilities of its own loses it (prctl(2), PR_SET_PDEATHSIG).
    public var parentDeathSignal: Signal?

    /// Creates options; without more the program has `/dev/null` as input and shares the outputs.
    public init(executable: String, arguments: [String] = []) {
        self.executable = executable
        self.arguments = arguments
        standardInput = .null
        standardOutput = .inherit
        standardError = .inherit
        group = .inherit
        endsGroupWithLeader = false
    }
}

/// Looks programs up as a shell does.
public enum ExecutablePath {
    /// Where programs are looked for when the environment does not say.
    public static let standardSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The path of a program: a name with a slash as it is, any other name from the folders of a search path.
    ///
    /// - Parameter path: folders between colons; nil for the environment's PATH. Empty folders, which mean the working
    ///   directory to a shell, are passed over.
    /// - Returns: nil when no folder has a file of this name that this process may execute.
    public static func find(_ name: String, path: String? = nil) -> String? {
        if name.utf8.contains(UInt8(ascii: "/")) { return name }
        guard !name.isEmpty else { return nil }
        let folders = path ?? getenv("PATH").map { String(cString: $0) } ?? standardSearchPath
        for folder in folders.utf8.split(separator: UInt8(ascii: ":")) {
            let candidate = String(decoding: folder, as: UTF8.self) + "/" + name
            var status = stat()
            guard stat(candidate, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            if access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }
}
