import Glibc

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
        if run.isTruncated, let end = output.lastIndex(of: Bytes.newline) { output = output[...end] }
        let entries = try parse(Array(output), of: unit)
        return (entries, run.isTruncated || entries.count == entryLimit)
    }

    /// Entries as `journalctl --output=json` prints them, an object in each line.
    static func parse(_ output: [UInt8], of unit: String) throws(ProbeError) -> [Entry] {
        var entries: [Entry] = []
        for line in output.split(separator: Bytes.newline) {
            guard case .map(let fields) = try JSONReader.read(Array(line), of: "the journal of \(unit)") else {
                throw ProbeError(
                    .malformed, "read the journal of \(unit)", expected: "objects", found: Bytes.text(line.prefix(80)))
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

    /// A message is a text, or numbers where it is no UTF-8, or a list of them where there are several.
    private static func message(_ value: Value?) -> String {
        switch value {
        case .text(let text)?: return text
        case .list(let items)?:
            var bytes: [UInt8] = []
            for item in items {
                if case .integer(let number) = item, let byte = UInt8(exactly: number) { bytes.append(byte) }
                if case .text(let text) = item { bytes += Array(text.utf8) + [Bytes.newline] }
            }
            return Bytes.text(bytes)
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
