import Glibc
import Platform

/// Logs.
struct LogProbe: Probe {
    static let kind = SubjectKind(
        "log", "Lines of a log file or of a unit's journal.", mainParameter: "path",
        parameters: [
            .init("path", .text, "Absolute path of the file.", form: .path),
            .init("unit", .text, "The unit whose journal to read, or whose start `since: unit-start` refers to."),
            .init("source", .text, "file or journal; file if there is a path.", choices: ["file", "journal"]),
            .init(
                "since", .text, "all, unit-start, or a duration such as 10m: older lines do not count.", form: .logStart
            ),
            .init(
                "patterns", .list(.any), "Maps with `name` and `pattern`, a regular expression, in the expected order."),
            .init("after", .text, "Name of a pattern: only errors after its last match count."),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is such a file; always true for the journal."),
            .init("lines", .integer, "How many lines count."),
            .init("found", .map(.bool), "By the names of the patterns: whether a line matches."),
            .init("counts", .map(.integer), "By the names of the patterns: how many lines match."),
            .init("matches", .list(.text), "The last 100 lines that match."),
            .init("in-order", .bool, "Whether lines match all patterns in order."),
            .init(
                "captures", .map(.text),
                "Of the last match of each pattern: NAME is the first group or the whole match, NAME.2 the second group; "
                    + "named groups by their names."),
            .init("last", .map(.time), "By the names of the patterns: when the last line that matches was written."),
            .init(
                "errors", .list(.text), "The last 100 lines of level error or fatal after the last match of `after`."),
            .init("error-count", .integer, "How many of these there are."),
            .init("first-line", .text, "The first line that counts; null if there is none."),
            .init("size-bytes", .integer, "Size of the file."),
            .init(
                "truncated-since-start", .bool,
                "Whether a file that is older than the unit's start has no line from before it: it was emptied."),
            .init("incomplete", .bool, "Whether the journal has more than was read (20000 messages, 16 MiB)."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let path = try request.text("path")
        let unit = try unitName(request)
        let source = try request.text("source") ?? (path == nil ? "journal" : "file")
        let start = try await startOfUnit(unit, request)
        var wishes = LogScanner.Wishes()
        wishes.countsLines = request.wants("lines")
        wishes.findsErrors = request.wants("errors", "error-count")
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
        switch source {
        case "file":
            let path = try request.requiredPath()
            return try await file(path, sources, after: after, wishes, start: start?.time, request)
        case "journal":
            guard let unit else {
                throw ProbeError(.invalid, "read a journal", expected: "parameter unit", found: "nothing")
            }
            return try await journal(unit, sources, after: after, wishes, invocation: start?.invocation, request)
        default: throw request.wrong("source", "file or journal", .text(source))
        }
    }

    // MARK: - sources

    private func file(
        _ path: String, _ sources: [PatternSource], after: String?, _ wishes: LogScanner.Wishes, start: Int64?,
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
            var scanner = LogScanner(
                try sources.map { source throws(ProbeError) in
                    try LogPattern(name: source.name, pattern: source.pattern)
                }, after: after, wishes: wishes, deadline: deadline)
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
            if wantsTruncation, let start {
                let isOlder = facts.born.map { $0 < start } ?? false
                let firstTime = try Self.firstTime(of: real)
                attributes["truncated-since-start"] = .bool(
                    isOlder && firstTime.map { $0 >= start } ?? (facts.size == 0))
            }
            return Observation(attributes, evidence: scanner.findings.evidence(of: path))
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
        _ unit: String, _ sources: [PatternSource], after: String?, _ wishes: LogScanner.Wishes, invocation: String?,
        _ request: ProbeRequest
    ) async throws(ProbeError) -> Observation {
        let (entries, isTruncated) = try await Journal.entries(
            of: unit, invocation: try request.text("since") == "unit-start" ? invocation : nil, since: wishes.since,
            on: host, until: request.deadline)
        let deadline = request.deadline
        return try await BlockingPool.files.run("search the journal of \(unit)", until: deadline) {
            () throws(ProbeError) in
            var scanner = LogScanner(
                try sources.map { source throws(ProbeError) in
                    try LogPattern(name: source.name, pattern: source.pattern)
                }, after: after, wishes: wishes, deadline: deadline)
            for entry in entries { try scanner.add(line: entry.message, time: entry.time, isError: entry.isError) }
            var attributes = scanner.findings.attributes()
            attributes["exists"] = .bool(true)
            attributes["incomplete"] = .bool(isTruncated)
            return Observation(attributes, evidence: scanner.findings.evidence(of: "the journal of \(unit)"))
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

/// The messages of a unit in the journal.
enum Journal {
    /// A message.
    struct Entry: Sendable, Hashable {
        var message: String
        /// Nanoseconds since 1970.
        var time: Int64?
        /// Whether its priority is error or worse (syslog(3)).
        var isError: Bool
    }

    /// What bounds the reading.
    private static let entryLimit = 20_000
    private static let byteLimit = 16 << 20

    /// The last messages of a unit, and whether there were more.
    ///
    /// - Parameters:
    ///   - invocation: only those of this run of the unit.
    ///   - since: only those from this moment on, in nanoseconds since 1970.
    static func entries(
        of unit: String, invocation: String?, since: Int64?, on host: Host, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> (entries: [Entry], isTruncated: Bool) {
        try await Systemd.require(on: host)
        try await requirePermission(until: deadline)
        var arguments = [
            "--no-pager", "--quiet", "--output=json", "--output-fields=MESSAGE,PRIORITY",
            "--lines=\(entryLimit)", "--unit=\(unit)",
        ]
        if let since { arguments.append("--since=@\(max(0, since / 1_000_000_000))") }
        if let invocation { arguments.append("_SYSTEMD_INVOCATION_ID=\(invocation)") }
        let run = try await Tool.run("journalctl", arguments, until: deadline, outputLimit: byteLimit)
        guard run.status == 0 || run.isTruncated else { throw run.failure("read the journal of \(unit)") }
        var output = run.output[...]
        if run.isTruncated, let end = output.lastIndex(of: Ascii.newline) { output = output[...end] }
        let entries = try parse(Array(output), of: unit)
        return (entries, run.isTruncated || entries.count == entryLimit)
    }

    /// Entries as `journalctl --output=json` prints them, an object in each line.
    static func parse(_ output: [UInt8], of unit: String) throws(ProbeError) -> [Entry] {
        var entries: [Entry] = []
        for line in output.split(separator: Ascii.newline) {
            guard case .map(let fields) = try JSONReader.read(Array(line), of: "the journal of \(unit)") else {
                throw ProbeError(
                    .malformed, "read the journal of \(unit)", expected: "objects", found: Ascii.text(line.prefix(80)))
            }
            var time: Int64?
            if case .text(let text)? = fields["__REALTIME_TIMESTAMP"], let microseconds = Bytes.decimal(text.utf8) {
                time = microseconds.multipliedReportingOverflow(by: 1000).partialValue
            }
            var isError = false
            if case .text(let text)? = fields["PRIORITY"], let priority = Bytes.decimal(text.utf8) {
                isError = priority <= 3
            }
            entries.append(Entry(message: message(fields["MESSAGE"]), time: time, isError: isError))
        }
        return entries
    }

    /// A message is a text, or numbers where it is not UTF-8, or a list of them where there are several.
    private static func message(_ value: Value?) -> String {
        switch value {
        case .text(let text)?: return text
        case .list(let items)?:
            var bytes: [UInt8] = []
            for item in items {
                if case .integer(let number) = item, let byte = UInt8(exactly: number) { bytes.append(byte) }
                if case .text(let text) = item { bytes += Array(text.utf8) + [Ascii.newline] }
            }
            return Ascii.text(bytes)
        default: return ""
        }
    }

    /// A user who may not read the journal sees an empty one, which says nothing of the unit.
    private static func requirePermission(until deadline: ContinuousClock.Instant) async throws(ProbeError) {
        guard geteuid() != 0 else { return }
        try await BlockingPool.files.run("read the journal", until: deadline) { () throws(ProbeError) in
            var denied: String?
            for folder in ["/var/log/journal", "/run/log/journal"] {
                for name in try SystemFile.names(in: folder) ?? [] {
                    let file = "\(folder)/\(name)/system.journal"
                    if access(file, R_OK) == 0 { return }
                    if access(file, F_OK) == 0 || errno == EACCES { denied = file }
                }
            }
            if let denied { throw .system("read \(denied)", errno: EACCES) }
        }
    }
}
