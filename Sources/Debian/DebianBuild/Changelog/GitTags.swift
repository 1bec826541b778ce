import DebianFormat
import Files
import Glibc
import Platform
import Processes

/// A tag of a repository that names a version.
struct GitTag: Sendable {
    var name: String
    var version: DebianVersion
    /// When the tag was made, or for a light one its commit: seconds since 1970.
    var time: Int64
    /// Who made it, `Name <address>`.
    var person: String
    /// The first lines of the commits that no lower version has, the oldest first.
    var subjects: [String]
    /// How many commits before these were left out.
    var omitted: Int
}

/// Why the tags of a repository cannot be read.
enum GitTagError: Error, Sendable {
    /// git is not installed.
    case missing
    /// git could not be run.
    case program(ProcessError)
    /// git ended with an error.
    case failed(folder: String, message: String)
    /// The clone lacks commits and tags.
    case shallow(folder: String)
    /// No tag of the current commit's history matches.
    case noTags(pattern: String, others: [String])
    /// A tag matches and does not name a version.
    case notVersion(tag: String, FormatError)
    /// Two tags name one version.
    case sameVersion(String, String)
    /// There is more than can be a changelog.
    case tooMuch(String)
    /// A tag has a date that a changelog cannot have.
    case date(tag: String)
}

/// Reads the tags of a repository, and runs nothing that its configuration names.
struct GitTags: Hashable {
    /// A folder in the work tree, absolute.
    let folder: String
    /// Which tags are versions.
    let pattern: String
    let scheme: VersionScheme

    /// More tags than that are not a changelog that anybody reads.
    private static let tagLimit = 1000
    /// Commits that one entry shows.
    private static let subjectLimit = 500
    private static let limits = RunLimits(time: .seconds(120), outputBytes: 16 << 20)

    /// The tags in the history of the current commit, the lowest version first.
    func read() async throws(GitTagError) -> [GitTag] {
        let isShallow = try await git(["rev-parse", "--is-shallow-repository"])
        guard isShallow != "true\n" else { throw .shallow(folder: folder) }
        let format = [
            "%(refname:strip=2)", "%(creatordate:unix)", "%(taggername)%(committername)",
            "%(taggeremail)%(committeremail)",
        ]
        let listing = try await git(
            ["for-each-ref", "--merged=HEAD", "--format=" + format.joined(separator: "%00"), "refs/tags"])
        let glob = GlobPattern("/" + pattern)
        var tags: [GitTag] = []
        var others: [String] = []
        for line in listing.split(separator: "\n") {
            let fields = line.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == format.count else { continue }
            guard glob.isValid, glob.matches(fields[0], isDirectory: false) else {
                others.append(fields[0])
                continue
            }
            guard let time = Int64(fields[1]), (0...253_402_300_799).contains(time) else {
                throw .date(tag: fields[0])
            }
            tags.append(
                GitTag(
                    name: fields[0], version: try version(of: fields[0]), time: time,
                    person: "\(fields[2]) \(fields[3])", subjects: [], omitted: 0))
        }
        guard !tags.isEmpty else { throw .noTags(pattern: pattern, others: others) }
        guard tags.count <= Self.tagLimit else { throw .tooMuch("\(tags.count) tags match") }
        tags.sort { ($0.version, $0.name) < ($1.version, $1.name) }
        for (lower, higher) in zip(tags, tags.dropFirst()) where lower.version == higher.version {
            throw .sameVersion(lower.name, higher.name)
        }
        for index in tags.indices { try await addSubjects(to: &tags, at: index) }
        return tags
    }

    private func addSubjects(to tags: inout [GitTag], at index: Int) async throws(GitTagError) {
        // Each commit is in the entry of the lowest version that has it.
        let below = tags[..<index].map { "^refs/tags/" + $0.name }
        let log = try await git(
            [
                "log", "--no-merges", "--topo-order", "--format=%s", "--no-show-signature", "--no-notes", "--no-color",
                "--no-decorate", "--no-patch", "refs/tags/" + tags[index].name,
            ] + below + ["--"])
        let subjects = log.split(separator: "\n").map(String.init)
        tags[index].omitted = max(0, subjects.count - Self.subjectLimit)
        tags[index].subjects = subjects.prefix(Self.subjectLimit).reversed()
    }

    /// What stands behind the fixed beginning of the pattern, read as a version: `release-*` names `1.2` by
    /// `release-1.2`, and `1.*` does not lose its number.
    private func version(of tag: String) throws(GitTagError) -> DebianVersion {
        let fixed = pattern.utf8.prefix { !"*?[\\".utf8.contains($0) }
        let end = fixed.lastIndex { !Ascii.isDigit($0) && $0 != UInt8(ascii: ".") }
        var prefix = end.map { fixed[...$0] } ?? fixed.prefix(0)
        // A 'v' belongs to the version, and the scheme knows what to do with it.
        if scheme == .semver, prefix.last == UInt8(ascii: "v") { prefix = prefix.dropLast() }
        do throws(FormatError) {
            return try scheme.version(of: String(decoding: tag.utf8.dropFirst(prefix.count), as: UTF8.self))
        } catch {
            throw .notVersion(tag: tag, error)
        }
    }

