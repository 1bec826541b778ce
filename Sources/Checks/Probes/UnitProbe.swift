import Files
import Platform

/// Units of systemd.
struct UnitProbe: Probe {
    static let kind = SubjectKind(
        "unit", "A unit of systemd, as `systemctl show` describes it.", mainParameter: "name",
        parameters: [
            .init("name", .text, "Name; `.service` may be left out.", isRequired: true, form: .unit),
            .init(
                "user", .text,
                "Name or number of the user whose service manager has it (`systemctl --user`), which runs while the user is logged "
                    + "in or lingers; the system's by default."),
            .init("ports", .list(.text), "Ports for `silent-ports`, such as 8080/tcp."),
            .init("log", .text, "Absolute path of a file that it logs to, for `reason`.", form: .path),
        ],
        attributes: [
            .init("exists", .bool, "Whether systemd knows it."),
            .init("active", .text, "ActiveState: active, inactive, activating, failed …"),
            .init(
                "up", .bool,
                "Whether it runs or is starting, or has a reason not to: its conditions are not met, or it is of the type "
                    + "oneshot and has ended well."),
            .init(
                "silent-ports", .list(.text),
                "Those of `ports` on which nothing of the unit listens; none while it does not run."),
            .init(
                "stopped", .list(.integer), "Numbers of its processes that a signal or a debugger has stopped."),
            .init("sub", .text, "SubState: running, exited, dead, auto-restart …"),
            .init("load", .text, "LoadState: loaded, masked, not-found …"),
            .init("enabled", .text, "UnitFileState: enabled, disabled, static, masked …"),
            .init("restarts", .integer, "How often systemd has restarted it."),
            .init("main-pid", .integer, "Number of its main process; 0 if there is none."),
            .init("need-daemon-reload", .bool, "Whether its file has changed since systemd read it."),
            .init("result", .text, "How the last run ended: success, exit-code, signal, timeout …"),
            .init("exit-status", .integer, "Exit status of the last main process."),
            .init("properties", .map(.text), "All properties, by their names in systemd."),
            .init("stable-for", .duration, "How long it has been active without a restart; 0s if it is not active."),
            .init("started", .time, "When it became active; null if it is not."),
            .init("fragment", .text, "Path of its file."),
            .init("files", .list(.text), "Programs and environment files that it needs."),
            .init("missing-files", .list(.text), "Those of them that do not exist."),
            .init(
                "blocked-programs", .list(.text),
                "Programs of its command that its user cannot execute, each with the reason; null where it has no command."
            ),
            .init("undo", .list(.text), "Commands that make them executable."),
            .init(
                "start-limit-hit", .bool,
                "Whether systemd refuses to start it because it has failed too often (StartLimitBurst=); null unless it has "
                    + "failed."),
            .init("restarted", .time, "When systemd restarted it by itself for the last time; null if it has not."),
            .init("command", .text, "The command that it runs, with everything that drop-ins change of it."),
            .init("drop-ins", .list(.text), "Paths of the drop-ins that change its file; null if there are none."),
            .init(
                "overrides", .list(.text),
                "What administrators and `systemctl set-property` set in drop-ins, each with file and line, or the file that "
                    + "replaces the package's."),
            .init("undo-overrides", .list(.text), "Commands that move those files aside and restart the unit."),
            .init(
                "not-in-effect", .list(.text),
                "Its file and drop-ins that were changed since it was started: they count from the next start on. Those of "
                    + "`systemctl set-property` count at once."),
            .init(
                "cut-off", .list(.text),
                "What gives its programs another network than the host's: PrivateNetwork=, NetworkNamespacePath=, "
                    + "RestrictAddressFamilies= without AF_INET, SystemCallFilter= without socket or connect, or a network namespace "
                    + "made by somebody else."),
            .init(
                "unmet-conditions", .list(.text),
                "Its conditions (systemd.unit(5)) that do not hold now, so that it would not be started; as "
                    + "`systemd-analyze condition` finds them. Null where systemd (before 250) does not say."),
            .init(
                "conflicts", .list(.text),
                "Units that are active and that systemd stops it for, or that it is stopped for (Conflicts=)."),
            .init(
                "reason", .text,
                "What kind of failure its last run reports, in the journal or in `log`, in the words of the attribute of the "
                    + "same name of `log`; other if it is of no known kind; null if it has not failed, and for a unit of a user."
            ),
            .init("reason-line", .text, "The line that reports it."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = UnitName.completed(try request.requiredText("name"))
        guard UnitName.isValid(name) else { throw UnitName.fault(name) }
        let reader = try await host.unitReader(of: try await manager(request))
        let since = request.since
        let unit = try await Deadline.race("ask systemd about \(name)", until: request.deadline) {
            () async throws(ProbeError) in try await reader.properties(of: name, since: since)
        }
        guard unit.exists else {
            return Observation(
                [
                    "exists": .bool(false), "load": .text(orNull: unit["LoadState"]), "active": .text("inactive"),
                    "up": .bool(false), "silent-ports": .list([]), "stopped": .list([]), "overrides": .list([]),
                    "undo-overrides": .list([]), "cut-off": .list([]), "unmet-conditions": .list([]),
                    "not-in-effect": .list([]),
                    "conflicts": .list([]),
                ],
                evidence: ["systemd does not know \(name)"])
        }
        return try await describe(unit, name: name, request)
    }

    /// The user whose service manager is asked; nil for the system's.
    private func manager(_ request: ProbeRequest) async throws(ProbeError) -> UserEntry? {
        guard let name = try request.text("user") else { return nil }
        guard let user = try await host.user(name, for: request) else {
            throw ProbeError(.unavailable, "ask systemd of '\(name)'", expected: "a user of this name", found: "none")
        }
        return user
    }

    private func describe(
        _ unit: UnitProperties, name: String, _ request: ProbeRequest
    ) async throws(ProbeError) -> Observation {
        var attributes: [String: Value] = [
            "exists": .bool(true), "active": .text(orNull: unit["ActiveState"]), "sub": .text(orNull: unit["SubState"]),
            "load": .text(orNull: unit["LoadState"]), "enabled": .text(orNull: unit["UnitFileState"]),
            "restarts": .integer(unit.number("NRestarts")), "main-pid": .integer(unit.number("MainPID")),
            "need-daemon-reload": .bool(unit["NeedDaemonReload"] == "yes"), "result": .text(orNull: unit["Result"]),
            "exit-status": .integer(unit.number("ExecMainStatus")), "fragment": .text(orNull: unit["FragmentPath"]),
            "stable-for": .nanoseconds(0), "started": .null, "up": .bool(unit.isUp),
        ]
        var portEvidence: [String] = []
        if request.wants("silent-ports") {
            let silent = try await silentPorts(of: unit, name: name, request)
            attributes["silent-ports"] = .texts(silent.map(\.port))
            portEvidence = silent.map(\.reason)
        }
        if request.wants("stopped") {
            let stopped = try await host.processes(for: request).entries.filter(\.isStopped)
            let own = try await host.processes(stopped, ofUnit: name, until: request.deadline)
            attributes["stopped"] = .list(own.map { .integer($0.pid) })
        }
        if request.wants("properties") {
            attributes["properties"] = .textMap(unit.values)
        }
        if let started = Self.activeSince(unit) {
            attributes["stable-for"] = .duration(of: MonotonicTime.now.since(.init(nanoseconds: started)))
            attributes["started"] = .time(Self.wallTime(ofMonotonic: started))
        }
        if request.wants("files", "missing-files") {
            let files = unit.requiredFiles
            attributes["files"] = .texts(files)
            let missing = try await BlockingPool.files.run("look for files of \(name)", until: request.deadline) {
                () throws(ProbeError) in
                do throws(FileError) {
                    var missing: [String] = []
                    for file in files where try FileStatus.ofIfExists(file, followLinks: true) == nil {
                        missing.append(file)
                    }
                    return missing
                } catch { throw ProbeError(error) }
            }
            attributes["missing-files"] = .texts(missing)
        }
        if request.wants("blocked-programs", "undo") {
            for (name, value) in try await obstacles(of: unit, request) { attributes[name] = value }
        }
        let restarts = unit.number("NRestarts") ?? 0
        let restarted = restarts > 0 ? unit.number("ExecMainStartTimestampMonotonic") : nil
        attributes["restarted"] = .time(
            orNull: restarted.flatMap { $0 > 0 ? Self.wallTime(ofMonotonic: UInt64($0) &* 1000) : nil })
        let command = unit.commands.joined(separator: "; ")
        attributes["command"] = .text(orNull: command.isEmpty ? nil : command)
        attributes["drop-ins"] = unit.dropIns.isEmpty ? .null : .texts(unit.dropIns)
        if request.wants("overrides", "undo-overrides") {
            let overrides = try await BlockingPool.files.run("read drop-ins of \(name)", until: request.deadline) {
                () throws(ProbeError) in
                try UnitOverrides(fragment: unit["FragmentPath"], dropIns: unit.dropIns) { path throws(ProbeError) in
                    do throws(ProbeError) {
                        return try SystemFile.read(path, limit: 1 << 16)
                    } catch {
                        guard error.reason == .notPermitted else { throw error }
                        return nil
                    }
                }
            }
            attributes["overrides"] = .texts(overrides.lines)
            attributes["undo-overrides"] = .texts(overrides.undo(of: name))
        }
        if request.wants("not-in-effect") {
            attributes["not-in-effect"] = .texts(try await notInEffect(unit, name, request))
        }
        if request.wants("cut-off") {
            attributes["cut-off"] = .texts(try await cutOff(unit, request))
        }
        if request.wants("unmet-conditions") {
            attributes["unmet-conditions"] = try await unmetConditions(of: name, request).map { .texts($0) } ?? .null
        }
        if request.wants("conflicts") { attributes["conflicts"] = .texts(try await conflicts(of: unit, request)) }
        attributes["start-limit-hit"] = .null
        attributes["reason"] = .null
        attributes["reason-line"] = .null
        var reason: [String] = []
        let isOfSystem = try request.text("user") == nil
        if isOfSystem, request.wants("reason", "reason-line", "start-limit-hit"),
            unit["ActiveState"] != "active" || restarts > 0
        {
            let lines = try await lines(ofLastRun: unit, named: name, request)
            let failure = FailureLines(lines)
            if unit["ActiveState"] == "failed" {
                // The result is that of the last run, where there was one.
                attributes["start-limit-hit"] = .bool(
                    unit["Result"] == "start-limit-hit"
                        || lines.contains { $0.text.containsBytewise("Start request repeated too quickly") })
            }
            let limits = Self.limits(unit, failure.reason)
            let kind = limits?.reason ?? failure.reason
            attributes["reason"] = .text(orNull: failure.line.map { _ in kind?.rawValue ?? "other" })
            let line = failure.line.map { ([$0] + (limits?.texts ?? [])).joined(separator: " ").shortened(to: 600) }
            attributes["reason-line"] = .text(orNull: line)
            if let line { reason = [SecretMask.maskedKeys(line)] }
        }
        let state = [unit["ActiveState"], unit["SubState"]].compactMap { $0 }.joined(separator: "/")
        return Observation(
            attributes,
            evidence: [
                "\(name): \(state), \(unit["UnitFileState"] ?? "no file state"), restarts "
                    + "\(unit["NRestarts"] ?? "0"), result \(unit["Result"] ?? "none"), exit status "
                    + "\(unit["ExecMainStatus"] ?? "none")"
            ] + portEvidence + reason)
    }

    /// The limits under which a unit crashed or was killed: a program that gets no memory or no file has no words for it.
    static func limits(_ unit: UnitProperties, _ reason: FailureReason?) -> (reason: FailureReason, texts: [String])? {
        guard reason == .crashed || reason == .killed else { return nil }
        func set(_ names: [String], below most: Int64) -> [String] {
            names.compactMap { name in unit.number(name).flatMap { $0 < most ? "\(name)=\($0)" : nil } }
        }
        // The smallest limit that services have by default is 1024 files.
        for (kind, texts) in [
            (FailureReason.noMemory, set(["LimitAS", "LimitDATA"], below: .max)),
            (.tooManyFiles, set(["LimitNOFILE"], below: 256)),
        ] where !texts.isEmpty {
            return (kind, ["(" + texts.joined(separator: ", ") + ")"])
        }
        return nil
    }

    /// The conditions of a unit of the system that do not hold now.
    private func unmetConditions(of name: String, _ request: ProbeRequest) async throws(ProbeError) -> [String]? {
        let run = try await Tool.run(
            "systemd-analyze", ["condition", "--unit", name], until: request.deadline, outputLimit: 1 << 16)
        // NAME: CONDITION failed.
        let (front, end) = (Array("\(name): ".utf8), Array(" failed.".utf8))
        let unmet = Bytes.lines(run.output + run.errors).compactMap { line -> String? in
            guard line.starts(with: front), line.suffix(end.count).elementsEqual(end) else { return nil }
            return Ascii.text(line.dropFirst(front.count).dropLast(end.count))
        }
        return run.status == 0 || !unmet.isEmpty ? unmet : nil
    }

    /// The files of a unit that are younger than its last start.
    private func notInEffect(
        _ unit: UnitProperties, _ name: String, _ request: ProbeRequest
    ) async throws(ProbeError) -> [String] {
        guard let entered = unit.number("ExecMainStartTimestampMonotonic"), entered > 0 else { return [] }
        let started = Self.wallTime(ofMonotonic: UInt64(entered) &* 1000)
        let paths = ([unit["FragmentPath"]].compactMap { $0 } + unit.dropIns).filter {
            !$0.containsBytewise("/system.control/")
        }
        return try await BlockingPool.files.run("look at the files of \(name)", until: request.deadline) {
            () throws(ProbeError) in
            var younger: [String] = []
            for path in paths {
                if let facts = try FileFacts.read(path, followLinks: true), facts.modified > started {
                    younger.append(path)
                }
            }
            return younger
        }
    }

    /// The active units that cannot run beside a unit.
    private func conflicts(of unit: UnitProperties, _ request: ProbeRequest) async throws(ProbeError) -> [String] {
        let names = ["Conflicts", "ConflictedBy"].flatMap { property in
            (unit[property] ?? "").utf8.split(separator: Ascii.space).map { Ascii.text($0) }
        }
        let reader = try await host.unitReader(of: try await manager(request))
        var active: [String] = []
        // All services are stopped for the shutdown.
        for name in names.prefix(16) where !name.endsBytewise(".target") {
            let since = request.since
            let other = try await Deadline.race("ask systemd about \(name)", until: request.deadline) {
                () async throws(ProbeError) in try await reader.properties(of: name, since: since)
            }
            if other["ActiveState"] == "active" || other["ActiveState"] == "activating" { active.append(name) }
        }
        return active
    }

    /// What gives the programs of a unit another network than the host's.
    private func cutOff(_ unit: UnitProperties, _ request: ProbeRequest) async throws(ProbeError) -> [String] {
        let found = unit.foreignNetwork
        guard found.isEmpty, let pid = unit.number("MainPID"), pid > 0 else { return found }
        let (own, others) = try await BlockingPool.files.run("compare networks", until: request.deadline) {
            () throws(ProbeError) in
            (try SystemFile.link("/proc/self/ns/net"), try SystemFile.link("/proc/\(pid)/ns/net"))
        }
        // Who may not look at the other process, and one that has ended, tell nothing.
        guard let own, let others, own != others else { return [] }
        return ["process \(pid) is in the network \(others), the host's is \(own)"]
    }

    /// The ports of the request on which nothing of the unit listens, with what is there instead.
    private func silentPorts(
        of unit: UnitProperties, name: String, _ request: ProbeRequest
    ) async throws(ProbeError) -> [(port: String, reason: String)] {
        guard unit["ActiveState"] == "active", let ports = try request.texts("ports") else { return [] }
        let sockets = try await host.sockets(since: request.since)
        let owners = try await host.socketOwners(since: request.since)
        var silent: [(port: String, reason: String)] = []
        for port in ports {
            let parts = port.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1).map { Ascii.text($0) }
            guard let number = parts.first.flatMap({ Int($0) }), (1...65535).contains(number),
                let transport = ListeningSocket.Transport(rawValue: parts.count == 2 ? parts[1] : "tcp")
            else {
                throw ProbeError(.invalid, "read parameter ports", expected: "such as 8080/tcp", found: "'\(port)'")
            }
            let found = sockets.sockets(port: number, transport: transport)
            guard !found.isEmpty else {
                silent.append((port, "nothing listens on \(port)"))
                continue
            }
            let pids = found.compactMap { owners.processes[$0.inode] }
            // Whose sockets they are is not for everybody to see.
            if pids.isEmpty { continue }
            var groups: [String] = []
            for pid in pids {
                if let group = try ProcessDetails.controlGroup(host.path("/proc/\(pid)")) { groups.append(group) }
            }
            let isOwn = groups.contains { group in
                group.utf8.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual(name.utf8) }
            }
            // A socket unit's ports are systemd's own until somebody comes.
            if !isOwn, !pids.contains(1) {
                silent.append((port, "\(port) is held by pid \(pids[0]) in \(groups.first ?? "no control group")"))
            }
        }
        return silent
    }

