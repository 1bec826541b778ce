import Files
import Glibc
import Platform

/// Processes.
struct ProcessProbe: Probe {
    static let kind = SubjectKind(
        "process",
        "A running process: the newest of several; `processes` has all of them.",
        mainParameter: "executable",
        parameters: [
            .init(
                "executable", .text,
                "Path of the program's file, through links, or its last part alone. Of a process whose program this user may not "
                    + "see, only its names can rule out that it is meant; where they do not, the check is not permitted."
            ),
            .init("arguments-contain", .list(.text), "Arguments that it was started with, in this order."),
            .init("user", .text, "Name or number of the user that it runs as."),
            .init("name", .text, "The name that the kernel keeps, at most 15 bytes."),
            .init("parent-executable", .text, "Path or last part of the program that started it."),
            .init("unit", .text, "The unit whose control group it is in.", form: .unit),
            .init("belongs-to", .text, "The unit that ought to run them, for `strays`.", form: .unit),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is one."),
            .init("count", .integer, "How many there are."),
            .init("pids", .list(.integer), "Their numbers, the newest first."),
            .init("pid", .integer, "The number."),
            .init("executable", .text, "Path of the program's file."),
            .init("arguments", .list(.text), "The arguments, the program's name first."),
            .init("user", .text, "Name of the effective user, or its number if it has no name."),
            .init("group", .text, "Name of the effective group, or its number if it has no name."),
            .init("parent", .text, "Path of the parent's program, or the name that the kernel keeps."),
            .init("parent-pid", .integer, "Number of the parent."),
            .init("cgroup", .text, "The control group."),
            .init("unit", .text, "The unit of the control group."),
            .init("started", .time, "When it started."),
            .init("age", .duration, "How long it has run."),
            .init("deleted", .bool, "Whether the program's file was deleted or replaced since it started."),
            .init("limits", .map(.any), "Limits by name (`nofile`), each with `soft` and `hard`; null means no limit."),
            .init("environment", .map(.text), "Its environment."),
            .init(
                "state", .text, "running, sleeping, waiting-for-disk, stopped (by a signal), traced (by a debugger)."),
            .init("stopped", .list(.integer), "Numbers of those that a signal or a debugger has stopped."),
            .init(
                "zombies", .list(.integer), "Numbers of those of this name that have ended and that nobody waits for."),
            .init(
                "strays", .list(.integer),
                "Numbers of those that are not in the control group of `belongs-to`: somebody else has "
                    + "started them."),
            .init("undo-strays", .list(.text), "Commands that end them."),
            .init("threads", .integer, "Threads."),
            .init("resident-bytes", .integer, "Bytes of memory in use."),
            .init("processes", .list(.map(.any)), "All of them with pid, arguments, user, parent-pid and age."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let table = try await host.processes(for: request)
        let selection = try await Selection(request, host: host)
        var matches = table.entries.filter { selection.matches($0, in: table) != .no }
        if let unit = try request.text("unit") {
            matches = try await host.processes(
                matches, ofUnit: UnitName.completed(unit), until: request.deadline)
        }
        let certain = matches.filter { selection.matches($0, in: table) == .yes }
        let isSure = certain.count == matches.count && !table.isIncomplete
        // That there is one is certain with the first; everything else depends on those that cannot be seen.
        guard isSure || !certain.isEmpty && request.attributes == ["exists"] else {
            throw ProbeError(
                .notPermitted, "see which programs run", expected: "a permission to see those of other users",
                found: table.isIncomplete
                    ? "hidden processes" : "other users' processes that may be meant: \(matches.count - certain.count)")
        }
        return try await describe(certain, in: table, request)
    }

    private func describe(
        _ matches: [ProcessEntry], in table: ProcessTable, _ request: ProbeRequest
    ) async throws(ProbeError) -> Observation {
        let users = try await host.users(for: request)
        var wanted = try request.text("name")
        if wanted == nil { wanted = try request.text("executable").map { LexicalPath.split($0).name } }
        // A zombie has no file and no arguments any more, only the name that the kernel keeps.
        let zombies = table.entries.filter { entry in
            entry.isZombie && wanted.map { entry.command.utf8.elementsEqual($0.utf8.prefix(15)) } ?? false
        }
        var attributes: [String: Value] = [
            "exists": .bool(!matches.isEmpty), "count": .integer(matches.count),
            "pids": .list(matches.map { .integer($0.pid) }),
            "stopped": .list(matches.filter(\.isStopped).map { .integer($0.pid) }),
            "zombies": .list(zombies.map { .integer($0.pid) }),
        ]
        attributes["processes"] = .list(
            matches.map { entry in
                .map([
                    "pid": .integer(entry.pid), "parent-pid": .integer(entry.parent),
                    "executable": .text(orNull: entry.executable), "arguments": .texts(entry.arguments),
                    "user": .text(users.name(ofUser: entry.user)), "age": .nanoseconds(table.age(entry)),
                    "started": .time(table.started(entry)),
                ])
            })
        if request.wants("strays", "undo-strays") {
            var strays: [ProcessEntry] = []
            if let unit = try request.text("belongs-to") {
                let own = try await host.processes(
                    matches, ofUnit: UnitName.completed(unit), until: request.deadline)
                strays = matches.filter { !own.contains($0) }
            }
            attributes["strays"] = .list(strays.map { .integer($0.pid) })
            attributes["undo-strays"] = .texts(strays.map { "kill \($0.pid)" })
        }
        let evidence = matches.prefix(5).map { entry in
            "\(entry.pid) \(users.name(ofUser: entry.user)) " + (entry.isStopped ? "(\(entry.stateWord)) " : "")
                + (entry.arguments.isEmpty ? "[\(entry.command)]" : entry.arguments.joined(separator: " "))
        }
        guard let first = matches.first else { return Observation(attributes, evidence: ["no such process"]) }
        attributes["pid"] = .integer(first.pid)
        attributes["executable"] = .text(orNull: first.executable)
        attributes["arguments"] = .texts(first.arguments)
        attributes["user"] = .text(users.name(ofUser: first.user))
        attributes["group"] = .text(users.name(ofGroup: first.group))
        attributes["parent-pid"] = .integer(first.parent)
        let parent = table.entry(first.parent)
        attributes["parent"] = .text(orNull: parent.map { $0.executable ?? $0.command })
        attributes["started"] = .time(table.started(first))
        attributes["age"] = .nanoseconds(table.age(first))
        attributes["state"] = .text(first.stateWord)
        attributes["threads"] = .integer(first.threads)
        attributes["resident-bytes"] = .integer(first.residentBytes)
        if request.wants("deleted", "executable") {
            guard !first.hidesProgram else {
                throw ProbeError(
                    .notPermitted, "read the link /proc/\(first.pid)/exe", expected: "a permission to see it",
                    found: "a process of \(users.name(ofUser: first.user))")
            }
            attributes["deleted"] = first.isDeleted.map { .bool($0) } ?? .null
        }
        for (name, value) in try await details(of: first, request) { attributes[name] = value }
        return Observation(attributes, evidence: evidence.map { SecretMask.maskedKeys($0).shortened() })
    }

    private func details(
        of entry: ProcessEntry, _ request: ProbeRequest
    ) async throws(ProbeError) -> [String: Value] {
        guard request.wants("cgroup", "unit", "limits", "environment") else { return [:] }
        let folder = host.path("/proc/\(entry.pid)")
        return try await BlockingPool.files.run("read \(folder)", until: request.deadline) { () throws(ProbeError) in
            var values: [String: Value] = [:]
            if request.wants("cgroup", "unit") {
                let path = try ProcessDetails.controlGroup(folder)
                values["cgroup"] = .text(orNull: path)
                values["unit"] = .text(orNull: path.flatMap(ProcessDetails.unit(ofControlGroup:)))
            }
            if request.wants("limits") { values["limits"] = try ProcessDetails.limits(folder) }
            if request.wants("environment") { values["environment"] = try ProcessDetails.environment(folder) }
            return values
        }
    }
}

/// Which processes are meant.
private struct Selection {
    private var executable: Program?
    private var name: String?
    private var arguments: [String]
    private var user: UInt32?
    private var parent: Program?

    init(_ request: ProbeRequest, host: Host) async throws(ProbeError) {
        executable = try await Program.read(try request.text("executable"), on: host, request)
        name = try request.text("name")
        arguments = try request.texts("arguments-contain") ?? []
        parent = try await Program.read(try request.text("parent-executable"), on: host, request)
        guard
            executable != nil || name != nil || parent != nil || !arguments.isEmpty
                || request.parameters["unit"] != nil || request.parameters["user"] != nil
        else {
            throw ProbeError(
                .invalid, "choose processes", expected: "at least one parameter, such as executable", found: "none")
        }
        if let text = try request.text("user") {
            // A user that does not exist runs nothing; a number that no user has is the number itself.
            let users = try await host.users(for: request)
            user = users.number(ofUser: text) ?? UInt32(text) ?? .max
        }
    }

    /// Whether a process is meant.
    enum Answer: Sendable {
        case yes, no
        /// Its program cannot be seen.
        case perhaps
    }

    func matches(_ entry: ProcessEntry, in table: ProcessTable) -> Answer {
        if entry.isZombie { return .no }
        if let name, entry.command != String(decoding: Array(name.utf8.prefix(15)), as: UTF8.self) { return .no }
        if let user, entry.user != user { return .no }
        var rest = entry.arguments[...]
        for argument in arguments {
            guard let index = rest.firstIndex(of: argument) else { return .no }
            rest = rest[(index + 1)...]
        }
        var answers: [Answer] = []
        if let executable { answers.append(executable.isProgram(of: entry)) }
        if let parent {
            guard let process = table.entry(entry.parent) else { return table.isIncomplete ? .perhaps : .no }
            answers.append(parent.isProgram(of: process))
        }
        if answers.contains(.no) { return .no }
        return answers.contains(.perhaps) ? .perhaps : .yes
    }

    /// A program by its path or by the last part of it.
    struct Program: Sendable {
        /// As it is written.
        var text: String
        /// The path without links: processes are known by that.
        var resolved: String?

        /// A script's program is its interpreter, so the first argument counts as well.
        func isProgram(of entry: ProcessEntry) -> Answer {
            let script = entry.arguments.count > 1 ? entry.arguments[1] : nil
            if entry.hidesProgram { return isRuledOut(entry, script: script) ? .no : .perhaps }
            if text.utf8.contains(UInt8(ascii: "/")) {
                if let path = entry.executable, path == text || path == resolved { return .yes }
                return script == text ? .yes : .no
            }
            let names = [entry.executable, entry.arguments.first, script].compactMap { $0 }
            return names.contains { ProcessEntry.lastPart(of: $0) == wanted } ? .yes : .no
        }

        private var wanted: String { ProcessEntry.lastPart(of: text) }

        /// Whether a process whose program cannot be seen has another one: the name that the kernel keeps and the one it was
        /// started by agree, and neither they nor what they lead to is the one that is meant. A program can set both, so
        /// that it is the one that is meant does not follow from them.
        private func isRuledOut(_ entry: ProcessEntry, script: String?) -> Bool {
            guard let start = entry.arguments.first else { return false }
            // Daemons put what they do behind their name: `nginx: worker process`.
            let name = ProcessEntry.lastPart(of: start.utf8.prefix { $0 != UInt8(ascii: ":") && $0 != Ascii.space })
            guard name.utf8.prefix(15).elementsEqual(entry.command.utf8) else { return false }
            if name == wanted || name == resolved.map({ ProcessEntry.lastPart(of: $0) }) { return false }
            if script.map({ $0 == text || ProcessEntry.lastPart(of: $0) == wanted }) == true { return false }
            return resolved == nil || realPath(of: start) != resolved && Tool.path(name).flatMap(realPath) != resolved
        }

        private func realPath(of path: String) -> String? {
            guard path.utf8.first == UInt8(ascii: "/"), let real = realpath(path, nil) else { return nil }
            defer { free(real) }
            return String(cString: real)
        }

        /// Looks links up on this machine.
        static func read(_ text: String?, on host: Host, _ request: ProbeRequest) async throws(ProbeError) -> Program? {
            guard let text else { return nil }
            guard host.isThisMachine, text.utf8.first == UInt8(ascii: "/") else { return Program(text: text) }
            let resolved = try await BlockingPool.files.run("look at \(text)", until: request.deadline) {
                () throws(ProbeError) -> String? in
                guard let path = realpath(text, nil) else {
                    // A program that was deleted may run still.
                    if [ENOENT, ENOTDIR].contains(errno) { return nil }
                    throw .system("look at \(text)", errno: errno)
                }
                defer { free(path) }
                return String(cString: path)
            }
            return Program(text: text, resolved: resolved)
        }
    }
}

/// What is read of a single process, since it costs too much for all.
enum ProcessDetails {
    /// Control group of systemd: the path of version 2, or of the hierarchy `name=systemd` of version 1 (cgroups(7)).
    static func controlGroup(_ folder: String) throws(ProbeError) -> String? {
        guard let bytes = try SystemFile.read(folder + "/cgroup") else { return nil }
        return controlGroup(ofText: bytes)
    }

    static func controlGroup(ofText bytes: [UInt8]) -> String? {
        var first: String?
        var named: String?
        for line in Bytes.lines(bytes) {
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let path = Ascii.text(parts[2])
            if parts[1].isEmpty || Ascii.text(parts[1]) == "name=systemd" {
                // A container may have either of the two; the other one says '/' then.
                if unit(ofControlGroup: path) != nil { return path }
                if named == nil { named = path }
            }
            if first == nil { first = path }
        }
        return named ?? first
    }

    /// The unit that a control group belongs to: its last part that is named as one.
    static func unit(ofControlGroup path: String) -> String? {
        let suffixes = [".service", ".scope", ".socket", ".mount", ".swap"]
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        return parts.last { part in suffixes.contains { part.endsBytewise($0) } }
    }

    /// Limits by the names of setrlimit(2) in lower case without `RLIMIT_`: each with `soft` and `hard`, null where
    /// there is none.
    static func limits(_ folder: String) throws(ProbeError) -> Value {
        guard let bytes = try SystemFile.read(folder + "/limits") else { return .null }
        return limits(ofText: bytes)
    }

    private static let limitNames = [
        "Max cpu time": "cpu", "Max file size": "fsize", "Max data size": "data", "Max stack size": "stack",
        "Max core file size": "core", "Max resident set": "rss", "Max processes": "nproc",
        "Max open files": "nofile", "Max locked memory": "memlock", "Max address space": "as",
        "Max file locks": "locks", "Max pending signals": "sigpending", "Max msgqueue size": "msgqueue",
        "Max nice priority": "nice", "Max realtime priority": "rtprio", "Max realtime timeout": "rttime",
    ]

    static func limits(ofText bytes: [UInt8]) -> Value {
        var limits: [String: Value] = [:]
        for line in Bytes.lines(bytes) where line.count > 26 {
            let name = Ascii.text(Ascii.trimmed(line[..<26]))
            let words = Ascii.words(line[26...])
            guard let key = limitNames[name], words.count >= 2 else { continue }
            func number(_ word: ArraySlice<UInt8>) -> Value { Bytes.decimal(word).map { .integer($0) } ?? .null }
            limits[key] = .map(["soft": number(words[0]), "hard": number(words[1])])
        }
        return .map(limits)
    }

    /// The environment.
    static func environment(_ folder: String) throws(ProbeError) -> Value {
        guard let bytes = try SystemFile.read(folder + "/environ", limit: 8 << 20) else { return .null }
        var values: [String: Value] = [:]
        for entry in bytes.split(separator: 0) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Ascii.text(entry[..<equals])
            values[name] = .text(Ascii.text(entry[(equals + 1)...]))
        }
        return .map(values)
    }
}

extension Host {
    /// Those of some processes that are in a unit's control group.
    nonisolated func processes(
        _ entries: [ProcessEntry], ofUnit name: String, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> [ProcessEntry] {
        if entries.isEmpty { return [] }
        let proc = path("/proc")
        return try await BlockingPool.files.run("read control groups", until: deadline) { () throws(ProbeError) in
            var kept: [ProcessEntry] = []
            for entry in entries {
                if let path = try ProcessDetails.controlGroup("\(proc)/\(entry.pid)"),
                    path.utf8.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual(name.utf8) })
                {
                    kept.append(entry)
                }
            }
            return kept
        }
    }
}
