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
                "The service as whose main process `readable-by` and `writable-by` see the file system; without a running one, "
                    + "the host's.",
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
            .init(
                "read-fails-for", .text,
                "`service` if reading fails only where the service of `unit` sees the file system, else `host`; null if it does "
                    + "not fail."),
            .init(
                "closed-at", .text,
                "The first folder that the user of `as` may not enter, or the file itself if it may not be read; null if it can be read."
            ),
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
            .init(
                "locked-by", .list(.text),
                "The processes that hold a lock on it (flock(2), fcntl(2)), with number and command."),
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
        if request.wants("locked-by") {
            let place = reader.path
            let holders = try await BlockingPool.files.run("look for locks on \(path)", until: request.deadline) {
                () throws(ProbeError) in try FileLocks.holders(of: place)
            }
            let table = try await host.processes(for: request)
            observation.attributes["locked-by"] = .texts(
                holders.map { "\($0) " + (table.entry($0)?.arguments.joined(separator: " ") ?? "").shortened(to: 120) })
        }
        if request.wants("writable-by", "write-error", "write-message", "write-fails-for") {
            try await addWriting(reader.path, type: facts.type, to: &observation, request)
        }
        if request.wants("readable-by", "read-fails-for", "closed-at", "parents-traversable") {
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
        var failure = try await writeFailure(path, in: view, isFolder: isFolder, as: name, request)
        var isOfService = false
        if failure != nil, view != nil {
            let elsewhere = try await writeFailure(path, in: nil, isFolder: isFolder, as: name, request)
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
    ///
    /// - Parameter view: where the file system of a service begins.
    private func writeFailure(
        _ path: String, in view: String?, isFolder: Bool, as name: String?, _ request: ProbeRequest
    ) async throws(ProbeError) -> Int32? {
        let pool = try await host.pool(as: try await host.credentials(of: name, for: request))
        let purpose = "write to \(path) as \(name ?? "ourselves")"
        guard let view else {
            return try await pool.run(purpose, until: request.deadline) { () throws(ProbeError) in
                let (file, failure) = HeldFile.open(path)
                return file.map { $0.failureToWrite(isFolder: isFolder) } ?? failure
            }
        }
        // Opened by ourselves: another user may not look through the eyes of a service.
        let target = try await BlockingPool.files.run("open \(view + path)", until: request.deadline) {
            () throws(ProbeError) in try HeldFile.openIfExists(try Self.resolved(path, in: view))
        }
        guard let target else { return ENOENT }
        return try await pool.run(purpose, until: request.deadline) { () throws(ProbeError) in
            target.failureToWrite(isFolder: isFolder)
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
        let who = name ?? "this user"
        let answer = try await pool.run("read \(path) as \(name ?? "ourselves")", until: request.deadline) {
            () throws(ProbeError) in try Access.check(path)
        }
        observation.attributes["readable-by"] = .bool(answer.isReadable)
        observation.attributes["read-fails-for"] = answer.isReadable ? .null : .text("host")
        observation.attributes["closed-at"] = answer.isReadable ? .null : .text(answer.obstacle ?? path)
        observation.attributes["parents-traversable"] = .bool(answer.areParentsTraversable)
        if let obstacle = answer.obstacle {
            observation.evidence.append("\(who) cannot pass \(obstacle)")
        } else if !answer.isReadable {
            observation.evidence.append("\(who) cannot read it")
        } else if let view = try await viewOfService(request),
            !(try await canRead(path, in: view, as: name, pool, request))
        {
            observation.attributes["readable-by"] = .bool(false)
            observation.attributes["read-fails-for"] = .text("service")
            observation.evidence.append("\(who) can read it, and its service cannot")
        }
    }

    /// Where a path leads for a service: absolute links start at the root of its file system, not of ours.
    private static func resolved(_ path: String, in view: String) throws(ProbeError) -> String {
        var path = path
        for _ in 0..<linkLimit {
            let target: String?
            do throws(ProbeError) {
                target = try SystemFile.link(view + path)
            } catch {
                // Not a link, or not for us to see.
                guard error.reason == .invalid || error.reason == .notPermitted else { throw error }
                return view + path
            }
            guard let target else { break }
            path = LexicalPath.isAbsolute(target) ? target : LexicalPath.split(path).folder + "/" + target
        }
        return view + path
    }

    /// As many links as the kernel follows (path_resolution(7)).
    private static let linkLimit = 40

    /// Whether a user can read what is at a path of a service's view.
    private func canRead(
        _ path: String, in view: String, as name: String?, _ pool: BlockingPool, _ request: ProbeRequest
    ) async throws(ProbeError) -> Bool {
        let target: HeldFile?
        do throws(ProbeError) {
            target = try await BlockingPool.files.run("open \(path)", until: request.deadline) {
                () throws(ProbeError) in try HeldFile.openIfExists(try Self.resolved(path, in: view))
            }
        } catch {
            // Whoever may not look through the eyes of a service knows the host's view alone.
            guard error.reason == .notPermitted else { throw error }
            return true
        }
        guard let target else { return false }
        return try await pool.run("read \(path) as \(name ?? "ourselves")", until: request.deadline) {
            () throws(ProbeError) in target.isReadable
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
