import DebianManifest
import Files
import Glibc
import Platform

/// Files.
struct FileProbe: Probe {
    static let kind = SubjectKind(
        "file", "A file, folder or link.", mainParameter: "path",
        parameters: [
            .init("path", .text, "Absolute path.", isRequired: true, form: .path),
            .init(
                "as", .text, "The user for `readable-by`, `writable-by` and `parents-traversable`; `run-as` by default."
            ),
            .init(
                "unit", .text,
                "The service as whose main process `writable-by` sees the file system; without a running one, the host's.",
                form: .unit),
            .init(
                "follow", .bool, "Whether to look at the target of a link instead of the link; true by default."),
            .init("max-bytes", .integer, "Limit in bytes of `contents`, `lines` and `json`; 1048576 by default."),
        ],
        attributes: [
            .init("exists", .bool, "Whether it is there; false for a dangling link if links are followed."),
            .init("type", .text, "file, directory, symlink, pipe, socket, character-device or block-device."),
            .init("mode", .text, "Four octal digits, such as 0644."),
            .init("owner", .text, "Name of the owner, or its number if it has no name."),
            .init("group", .text, "Name of the group, or its number if it has no name."),
            .init("size", .integer, "Bytes."),
            .init("sha256", .text, "SHA-256 of the contents in hexadecimal digits."),
            .init("md5", .text, "MD5 of the contents in hexadecimal digits."),
            .init("modified", .time, "When its contents last changed."),
            .init("born", .time, "When it was created; null where the file system does not record it."),
            .init("target", .text, "What a link points to, as stored; null if it is not a link."),
            .init("contents", .text, "The contents."),
            .init("lines", .list(.text), "The lines of the contents."),
            .init("json", .any, "The contents as JSON."),
            .init("readable-by", .bool, "Whether the user of `as` can read it, through all folders above it."),
            .init("parents-traversable", .bool, "Whether the user of `as` can pass through all folders above it."),
            .init(
                "writable-by", .bool,
                "Whether the user of `as` can write: a new file of a folder, which is removed again, or at the end of a file, "
                    + "to which nothing is added."),
            .init("write-error", .text, "Why not, in the words of the attribute `reason` of `log`; null if it can."),
            .init("write-message", .text, "The system's message for it; null if it can."),
            .init(
                "write-fails-for", .text,
                "`service` if writing fails only where the service of `unit` sees the file system, else `host`; null if it "
                    + "does not fail."),
            .init("mount", .text, "Type of its file system: ext4, tmpfs …"),
            .init("mount-point", .text, "Where its file system is mounted."),
            .init(
                "acl", .list(.text),
                "Its access list as getfacl(1) prints it: `user::rw-`, `user:www-data:r--`, `default:group::r-x`; without one, "
                    + "what the mode says. Null for a link."),
            .init(
                "capabilities", .text,
                "Its capabilities as getcap(8) prints them, such as cap_net_bind_service=ep; null if it has none."),
            .init("entries", .list(.text), "Names in a folder, sorted by their bytes; null if it is not a folder."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let path = try request.requiredPath()
        let reader = FileReader(
            path: host.path(path), shown: path, followsLinks: try request.flag("follow", or: true),
            limit: Int(try request.integer("max-bytes", in: 0...(64 << 20)) ?? 1 << 20), attributes: request.attributes)
        let pool = try await host.pool(for: request)
        var (facts, observation) = try await pool.run("look at \(path)", until: request.deadline) {
            () throws(ProbeError) in try reader.read()
        }
        guard let facts else { return observation }
        if request.wants("owner", "group") || !observation.evidence.isEmpty {
            let users = try await host.users(for: request)
            let (owner, group) = (users.name(ofUser: facts.owner), users.name(ofGroup: facts.group))
            observation.attributes["owner"] = .text(owner)
            observation.attributes["group"] = .text(group)
            observation.evidence = ["\(path): \(facts.type) \(facts.mode) \(owner):\(group) \(facts.size) bytes"]
        }
        if request.wants("acl") {
            observation.attributes["acl"] = try await accessList(reader.path, facts, request)
        }
        if request.wants("mount", "mount-point") {
            let mount = try await host.mounts(for: request).mount(of: reader.path)
            observation.attributes["mount"] = .text(orNull: mount?.type)
            observation.attributes["mount-point"] = .text(orNull: mount?.point)
        }
        if request.wants("writable-by", "write-error", "write-message", "write-fails-for") {
            try await addWriting(reader.path, type: facts.type, to: &observation, request)
        }
        if request.wants("readable-by", "parents-traversable") {
            try await addAccess(reader.path, to: &observation, request)
        }
        return observation
    }

    private func accessList(
        _ path: String, _ facts: FileFacts, _ request: ProbeRequest
    ) async throws(ProbeError) -> Value {
        if facts.type == "symlink" { return .null }
        let lists = try await host.pool(for: request).run("read the access list of \(path)", until: request.deadline) {
            () throws(ProbeError) in
            (try AccessList.read(path, .access), try AccessList.read(path, .standard))
        }
        let users = try await host.users(for: request)
        let own = lists.0 ?? AccessList(permissions: facts.permissions)
        return .texts(own.entries(users) + (lists.1?.entries(users) ?? []).map { "default:" + $0 })
    }

    private func addWriting(
        _ path: String, type: String, to observation: inout Observation, _ request: ProbeRequest
    ) async throws(ProbeError) {
        let name = try request.text("as") ?? request.user
        let isFolder = type == "directory"
        let view = try await viewOfService(request)
        var failure = try await writeFailure((view ?? "") + path, isFolder: isFolder, as: name, request)
        var isOfService = false
        if failure != nil, view != nil {
            let elsewhere = try await writeFailure(path, isFolder: isFolder, as: name, request)
            isOfService = elsewhere == nil
            failure = elsewhere ?? failure
        }
        let message = failure.map { SystemErrorText.of($0) }
        observation.attributes["writable-by"] = .bool(failure == nil)
        observation.attributes["write-error"] = .text(
            orNull: message.map { FailureReason(of: $0)?.rawValue ?? "other" })
        observation.attributes["write-message"] = .text(orNull: message)
        observation.attributes["write-fails-for"] = .text(orNull: message.map { _ in isOfService ? "service" : "host" })
        if let message { observation.evidence.append("\(name ?? "this user") cannot write to it: \(message)") }
    }

    /// Why a user cannot write to a path, as an errno(3); nil when the user can.
    private func writeFailure(
        _ path: String, isFolder: Bool, as name: String?, _ request: ProbeRequest
    ) async throws(ProbeError) -> Int32? {
        // Opened by ourselves: another user may not look through the eyes of a service.
        let target = try await BlockingPool.files.run("open \(path)", until: request.deadline) {
            () throws(ProbeError) in try WriteTest.open(path)
        }
        let pool = try await host.pool(as: try await host.credentials(of: name, for: request))
        return try await pool.run("write to \(path) as \(name ?? "ourselves")", until: request.deadline) {
            () throws(ProbeError) in target.failure(isFolder: isFolder)
        }
    }

    /// Where the file system of the service's main process begins; nil when it does not run.
    private func viewOfService(_ request: ProbeRequest) async throws(ProbeError) -> String? {
        guard let unit = try request.text("unit").map({ UnitName.completed($0) }) else { return nil }
        let reader = try await host.unitReader()
        let since = request.since
        let properties = try await Deadline.race("ask systemd about \(unit)", until: request.deadline) {
            () async throws(ProbeError) in try await reader.properties(of: unit, since: since)
        }
        guard let pid = properties.number("MainPID"), pid > 0 else { return nil }
        return "/proc/\(pid)/root"
    }

    private func addAccess(
        _ path: String, to observation: inout Observation, _ request: ProbeRequest
    ) async throws(ProbeError) {
        let name = try request.text("as") ?? request.user
        let pool = try await host.pool(as: try await host.credentials(of: name, for: request))
        let answer = try await pool.run("read \(path) as \(name ?? "ourselves")", until: request.deadline) {
            () throws(ProbeError) in try Access.check(path)
        }
        observation.attributes["readable-by"] = .bool(answer.isReadable)
        observation.attributes["parents-traversable"] = .bool(answer.areParentsTraversable)
        if let obstacle = answer.obstacle {
            observation.evidence.append("\(name ?? "this user") cannot pass \(obstacle)")
        } else if !answer.isReadable {
            observation.evidence.append("\(name ?? "this user") cannot read it")
        }
    }
}

/// Reads what is asked for of one file, in a thread that may block.
private struct FileReader: Sendable {
    var path: String
    var shown: String
    var followsLinks: Bool
    var limit: Int
    var attributes: Set<String>

    func read() throws(ProbeError) -> (FileFacts?, Observation) {
        guard let facts = try FileFacts.read(path, followLinks: followsLinks) else {
            var evidence = ["\(shown) does not exist"]
            if followsLinks, let link = try FileFacts.read(path, followLinks: false), link.type == "symlink" {
                evidence = ["\(shown) is a link to '\(try target() ?? "?")', which does not exist"]
            }
            return (
                nil, Observation(["exists": .bool(false), "target": .text(orNull: try target())], evidence: evidence)
            )
        }
        var values: [String: Value] = [
            "exists": .bool(true), "type": .text(facts.type), "mode": .text(facts.mode), "size": .integer(facts.size),
            "modified": .time(facts.modified), "born": facts.born.map { .time($0) } ?? .null,
        ]
        if attributes.contains("entries") { values["entries"] = try entries(of: facts) }
        if attributes.contains("capabilities") {
            let own = facts.type == "file" ? try FileCapabilities.read(path) : nil
            values["capabilities"] = .text(orNull: own?.description)
        }
        if attributes.contains("target") { values["target"] = .text(orNull: try target()) }
        if attributes.contains("sha256") { values["sha256"] = .text(try FileDigest.sha256(path)) }
        if attributes.contains("md5") { values["md5"] = .text(try FileDigest.md5(path)) }
        if !attributes.isDisjoint(with: ["contents", "lines", "json"]) {
            let bytes: [UInt8]
            do throws(FileError) {
                bytes = try FileTree.readWhole(path, limit: limit)
            } catch { throw ProbeError(error) }
            let text = Ascii.text(bytes)
            values["contents"] = .text(text)
            if attributes.contains("lines") {
                values["lines"] = .texts(Bytes.lines(of: text))
            }
            if attributes.contains("json") { values["json"] = try JSONReader.read(bytes, of: shown) }
        }
        return (facts, Observation(values, evidence: [shown]))
    }

    private func entries(of facts: FileFacts) throws(ProbeError) -> Value {
        guard facts.type == "directory", let names = try SystemFile.names(in: path) else { return .null }
        return .texts(names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    private func target() throws(ProbeError) -> String? { try FileFacts.linkTarget(of: path) }
}

/// Whether a user can reach and read a file; asked in a thread that is that user.
enum Access {
    /// What stands in the way.
    struct Answer: Sendable, Hashable {
        /// Whether the file can be opened for reading.
        var isReadable: Bool
        /// Whether every folder above it can be passed.
        var areParentsTraversable: Bool
        /// The first folder that cannot be passed.
        var obstacle: String?
    }

    /// Tries a path as the calling thread's user.
    static func check(_ path: String) throws(ProbeError) -> Answer {
        var folder = ""
        // Byte-wise: a combining mark behind a slash must not hide it.
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: Array($0), as: UTF8.self) }
        for part in [""] + parts.dropLast() {
            folder = part.isEmpty ? "/" : (folder == "/" ? "" : folder) + "/" + part
            if faccessat(AT_FDCWD, folder, X_OK, 0x200 /* AT_EACCESS */) != 0 {
                guard errno == EACCES || errno == EPERM else {
                    if errno == ENOENT || errno == ENOTDIR { break }
                    throw .system("pass \(folder)", errno: errno)
                }
                return Answer(isReadable: false, areParentsTraversable: false, obstacle: folder)
            }
        }
        // O_NONBLOCK: a named pipe must not hold us.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else {
            if [EACCES, EPERM, ENOENT, ENOTDIR, ELOOP].contains(errno) {
                return Answer(isReadable: false, areParentsTraversable: true, obstacle: nil)
            }
            throw .system("open \(path)", errno: errno)
        }
        close(descriptor)
        return Answer(isReadable: true, areParentsTraversable: true, obstacle: nil)
    }
}

/// A file or folder that somebody tries to write to.
private final class WriteTest: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Opens a path without reading or writing.
    static func open(_ path: String) throws(ProbeError) -> WriteTest {
        let descriptor = Glibc.open(path, O_PATH_FLAG | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open \(path)", errno: errno) }
        return WriteTest(descriptor: descriptor)
    }

    /// Tries to write as the calling thread's user; the errno(3) of what failed.
    func failure(isFolder: Bool) -> Int32? {
        let path = "/proc/thread-self/fd/\(descriptor)"
        guard isFolder else {
            let file = Glibc.open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            if file < 0 { return errno }
            close(file)
            return nil
        }
        let name = ".meshcheck-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let file = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if file < 0 { return errno }
        defer { unlinkat(descriptor, name, 0) }
        // As much as a chain and a key need.
        let bytes = [UInt8](repeating: 0x0a, count: 16 << 10)
        var failure: Int32?
        var rest = bytes[...]
        while failure == nil, !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if count == 0 || errno != EINTR { failure = errno }
        }
        if failure == nil, fsync(file) != 0 { failure = errno }
        if close(file) != 0, failure == nil { failure = errno }
        return failure
    }
}

