import Glibc
import Platform
import Processes

/// Commands.
struct CommandProbe: Probe {
    static let kind = SubjectKind(
        "command", "What a program prints and how it ends. No shell is involved.", mainParameter: "command",
        parameters: [
            .init(
                "command", .list(.text), "The program and its arguments, each by itself.", isRequired: true,
                form: .command),
            .init("environment", .map(.text), "Added to the environment."),
            .init("directory", .text, "Working directory; / when it is not said."),
            .init("max-bytes", .integer, "Bytes kept of each output; 1048576 when it is not said."),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is such a program."),
            .init("exit-status", .integer, "Exit status; 128 and the number of the signal that ended it."),
            .init("stdout", .text, "Standard output, up to `max-bytes`."),
            .init("stderr", .text, "Standard error, up to `max-bytes`."),
            .init("lines", .list(.text), "The lines of standard output."),
            .init("json", .any, "Standard output as JSON."),
            .init("duration", .duration, "How long it ran."),
            .init("signal", .text, "Name of the signal that ended it; null when none did."),
            .init("truncated", .bool, "Whether it printed more than was kept."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        guard host.isThisMachine else {
            throw ProbeError(
                .unavailable, "run a command", expected: "the machine that runs us", found: "files below \(host.root)")
        }
        guard let command = try request.texts("command"), let name = command.first, !name.isEmpty else {
            throw ProbeError(
                .invalid, "read parameter command", expected: "a program and its arguments", found: "nothing")
        }
        guard let path = Tool.path(name) else {
            return Observation(["exists": .bool(false)], evidence: ["no program \(name) on PATH"])
        }
        var options = SpawnOptions(executable: path, arguments: Array(command.dropFirst()))
        options.name = name
        options.workingDirectory = try request.text("directory") ?? "/"
        options.parentDeathSignal = .kill
        options.environment = try environment(request)
        if let other = try await host.impersonation(of: request.user, for: request) {
            options.user = .init(
                id: other.user.uid, group: other.user.gid, supplementaryGroups: other.groups)
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
        return try describe(output, duration: .since(started), command: command, request)
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
        let text = Bytes.text(output.standardOutput)
        let errors = Bytes.text(output.standardError)
        var attributes: [String: Value] = [
            "exists": .bool(true), "exit-status": .integer(output.status.shellStatus),
            "stdout": .text(Secrets.masked(text)), "stderr": .text(Secrets.masked(errors)),
            "duration": .duration(of: duration), "signal": .null, "truncated": .bool(output.isTruncated),
        ]
        if request.wants("lines") {
            attributes["lines"] = .texts(Bytes.lines(Array(Secrets.masked(text).utf8)).map { Bytes.text($0) })
        }
        if request.wants("json") { attributes["json"] = try JSONReader.read(output.standardOutput, of: command[0]) }
        if case .signalled(let signal, _) = output.status { attributes["signal"] = .text("\(signal)") }
        var evidence = ["\(command.joined(separator: " ").shortened()): \(output.status)"]
        for (name, bytes) in [("stdout", output.standardOutput), ("stderr", output.standardError)] {
            let lines = Bytes.lines(Array(Secrets.masked(Bytes.text(bytes)).utf8))
            evidence += lines.prefix(3).map { "\(name): \(Bytes.text($0).shortened())" }
        }
        return Observation(attributes, evidence: evidence)
    }
}
