import Platform

/// Logs.
struct LogProbe: Probe {
    static let kind = SubjectKind(
        "log", "Lines of a log file or of a unit's journal.", mainParameter: "path",
        parameters: [
            .init("path", .text, "Absolute path of the file.", form: .path),
            .init(
                "unit", .text, "The unit whose journal to read, or whose start `since: unit-start` refers to.",
                form: .unit),
            .init("source", .text, "file or journal; file if there is a path.", choices: ["file", "journal"]),
            .init(
                "since", .text, "all, unit-start, or a duration such as 10m: older lines do not count.", form: .logStart
            ),
            .init(
                "patterns", .list(.any), "Maps with `name` and `pattern`, a regular expression, in the expected order."),
            .init("after", .text, "Name of a pattern: only errors after its last match count."),
            .init(
                "failure", .text,
                "Name of a pattern of lines that say why something failed, for `reason`; else the last error says it."),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is such a file; always true for the journal."),
            .init("lines", .integer, "How many lines count."),
            .init(
                "found", .map(.bool),
                "By the names of the patterns: whether a line matches; null where none does and the log is not "
                    + "`conclusive`."),
            .init("counts", .map(.integer), "By the names of the patterns: how many lines match."),
            .init("matches", .list(.text), "The last 100 lines that match."),
            .init(
                "in-order", .bool,
                "Whether lines match all patterns in order; null where not, and the log is not `conclusive`."),
            .init(
                "captures", .map(.text),
                "Of the last match of each pattern: NAME is the first group or the whole match, NAME.2 the second group; "
                    + "named groups by their names."),
            .init("last", .map(.time), "By the names of the patterns: when the last line that matches was written."),
            .init(
                "errors", .list(.text),
                "The last 100 lines whose level is error or worse after the last match of `after`: in glog, JSON, logfmt, and "
                    + "wherever the level stands behind the time, in brackets or in capitals."),
            .init("error-count", .integer, "How many of these there are."),
            .init("first-line", .text, "The first line that counts; null if there is none."),
            .init("size-bytes", .integer, "Size of the file."),
            .init(
                "truncated-since-start", .bool,
                "Whether a file that is older than the unit's start has no line from before it: it was emptied."),
            .init("incomplete", .bool, "Whether the journal has more than was read (20000 messages, 16 MiB)."),
            .init(
                "conclusive", .bool,
                "Whether a line that is not there was not written. A journal has to reach back to the start or to the last "
                    + "match of `after`, nothing may have been suppressed since, journald has to run, and the unit's output "
                    + "has to go to the journal or to a file."),
            .init("inconclusive-because", .text, "Why it is not conclusive; null if it is."),
            .init(
                "reason", .text,
                "What kind of failure the last message that reports one is of, after the last match of `after`: the name of "
                    + "another pattern that matches it, else one of \(FailureReason.allCases.map(\.rawValue).joined(separator: ", ")), "
                    + "else other; null if nothing has failed."),
            .init("reason-line", .text, "That message."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let path = try request.text("path")
        let unit = try unitName(request)
        let source = try request.text("source") ?? (path == nil ? "journal" : "file")
        let failure = try request.text("failure")
        let start = try await startOfUnit(unit, request)
        var wishes = LogScanner.Wishes()
        wishes.countsLines = request.wants("lines")
        wishes.findsErrors = request.wants("errors", "error-count", "reason", "reason-line")
        wishes.findsFirstLine = request.wants("first-line", "truncated-since-start")
        switch try request.text("since") ?? "all" {
        case "all": break
        case "unit-start": wishes.since = start?.time
        case let text: wishes.since = KernelClock.wall &- (try Self.age(text, request)).nanoseconds
        }
        let sources = try Self.patternSources(request)
        let after = try request.text("after")
        if let after, !sources.contains(where: { $0.name == after }) {
            throw request.wrong("after", "the name of a pattern", .text(after))
        }
        if let failure, !sources.contains(where: { $0.name == failure }) {
            throw request.wrong("failure", "the name of a pattern", .text(failure))
        }
        let roles = Roles(after: after, failure: failure)
        switch source {
        case "file":
            let path = try request.requiredPath()
            return try await file(path, sources, roles, wishes, start: start?.time, request)
        case "journal":
            guard let unit else {
                throw ProbeError(.invalid, "read a journal", expected: "parameter unit", found: "nothing")
            }
            return try await journal(unit, sources, roles, wishes, start: start, request)
        default: throw request.wrong("source", "file or journal", .text(source))
        }
    }

    // MARK: - sources

    /// Patterns with a meaning of their own.
    private struct Roles: Sendable {
        var after: String?
        var failure: String?
    }

    private static func scanner(
        _ sources: [PatternSource], _ roles: Roles, _ wishes: LogScanner.Wishes, _ deadline: ContinuousClock.Instant
    ) throws(ProbeError) -> LogScanner {
        LogScanner(
            try sources.map { source throws(ProbeError) in
                try LogPattern(name: source.name, pattern: source.pattern)
            }, after: roles.after, failure: roles.failure, wishes: wishes, deadline: deadline)
    }

    private static func addReason(
        of scanner: LogScanner, to attributes: inout [String: Value], _ evidence: inout [String]
    ) throws(ProbeError) {
        let reason = try scanner.reason()
        attributes["reason"] = .text(orNull: reason?.kind)
        attributes["reason-line"] = .text(orNull: reason?.line)
        let line = reason.map { SecretMask.maskedKeys($0.line) }
        if let line, !evidence.contains(line) { evidence.append(line.shortened(to: 400)) }
    }

    private func file(
        _ path: String, _ sources: [PatternSource], _ roles: Roles, _ wishes: LogScanner.Wishes, start: Int64?,
        _ request: ProbeRequest
    ) async throws(ProbeError) -> Observation {
        let real = host.path(path)
        let deadline = request.deadline
        let pool = try await host.pool(for: request)
        let wantsTruncation = request.wants("truncated-since-start")
        if wantsTruncation, start == nil {
            throw ProbeError(.invalid, "compare \(path) with a start", expected: "parameter unit", found: "nothing")
        }
        return try await pool.run("search \(path)", until: deadline) { () throws(ProbeError) in
            guard let facts = try FileFacts.read(real, followLinks: true) else {
                return Observation(["exists": .bool(false)], evidence: ["no file \(path)"])
            }
            var scanner = try Self.scanner(sources, roles, wishes, deadline)
            // What is wanted may have been moved away by logrotate since.
            if let since = wishes.since, let rotated = try FileFacts.read(real + ".1", followLinks: true),
                rotated.type == "file", rotated.modified >= since
            {
                try scanner.scan(real + ".1")
            }
            try scanner.scan(real)
            var attributes = scanner.findings.attributes()
            attributes["exists"] = .bool(true)
            attributes["size-bytes"] = .integer(facts.size)
            attributes["incomplete"] = .bool(false)
            attributes["conclusive"] = .bool(true)
            attributes["inconclusive-because"] = .null
            var evidence = scanner.findings.evidence(of: path)
            if wishes.findsErrors { try Self.addReason(of: scanner, to: &attributes, &evidence) }
            if wantsTruncation, let start {
                let isOlder = facts.born.map { $0 < start } ?? false
                let firstTime = try Self.firstTime(of: real)
                attributes["truncated-since-start"] = .bool(
                    isOlder && firstTime.map { $0 >= start } ?? (facts.size == 0))
            }
            return Observation(attributes, evidence: evidence)
        }
    }

    /// When the first line with a time was written, looking at the beginning of the file alone.
    private static func firstTime(of path: String) throws(ProbeError) -> Int64? {
        let beginning = try SystemFile.read(path, limit: 1 << 16) ?? []
        let now = KernelClock.wall
        for line in beginning.split(separator: Ascii.newline) {
            if let time = LogTime.nanoseconds(line, now: now) { return time }
        }
        return nil
    }

    private func journal(
        _ unit: String, _ sources: [PatternSource], _ roles: Roles, _ wishes: LogScanner.Wishes,
        start: (time: Int64, invocation: String?)?, _ request: ProbeRequest
    ) async throws(ProbeError) -> Observation {
        let isSinceStart = try request.text("since") == "unit-start"
        let output = try await unitOutput(unit, request)
        let (entries, isTruncated) = try await Journal.entries(
            of: unit, invocation: isSinceStart ? start?.invocation : nil, since: wishes.since,
            namespace: output.namespace, on: host, until: request.deadline)
        let gaps =
            isSinceStart
            ? try await Journal.gaps(
                of: unit, since: start?.time ?? 0, namespace: output.namespace, until: request.deadline) : nil
        let deadline = request.deadline
        let files = output.files.map { ($0, host.path($0)) }
        return try await BlockingPool.files.run("search the journal of \(unit)", until: deadline) {
            () throws(ProbeError) in
            var scanner = try Self.scanner(sources, roles, wishes, deadline)
            for entry in entries { try scanner.add(line: entry.message, time: entry.time, isError: entry.isError) }
            for (_, path) in files where try FileFacts.read(path, followLinks: true)?.type == "file" {
                try scanner.scan(path)
            }
            let after = roles.after.flatMap { scanner.findings.last[$0] }
            let obstacle =
                output.obstacle
                ?? (files.isEmpty
                    ? gaps?.obstacle(
                        after: after, hasSucceeded: scanner.findings.hasSucceeded, isTruncated,
                        isFull: entries.isEmpty || entries.count >= output.burst ?? .max) : nil)
            var attributes = scanner.findings.attributes(isConclusive: obstacle == nil)
            attributes["exists"] = .bool(true)
            attributes["incomplete"] = .bool(isTruncated)
            attributes["conclusive"] = .bool(obstacle == nil)
            attributes["inconclusive-because"] = .text(orNull: obstacle)
            let place = files.first.map(\.0) ?? "the journal of \(unit)"
            var evidence = scanner.findings.evidence(of: place)
            if let obstacle { evidence.append(obstacle) }
            if wishes.findsErrors { try Self.addReason(of: scanner, to: &attributes, &evidence) }
            return Observation(attributes, evidence: evidence)
        }
    }

    /// Where the output of a unit goes.
    private func unitOutput(_ unit: String, _ request: ProbeRequest) async throws(ProbeError) -> UnitOutput {
        let reader = try await host.unitReader()
        let since = request.since
        return try await Deadline.race("ask systemd about \(unit)", until: request.deadline) {
            () async throws(ProbeError) in
            let properties = try await reader.properties(of: unit, since: since)
            // systemd keeps the path to itself; the process has it open.
            let pid = properties.number("MainPID") ?? 0
            let links =
                pid > 0
                ? try await BlockingPool.files.run("look at the output of \(unit)", until: request.deadline) {
                    () throws(ProbeError) -> [String?] in
                    do throws(ProbeError) {
                        return [try SystemFile.link("/proc/\(pid)/fd/2"), try SystemFile.link("/proc/\(pid)/fd/1")]
                    } catch {
                        guard error.reason == .notPermitted else { throw error }
                        return []
                    }
                } : []
            return UnitOutput(
                of: properties, opened: links.compactMap { $0 },
                journald: try await reader.properties(of: "systemd-journald.service", since: since))
        }
    }

    // MARK: - parameters

    fileprivate static func age(_ text: String, _ request: ProbeRequest) throws(ProbeError) -> GoDuration {
        guard let duration = GoDuration(text), duration.nanoseconds > 0 else {
            throw request.wrong("since", "all, unit-start or a duration such as 10m", .text(text))
        }
        return duration
    }

    private struct PatternSource: Sendable {
        var name: String
        var pattern: String
    }

    private func unitName(_ request: ProbeRequest) throws(ProbeError) -> String? {
        guard let text = try request.text("unit") else { return nil }
        let name = UnitName.completed(text)
        guard UnitName.isValid(name) else { throw request.wrong("unit", "the name of a unit", .text(text)) }
        return name
    }

    private func startOfUnit(
        _ unit: String?, _ request: ProbeRequest
    ) async throws(ProbeError) -> (time: Int64, invocation: String?)? {
        let needsStart = try request.text("since") == "unit-start" || request.wants("truncated-since-start")
        guard needsStart else { return nil }
        guard let unit else {
            throw ProbeError(.invalid, "find the start of a unit", expected: "parameter unit", found: "nothing")
        }
        let reader = try await host.unitReader()
        let since = request.since
        let properties = try await Deadline.race("ask systemd about \(unit)", until: request.deadline) {
            () async throws(ProbeError) in try await reader.properties(of: unit, since: since)
        }
        // Its programs begin before it counts as active, and one that fails at once never does.
        let moments = ["ExecMainStartTimestampMonotonic", "InactiveExitTimestampMonotonic"]
        let started = moments.compactMap { properties.number($0) }.filter { $0 > 0 }.min()
        guard let started else {
            throw ProbeError(
                .unavailable, "find the start of \(unit)", expected: "a unit that was started",
                found: "one that was not")
        }
        let nanoseconds = UInt64(started).multipliedReportingOverflow(by: 1000).partialValue
        return (UnitProbe.wallTime(ofMonotonic: nanoseconds), properties["InvocationID"])
    }

    private static func patternSources(_ request: ProbeRequest) throws(ProbeError) -> [PatternSource] {
        let expected = "a list of maps with name and pattern"
        guard let value = request.parameters["patterns"], value != .null else { return [] }
        guard case .list(let items) = value, items.count <= 200 else {
            throw request.wrong("patterns", expected, value)
        }
        var sources: [PatternSource] = []
        for item in items {
            guard case .map(let entries) = item, case .text(let name)? = entries["name"],
                case .text(let pattern)? = entries["pattern"], !name.isEmpty, !pattern.isEmpty,
                entries.count == 2
            else { throw request.wrong("patterns", expected, item) }
            sources.append(PatternSource(name: name, pattern: pattern))
        }
        return sources
    }
}

extension ParameterForm {
    /// `all`, `unit-start` or a duration.
    static let logStart = ParameterForm { request throws(ProbeError) in
        let text = try request.requiredText(name)
        if text != "all", text != "unit-start" { _ = try LogProbe.age(text, request) }
    }
}