    /// Which programs of its command its user cannot execute, and what to do about it.
    private func obstacles(
        of unit: UnitProperties, _ request: ProbeRequest
    ) async throws(ProbeError) -> [String: Value] {
        let programs = unit.programs
        guard !programs.isEmpty else { return ["blocked-programs": .null, "undo": .list([])] }
        // A unit of a user's own service manager runs as that user.
        let user: String?
        if let own = unit["User"] { user = own } else { user = try request.text("user") }
        let pool: BlockingPool
        do throws(ProbeError) {
            pool = try await host.pool(as: try await host.credentials(of: user, for: request))
        } catch {
            // A user that does not exist, or may not be taken on, is for the unit's own failure to tell.
            return ["blocked-programs": .null, "undo": .list([])]
        }
        let obstacles = try await pool.run("look at programs as \(user ?? "ourselves")", until: request.deadline) {
            () throws(ProbeError) in programs.compactMap { ExecutionObstacle.found(at: $0) }
        }
        let mounts = try await host.mounts(for: request)
        return [
            "blocked-programs": .texts(obstacles.map { "\($0.path) is \($0.obstacle)" }),
            "undo": .texts(obstacles.flatMap { $0.obstacle.undo(of: $0.path, mounts) }),
        ]
    }

    /// What its last run said, in the order in which it did. What may not be read says nothing.
    private func lines(
        ofLastRun unit: UnitProperties, named name: String, _ request: ProbeRequest
    ) async throws(ProbeError) -> [FailureLines.Line] {
        var lines: [FailureLines.Line] = []
        do throws(ProbeError) {
            lines = try await Journal.lines(ofLastRun: unit, named: name, on: host, until: request.deadline)
        } catch {
            // The state of the unit is known without it; whether journalctl answers is for others to say.
            guard [.notPermitted, .unavailable, .timedOut].contains(error.reason) else { throw error }
        }
        // Of one that runs again, the run before this one counts.
        let isRunning = unit["ActiveState"] == "active"
        let end =
            isRunning
            ? unit.number("ExecMainStartTimestampMonotonic").map {
                Self.wallTime(ofMonotonic: UInt64(max(0, $0)) &* 1000)
            }
            : nil
        if let path = try request.text("log") {
            let real = host.path(path)
            let start = lines.first?.time ?? .max
            lines += try await BlockingPool.files.run("read the end of \(path)", until: request.deadline) {
                () throws(ProbeError) in try FailureLines.lines(ofFile: real, since: start)
            }
        }
        if let end { lines.removeAll { ($0.time ?? .max) >= end } }
        return lines.enumerated().sorted { left, right in
            (left.element.time ?? 0, left.offset) < (right.element.time ?? 0, right.offset)
        }.map(\.element)
    }

    /// When it became active, in nanoseconds of CLOCK_MONOTONIC; nil unless it is active.
    static func activeSince(_ unit: UnitProperties) -> UInt64? {
        guard unit["ActiveState"] == "active" || unit["ActiveState"] == "reloading",
            let entered = unit.number("ActiveEnterTimestampMonotonic"), entered > 0
        else { return nil }
        return UInt64(entered).multipliedReportingOverflow(by: 1000).partialValue
    }

    /// The wall clock at a moment of the monotonic one, as both stand now.
    static func wallTime(ofMonotonic nanoseconds: UInt64) -> Int64 {
        KernelClock.wall &- Int64(clamping: MonotonicTime.now.nanoseconds) &+ Int64(clamping: nanoseconds)
    }
}