    // MARK: - the program

    /// What keeps a configuration from running programs: no hooks, helpers, pagers, signatures or transports. The
    /// commands used here would run few of them anyway.
    private static let safeOptions: [String] = [
        "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.pager=cat", "core.askPass=", "core.sshCommand=false",
        "core.editor=false", "core.attributesFile=/dev/null", "credential.helper=", "diff.external=",
        "log.showSignature=false", "gpg.program=false", "gpg.ssh.program=false", "gpg.x509.program=false",
        "protocol.allow=never", "protocol.file.allow=never", "protocol.ext.allow=never", "i18n.logOutputEncoding=UTF-8",
        "core.quotePath=false",
        // A repository of somebody else is what one finds mounted in a container. Nothing of it is run, and the user's
        // own settings, which may allow it, are not read.
        "safe.directory=*",
    ].flatMap { ["-c", $0] }

    /// Nothing of the user's environment decides what is written: neither settings nor language nor time zone.
    private static var environment: [String] {
        let path = getenv("PATH").map { String(cString: $0) } ?? ExecutablePath.standardSearchPath
        return [
            "PATH=\(path)", "HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent", "LC_ALL=C", "TZ=UTC0",
            "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CONFIG_GLOBAL=/dev/null",
            "GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1",
            "GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE=/dev/null", "GIT_ALLOW_PROTOCOL=none", "GIT_PAGER=cat",
        ]
    }

    private func git(_ arguments: [String]) async throws(GitTagError) -> String {
        guard let program = ExecutablePath.find("git") else { throw .missing }
        var options = SpawnOptions(
            executable: program,
            arguments: ["--no-pager", "--literal-pathspecs", "-C", folder] + Self.safeOptions + arguments)
        options.environment = Self.environment
        let result: ProcessOutput
        do throws(ProcessError) {
            result = try await ChildProcess.run(options, limits: Self.limits, group: .inherit)
        } catch {
            throw .program(error)
        }
        if result.reason == .timeLimit {
            throw .program(ProcessError(step: .watch, subject: program, errno: ETIMEDOUT))
        }
        guard result.status.isSuccess else {
            let message =
                String(decoding: result.standardError, as: UTF8.self)
                .split(separator: "\n").first.map(String.init) ?? "\(result.status)"
            throw .failed(folder: folder, message: DisplayText.inline(DisplayText.shortened(message, to: 300)))
        }
        guard !result.isTruncated else { throw .tooMuch("git writes more than \(Self.limits.outputBytes) bytes") }
        return String(decoding: result.standardOutput, as: UTF8.self)
    }
}

extension GitTagError: CustomStringConvertible {
    /// The sentence for people.
    var description: String {
        switch self {
        case .missing: "'git' is not installed, and the changelog is made of its tags"
        case .program(let error): error.description
        case .failed(let folder, let message): "git cannot read the repository of '\(folder)': \(message)"
        case .shallow(let folder): "the clone of '\(folder)' is shallow: tags and commits are missing"
        case .noTags(let pattern, _): "no tag of the current commit's history matches '\(pattern)'"
        case .notVersion(let tag, let error): "tag '\(DisplayText.inline(tag))' does not name a version: \(error)"
        case .sameVersion(let one, let other): "tags '\(one)' and '\(other)' name one version"
        case .tooMuch(let what): "\(what), which is more than a changelog has"
        case .date(let tag): "tag '\(DisplayText.inline(tag))' has no date from 1970 to 9999"
        }
    }

    /// What to do about it.
    var help: String? {
        switch self {
        case .missing: "apt-get install git"
        case .program: nil
        case .failed: "the folder has to be in the work tree of a repository with a commit"
        case .shallow: "run 'git fetch --unshallow --tags', or have the whole history fetched ('fetch-depth: 0')"
        case .noTags(_, let others):
            others.isEmpty
                ? "tag the releases, and fetch the tags: 'git fetch --tags'"
                : "there are \(others.prefix(3).map { "'\($0)'" }.joined(separator: ", ")): say which with 'match', "
                    + "such as 'v*'"
        case .notVersion: "say which tags are versions with 'match', such as 'v*' or 'release-*'"
        case .sameVersion, .tooMuch: "say which tags are meant with 'match', such as 'v*'"
        case .date: "tag the commit again"
        }
    }
}
