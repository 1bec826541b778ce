import Patterns
import Platform

/// What a host runs by itself that mentions something.
struct JobProbe: Probe {
    static let kind = SubjectKind(
        "job",
        "Commands that this host runs by itself and that mention something: those of units and timers, of cron tables and "
            + "hooks, of programs that run, and of the scripts that all of these call.",
        mainParameter: "mentions",
        parameters: [
            .init(
                "mentions", .list(.text),
                "Texts of which a script, or a line that calls it, has at least one; in a table of cron, the line itself."
            ),
            .init(
                "pattern", .text,
                "What a command has to match: a regular expression; every command that mentions it by default."
            ),
            .init(
                "writes", .list(.text),
                "Paths, or ends of paths, in place of the two: commands that write, move, remove or change one of them."
            ),
            .init("except", .list(.text), "Units whose commands do not count."),
        ],
        attributes: [
            .init("exists", .bool, "Whether there are any."),
            .init(
                "lines", .list(.text),
                "The commands with file and line, and those that call their scripts; the first twelve."),
            .init("units", .list(.text), "The services that run them."),
            .init("undo", .list(.text), "Commands that keep them from being run again: nothing is deleted."),
            .init(
                "undo-repeated", .list(.text), "The same for those alone that are run again and again, and not at boot."
            ),
        ])

    private static let limit = 12
    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let written = try request.texts("writes") ?? []
        let mentions = try request.texts("mentions") ?? []
        guard !mentions.isEmpty || !written.isEmpty else {
            throw request.wrong("mentions", "at least one text", .list([]))
        }
        let except = Set((try request.texts("except") ?? []).map { UnitName.completed($0) })
        let pattern = try request.text("pattern")
        let compiled: Pattern?
        do throws(PatternSyntaxError) {
            compiled = if let pattern { try Pattern(pattern) } else { nil }
        } catch {
            throw ProbeError(
                .invalid, "read parameter pattern", expected: "a regular expression", found: "'\(pattern ?? "")'")
        }
        let jobs = try await host.jobs(for: request)
        var scripts: [String: WrittenPaths] = [:]
        let found = jobs.lines(mentioning: mentions + written, except: except) { line, file in
            if !written.isEmpty {
                let script = scripts[file.path] ?? WrittenPaths(file)
                scripts[file.path] = script
                return script.writes(line, anyOf: written)
            }
            guard let compiled else { return true }
            // What takes too long to match is nobody's script.
            do throws(PatternLimitError) { return try compiled.firstMatch(in: line) != nil } catch { return false }
        }
        let units = found.flatMap { line in
            jobs.roots(of: line.file).compactMap { root in
                if case .unit(let name) = root.file.origin { name } else { nil }
            }
        }
        let lines = Self.unique((found + found.flatMap { jobs.callers(of: $0) }).map(\.shown))
        return Observation(
            [
                "exists": .bool(!found.isEmpty), "lines": .texts(lines), "units": .texts(Self.unique(units)),
                "undo": .texts(Self.unique(found.flatMap { jobs.undo(of: $0) })),
                "undo-repeated": .texts(Self.unique(found.filter(jobs.isRepeated).flatMap { jobs.undo(of: $0) })),
            ], evidence: lines.isEmpty ? ["nothing that this host runs mentions it"] : lines)
    }

    private static func unique(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return Array(texts.filter { seen.insert($0).inserted }.prefix(limit))
    }
}

extension HostJobs.File {
    /// Whether it is where packages put their files, and no administrator does.
    var isPackaged: Bool {
        [
            "/usr/lib/", "/usr/share/", "/usr/sbin/", "/usr/bin/", "/lib/", "/sbin/", "/bin/", "/etc/init.d/",
            "/run/systemd/generator",
        ]
        .contains { path.startsBytewise($0) }
    }
}

extension HostJobs {
    /// The commands that meet a condition, of files that mention one of some texts.
    package func lines(
        mentioning texts: [String], except units: Set<String> = [], _ isMeant: (String, File) -> Bool
    ) -> [Line] {
        var found: [Line] = []
        for file in files.values.sorted(by: { $0.path < $1.path }) {
            func mentions(_ line: Line) -> Bool { texts.contains { line.text.containsBytewise($0) } }
            // What packages bring is theirs to run, unless an administrator's command runs it.
            if file.isPackaged, !callers(of: file.path).contains(where: { files[$0.file]?.isPackaged == false }) {
                continue
            }
            let isTable = file.origin == .table
            guard isTable || (file.lines + file.callers).contains(where: mentions) else { continue }
            let lines = file.lines.filter { (!isTable || mentions($0)) && isMeant($0.text, file) }
            if lines.isEmpty || isOf(units, file) { continue }
            found += lines
        }
        return found
    }

    /// The commands that call a line's file, as far up as a unit, a table or a hook.
    package func callers(of line: Line) -> [Line] { callers(of: line.file) }

    private func callers(of path: String) -> [Line] {
        var found: [Line] = []
        var seen: Set<String> = []
        var waiting = [path]
        while let next = waiting.popLast() {
            guard seen.insert(next).inserted else { continue }
            let callers = files[next]?.callers ?? []
            found += callers
            waiting += callers.map(\.file)
        }
        return found
    }

    /// Whether a command is run by the clock, or by a program that runs now.
    func isRepeated(_ line: Line) -> Bool {
        roots(of: line.file).contains { root in
            switch root.file.origin {
            case .unit(let name): timers[name] != nil || root.file.path.startsBytewise("process ")
            case .table, .process: true
            case .hook: root.file.path.startsBytewise("/etc/cron")
            case .script: false
            }
        }
    }

    /// Whether one of some units runs a file.
    package func isOf(_ units: Set<String>, _ file: File) -> Bool {
        !units.isEmpty
            && roots(of: file.path).contains { root in
                if case .unit(let name) = root.file.origin { units.contains(name) } else { false }
            }
    }
}
