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
        options.environment = try environment(request)
        if let other = try await host.credentials(of: request.user, for: request) {
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
            throw error
        }
        return try describe(output, duration: MonotonicTime.now.since(started), command: command, request)
    }

    private func environment(_ request: ProbeRequest) throws(ProbeError) -> [String] {
        var values: [String: String] = ["LC_ALL": "C.UTF-8", "PATH": ExecutablePath.standardSearchPath]
        if let path = getenv("PATH") { values["PATH"] = String(cString: path) }
        if let home = getenv("HOME") { values["HOME"] = String(cString: home) }
        for (name, value) in try request.textMap("environment") { values[name] = value }
        return values.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
    }

    private func describe(
        _ output: ProcessOutput, duration: Duration, command: [String], _ request: ProbeRequest
    ) throws(ProbeError) -> Observation {
        let text = Ascii.text(output.standardOutput)
        let errors = Ascii.text(output.standardError)
        var attributes: [String: Value] = [
            "exists": .bool(true), "exit-status": .integer(output.status.shellStatus),
            "stdout": .text(SecretMask.maskedKeys(text)), "stderr": .text(SecretMask.maskedKeys(errors)),
            "duration": .duration(of: duration), "signal": .null, "truncated": .bool(output.isTruncated),
        ]
        if request.wants("lines") {
            attributes["lines"] = .texts(Bytes.lines(of: SecretMask.maskedKeys(text)))
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
            .init("exists", .bool, "Whether it is on PATH or in the system's folders for programs."),
            .init("path", .text, "Its path; null if it cannot be found."),
        ])

    init(host: Host) {}

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let path = try await BlockingPool.files.run("look for program \(name)", until: request.deadline) {
            () throws(ProbeError) in Tool.path(name).flatMap { access($0, X_OK) == 0 ? $0 : nil }
        }
        return Observation(
            ["exists": .bool(path != nil), "path": .text(orNull: path)], evidence: [path ?? "no program \(name)"])
    }
}