/// `O_PATH` of Linux, which Swift does not import: it is GNU's.
private let O_PATH_FLAG: Int32 = 0o10000000

/// The mounted file systems (proc(5), /proc/self/mountinfo).
struct MountTable: Sendable {
    /// One of them.
    struct Mount: Sendable, Hashable {
        var point: [UInt8]
        var type: String
        /// What is mounted: a device, a share, or a name that says nothing.
        var source: String
        /// Options of the mount, then those of the file system that are not among them.
        var options: [String]
    }

    private(set) var mounts: [Mount]

    init(_ text: [UInt8]) {
        mounts = Bytes.lines(text).compactMap { line in
            let words = Ascii.words(line[...])
            guard let separator = words.firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }),
                words.count > separator + 1, words.count > 5
            else { return nil }
            func options(_ place: Int) -> [String] {
                guard words.count > place else { return [] }
                return words[place].split(separator: UInt8(ascii: ",")).map { Ascii.text(Self.unescaped($0)) }
            }
            let own = options(5)
            return Mount(
                point: Self.unescaped(words[4]), type: Ascii.text(words[separator + 1]),
                source: words.count > separator + 2 ? Ascii.text(Self.unescaped(words[separator + 2])) : "none",
                options: own + options(separator + 3).filter { !own.contains($0) && $0 != "ro" && $0 != "rw" })
        }
    }

    /// The type of the file system that a path is on, links not followed; the last of several mounts at one place.
    func fileSystem(of path: String) -> String? { mount(of: path)?.type }

    /// The mount that a path is on.
    func mount(of path: String) -> (point: String, type: String)? {
        let path = Array(path.utf8)
        var best: (length: Int, point: String, type: String)?
        for mount in mounts {
            let isRoot = mount.point == [UInt8(ascii: "/")]
            let isAbove =
                isRoot || path == mount.point
                || path.starts(with: mount.point) && path[mount.point.count] == UInt8(ascii: "/")
            if isAbove, mount.point.count >= best?.length ?? 0 {
                best = (mount.point.count, Ascii.text(mount.point), mount.type)
            }
        }
        return best.map { ($0.point, $0.type) }
    }

    /// Blanks, tabs, newlines and backslashes stand as `\040` and the like.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                result.append(digits.reduce(0) { $0 &<< 3 | ($1 & 7) })
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}

extension Host {
    /// The mounted file systems, read once.
    nonisolated func mounts(for request: ProbeRequest) async throws(ProbeError) -> MountTable {
        let proc = path("/proc/self/mountinfo")
        return try await systemFact("mounts", "read \(proc)", since: request.since) { () throws(ProbeError) in
            MountTable(try SystemFile.read(proc, limit: 16 << 20) ?? [])
        }
    }
}
