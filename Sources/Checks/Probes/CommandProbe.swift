import Glibc
import Platform
import Processes

/// Commands.
struct CommandProbe: Probe {
    static let kind = SubjectKind(
        "command", "What a program prints and how it ends. No shell is involved.", mainParameter: "command",
        parameters: [
            .init(
                "command", .list(.text), "The program and its arguments, one item each.", isRequired: true,
                form: .command),
            .init("environment", .map(.text), "Added to the environment."),
            .init("directory", .text, "Working directory; / by default."),
            .init("max-bytes", .integer, "Bytes to keep of each output; 1048576 by default."),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is such a program."),
            .init("exit-status", .integer, "Exit status; 128 plus the number of the signal that ended it."),
            .init("stdout", .text, "Standard output, up to `max-bytes`."),
            .init("stderr", .text, "Standard error, up to `max-bytes`."),
            .init("lines", .list(.text), "The lines of standard output."),
            .init("json", .any, "Standard output as JSON."),
            .init("duration", .duration, "How long it ran."),
            .init("signal", .text, "Name of the signal that ended it; null if none did."),
            .init("truncated", .bool, "Whether it printed more than was kept."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        try host.requireThisMachine("run a command")
        guard let command = try request.texts("command"), let name = command.first, !name.isEmpty else {
            throw ProbeError(
                .invalid, "read parameter command", expected: "a program and its arguments", found: "nothing")
        }
        guard let path = Tool.path(name) else {
            return Observation(["exists": .bool(false)], evidence: ["program \(name) is not on PATH"])
        }
        var options = SpawnOptions(executable: path, arguments: Array(command.dropFirst()))
        options.name = name
        options.workingDirectory = try request.text("directory") ?? "/"
        options.parentDeathSignal = .kill
        let other = try await host.credentials(of: request.user, for: request)
        options.environment = try environment(request, of: other?.user)
        if let other {
            options.user = .init(id: other.user.uid, group: other.user.gid, supplementaryGroups: other.groups)
        }
        let limit = try request.integer("max-bytes", in: 1...(64 << 20)) ?? 1 << 20
        let started = MonotonicTime.now
        let output: ProcessOutput
        do throws(ProbeError) {
            output = try await Tool.output(
                of: options, named: name, until: request.deadline, outputLimit: Int(limit))
        } catch {
            if error.reason == .unavailable, name.utf8.contains(UInt8(ascii: "/")), access(path, F_OK) != 0 {
                return Observation(["exists": .bool(false)], evidence: ["no program \(path)"])
            }
            guard error.reason == .notPermitted else { throw error }
            throw refusal(error, of: path, isOtherUser: options.user != nil)
        }
        try requireWhole(output, of: command[0], limit: Int(limit), request)
        return try describe(output, duration: MonotonicTime.now.since(started), command: command, request)
    }

    /// Whose fault it is that a program cannot be run: the host's, unless another user than ours could run it.
    private func refusal(_ error: ProbeError, of path: String, isOtherUser: Bool) -> ProbeError {
        var error = error.asDenied
        error.expected = "a program that can be run"
        if let obstacle = ExecutionObstacle(path) {
            error.found = "\(obstacle)"
        } else if !isOtherUser, geteuid() != 0 {
            error.reason = .notPermitted
        }
        return error
    }

    private func environment(
        _ request: ProbeRequest, of user: UserEntry?
    ) throws(ProbeError) -> [String] {
        var values: [String: String] = ["LC_ALL": "C.UTF-8", "PATH": ExecutablePath.standardSearchPath]
        if let path = getenv("PATH") { values["PATH"] = String(cString: path) }
        if let home = getenv("HOME") { values["HOME"] = String(cString: home) }
        // As at a login (login(1)): another user's settings and caches are not ours.
        if let user {
            values["HOME"] = user.home
            values["USER"] = user.name
            values["LOGNAME"] = user.name
            values["SHELL"] = user.shell.isEmpty ? "/bin/sh" : user.shell
        }
        for (name, value) in try request.textMap("environment") { values[name] = value }
        return values.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
    }

    /// Fails when an output that is asked for was cut, unless it is asked whether it was: of what is missing nothing can be
    /// said.
    private func requireWhole(
        _ output: ProcessOutput, of name: String, limit: Int, _ request: ProbeRequest
    ) throws(ProbeError) {
        guard output.isTruncated, !request.wants("truncated") else { return }
        for (stream, bytes, isWanted) in [
            ("standard output", output.standardOutput, request.wants("stdout", "lines", "json")),
            ("standard error", output.standardError, request.wants("stderr")),
        ] where isWanted && bytes.count >= limit {
            throw ProbeError(
                .invalid, "read the \(stream) of \(name)", expected: "at most \(limit) bytes (max-bytes)",
                found: "more")
        }
    }

    private func describe(
        _ output: ProcessOutput, duration: Duration, command: [String], _ request: ProbeRequest
    ) throws(ProbeError) -> Observation {
        let text = Ascii.text(output.standardOutput)
        let errors = Ascii.text(output.standardError)
        var attributes: [String: Value] = [
            "exists": .bool(true), "exit-status": .integer(output.status.shellStatus),
            "stdout": .text(text), "stderr": .text(errors),
            "duration": .duration(of: duration), "signal": .null, "truncated": .bool(output.isTruncated),
        ]
        if request.wants("lines") {
            attributes["lines"] = .texts(Bytes.lines(of: text))
        }
        if request.wants("json") { attributes["json"] = try JSONReader.read(output.standardOutput, of: command[0]) }
        if case .signalled(let signal, _) = output.status { attributes["signal"] = .text("\(signal)") }
        var evidence = ["\(command.joined(separator: " ").shortened()): \(output.status)"]
        for (name, bytes) in [("stdout", output.standardOutput), ("stderr", output.standardError)] {
            let lines = Bytes.lines(Array(SecretMask.maskedKeys(Ascii.text(bytes)).utf8))
            evidence += lines.prefix(3).map { "\(name): \(Ascii.text($0).shortened())" }
        }
        return Observation(attributes, evidence: evidence)
    }
}

extension ParameterForm {
    /// A program and its arguments, one item each.
    static let command = ParameterForm { request throws(ProbeError) in
        let words = try request.texts(name) ?? []
        let isSentence = words.count == 1 && words[0].utf8.contains(Ascii.space)
        guard let program = words.first, !program.isEmpty, !isSentence else {
            throw ProbeError(
                .invalid, "read a command", expected: "a program and its arguments as separate items, such as [ls, -l]",
                found: words.first.map { "'\($0.shortened())'" } ?? "nothing")
        }
    }
}

/// Programs that can be found.
struct ProgramProbe: Probe {
    static let kind = SubjectKind(
        "program", "Whether a program can be found. It is not run.", mainParameter: "name",
        parameters: [.init("name", .text, "Name, or absolute path.", isRequired: true)],
        attributes: [
            .init(
                "exists", .bool,
                "Whether a file that somebody may execute is on PATH, in the system's folders for programs, or at the path."
            ),
            .init("path", .text, "Its path; null if it cannot be found."),
        ])

    init(host: Host) {}

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let path = try await BlockingPool.files.run("look for program \(name)", until: request.deadline) {
            () throws(ProbeError) in try Self.path(of: name)
        }
        return Observation(
            ["exists": .bool(path != nil), "path": .text(orNull: path)], evidence: [path ?? "no program \(name)"])
    }

    /// Where a program is, whoever may run it.
    private static func path(of name: String) throws(ProbeError) -> String? {
        var candidates = [name]
        if !name.utf8.contains(UInt8(ascii: "/")) {
            let folders = [getenv("PATH").map { String(cString: $0) } ?? "", ExecutablePath.standardSearchPath]
            candidates = folders.joined(separator: ":").utf8.split(separator: UInt8(ascii: ":")).map {
                String(decoding: Array($0), as: UTF8.self) + "/" + name
            }
        }
        var hidden: ProbeError?
        for candidate in candidates {
            do throws(ProbeError) {
                guard let facts = try FileFacts.read(candidate, followLinks: true) else { continue }
                if facts.type == "file", facts.permissions & 0o111 != 0 { return candidate }
            } catch {
                guard error.reason == .notPermitted else { throw error }
                hidden = error
            }
        }
        if let hidden { throw hidden }
        return nil
    }
}
