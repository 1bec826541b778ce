import Glibc
import Platform

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
    ///   - namespace: the journal that they are in (systemd.exec(5), `LogNamespace=`); nil for the system's.
    static func entries(
        of unit: String, invocation: String?, since: Int64?, namespace: String? = nil, on host: Host,
        until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> (entries: [Entry], isTruncated: Bool) {
        try await Systemd.require(on: host)
        try await requirePermission(until: deadline)
        var arguments = [
            "--no-pager", "--quiet", "--output=json", "--output-fields=MESSAGE,PRIORITY",
            "--lines=\(entryLimit)", "--unit=\(unit)",
        ]
        if let namespace { arguments.append("--namespace=\(namespace)") }
        if let since { arguments.append("--since=@\(max(0, since / 1_000_000_000))") }
        if let invocation { arguments.append("_SYSTEMD_INVOCATION_ID=\(invocation)") }
        let run = try await Tool.run("journalctl", arguments, until: deadline, outputLimit: byteLimit)
        guard run.status == 0 || run.isTruncated else { throw run.failure("read the journal of \(unit)") }
        var output = run.output[...]
        if run.isTruncated, let end = output.lastIndex(of: Ascii.newline) { output = output[...end] }
        let entries = try parse(Array(output), of: unit)
        return (entries, run.isTruncated || entries.count == entryLimit)
    }

    /// What journalctl(1) prints with these arguments.
    static func read(
        _ arguments: [String], of unit: String, on host: Host, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> [Entry] {
        try await Systemd.require(on: host)
        try await requirePermission(until: deadline)
        let run = try await Tool.run("journalctl", arguments, until: deadline, outputLimit: byteLimit)
        guard run.status == 0 else { throw run.failure("read the journal of \(unit)") }
        return try parse(run.output, of: unit)
    }

    /// What systemd(1) says when it starts a unit and has started it, and journald when it drops messages
    /// (sd-messages(3)).
    private static let marks = [
        "7d4958e842da4a758f6c1cdc7b36dcc5", "39f53479d3a045ac8e11786248231fbf", "a596d6fe7bfa4994828e72309e95d61e",
    ]

    /// What is missing in the journal of a unit since its start.
    ///
    /// - Parameter since: the start, in nanoseconds since 1970.
    static func gaps(
        of unit: String, since: Int64, namespace: String?, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> JournalGaps {
        var arguments = [
            "--no-pager", "--quiet", "--output=json", "--output-fields=MESSAGE,MESSAGE_ID", "--lines=200",
            "--unit=\(unit)", "--since=@\(max(0, since / 1_000_000_000 - 2))",
        ]
        // What systemd itself says is in the system's journal, whatever the unit's is.
        if let namespace { arguments.append("--namespace=+\(namespace)") }
        arguments += marks.map { "MESSAGE_ID=\($0)" }
        let run = try await Tool.run("journalctl", arguments, until: deadline, outputLimit: 1 << 20)
        guard run.status == 0 else { throw run.failure("read the journal of \(unit)") }
        var gaps = JournalGaps()
        for entry in try parse(run.output, of: unit) {
            if entry.message.containsBytewise("Suppressed ") {
                gaps.suppressed = (entry.time ?? 0, entry.message)
            } else {
                gaps.reachesBack = true
            }
        }
        return gaps
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

/// What is missing in the journal of a unit.
struct JournalGaps: Sendable {
    /// Whether it has what systemd says of the unit's start.
    var reachesBack = false
    /// When journald dropped messages of the unit for the last time, in nanoseconds since 1970, and what it says of it.
    var suppressed: (time: Int64, message: String)?

    /// Why a line that is not in the journal may have been written anyway; nil when it was not.
    ///
    /// - Parameters:
    ///   - success: when the last line of success was written: what is missing before it does not matter.
    ///   - isFull: whether the unit has said nothing, which no agent does, or as much as its limit lets through.
    func obstacle(after success: Int64?, hasSucceeded: Bool, _ isTruncated: Bool, isFull: Bool) -> String? {
        if let suppressed, suppressed.time >= success ?? .min { return "journald: \(suppressed.message)" }
        if hasSucceeded { return nil }
        if isTruncated { return "the journal has more messages than were read" }
        if isFull { return "the journal has no message of it, or as many as it may write (LogRateLimitBurst=)" }
        return reachesBack ? nil : "the journal does not reach back to the start"
    }
}

/// Where the output of a unit goes.
struct UnitOutput: Sendable {
    /// Files that it goes to.
    private(set) var files: [String] = []
    /// The namespace of its journal; nil for the system's.
    private(set) var namespace: String?
    /// How many messages journald takes in a period, where the unit has a limit of its own.
    private(set) var burst: Int?
    /// Why what is missing says nothing; nil when it does.
    private(set) var obstacle: String?

    /// Reads the properties of a unit (systemd.exec(5)) and those of journald's own.
    ///
    /// - Parameter opened: what its main process has open as its standard error and output.
    init(of unit: UnitProperties, opened: [String], journald: UnitProperties) {
        namespace = unit["LogNamespace"]
        burst = unit.number("LogRateLimitBurst").flatMap { $0 > 0 ? Int(clamping: $0) : nil }
        let standard = unit["StandardOutput"] ?? "journal"
        let error = unit["StandardError"].flatMap { $0 == "inherit" ? nil : $0 } ?? standard
        let kinds = [error, standard].map { Ascii.text($0.utf8.prefix { $0 != UInt8(ascii: ":") }) }
        if ["file", "append", "truncate"].contains(where: { kinds.contains($0) }) {
            for path in opened where path.startsBytewise("/") && !path.startsBytewise("/dev/") && !files.contains(path)
            {
                files.append(path)
            }
        }
        if !files.isEmpty { return }
        let journals = ["journal", "journal+console", "syslog", "kmsg", "syslog+console", "kmsg+console"]
        if !journals.contains(error) {
            obstacle = "its output goes to '\(error)' (StandardError=)"
        } else if let level = unit.number("LogLevelMax"), (0..<6).contains(level) {
            obstacle = "the unit keeps messages of level \(level) and worse alone (LogLevelMax=)"
        } else if namespace == nil, journald["ActiveState"].map({ $0 != "active" }) ?? false {
            obstacle = "systemd-journald does not run"
        }
    }
}
