import Files
import Platform

/// What the last run of a service said, and which line of it says why the run failed.
struct FailureLines: Sendable {
    /// A line with its time, in nanoseconds since 1970.
    struct Line: Sendable, Hashable {
        var text: String
        var time: Int64?
        var isError = false
    }

    /// The line that says why; nil when nothing does.
    private(set) var line: String?
    /// What kind of failure it reports; nil when it is of no known kind.
    private(set) var reason: FailureReason?

    /// How long before the end a message may be to be its reason, in nanoseconds.
    private static let memory: Int64 = 60_000_000_000

    /// Chooses among the lines of a run: the last error of a known kind, else the last error, else the last line that is
    /// not systemd's bookkeeping, else how the process ended.
    init(_ lines: [Line]) {
        let end = lines.last { $0.time != nil }?.time
        let recent = lines.filter { line in
            guard let end, let time = line.time else { return !line.text.isEmpty }
            return !line.text.isEmpty && time >= end - Self.memory
        }
        let own = recent.filter { line in
            !(Self.bookkeeping + Self.noise).contains { line.text.containsBytewise($0) }
        }
        let errors = own.filter {
            $0.isError || Self.looksLikeError($0.text) || FailureReason(of: $0.text)?.isUnmistakable ?? false
        }
        for candidate in errors.reversed() {
            guard let known = FailureReason(of: candidate.text) else { continue }
            line = candidate.text
            reason = known
            return
        }
        let ended = recent.last { line in ["code=killed", "code=dumped"].contains { line.text.containsBytewise($0) } }
        if let ended {
            line = ended.text
            // Without a dump, too, a signal that the program's own fault raises is a crash.
            let crashes = ["code=dumped", "/SEGV", "/ABRT", "/ILL", "/TRAP", "/BUS", "/FPE", "/SYS"]
            reason = crashes.contains { ended.text.containsBytewise($0) } ? .crashed : .killed
            return
        }
        line = (errors.last { !Self.isSummary($0.text) } ?? errors.last ?? own.last ?? recent.last)?.text
    }

    /// What systemd says of every service that ends, whatever the reason.
    private static let bookkeeping = [
        "Main process exited", "Control process exited", "Failed with result", "Scheduled restart job", "Consumed ",
        "Deactivated successfully", "Started ", "Starting ", "Stopped ", "Stopping ", "Failed to start ",
        "Start request repeated too quickly",
    ]

    /// What libraries say of something that they do without: gRPC's threads without a priority of their own.
    private static let noise = ["Failed to set thread priority"]

    /// What an agent says at the end of a series of failures, each of which it has reported.
    private static func isSummary(_ text: String) -> Bool {
        ["max number of retries", "Giving up", "Trying again in"].contains { text.containsBytewise($0) }
    }

    private static func looksLikeError(_ text: String) -> Bool {
        if LogLevel.isError(Array(text.utf8)[...]) { return true }
        // What Envoy warns of has words of errors in it.
        if ["][warning][", "][info]["].contains(where: { text.containsBytewise($0) }) { return false }
        let lower = text.lowercased()
        return [
            "error", "fail", "cannot", "unable", "invalid", "refuse", "not found", "critical", "panic", "denied", "oom",
            "skipped because", "there is no", "no such",
        ].contains { lower.containsBytewise($0) }
    }
}

extension FailureLines {
    /// How much of the end of a file is read, in bytes.
    private static let tail = 1 << 16

    /// The last lines of a file that were written since a moment; those without a time go with the one before.
    static func lines(ofFile path: String, since start: Int64) throws(ProbeError) -> [Line] {
        guard let facts = try FileFacts.read(path, followLinks: true), facts.type == "file", facts.size > 0 else {
            return []
        }
        let bytes: [UInt8]
        do throws(FileError) {
            let file = try InputFile(path: path)
            let from = max(0, facts.size - Int64(tail))
            bytes = try file.bytes(at: from, count: tail)
        } catch { throw ProbeError(error) }
        let now = KernelClock.wall
        var time: Int64?
        let lines = bytes.split(separator: Ascii.newline).map { raw in
            let own = LogTime.nanoseconds(raw, now: now) ?? envoyTime(raw)
            time = own ?? time
            return (line: Line(text: Ascii.text(raw), time: time, isError: LogLevel.isError(raw)), hasTime: own != nil)
        }
        // What a program says as it crashes has no time: what stands at the end was written when the file was.
        let tail = (lines.lastIndex { $0.hasTime } ?? -1) + 1
        return lines.enumerated().compactMap { place, entry in
            var line = entry.line
            if place >= tail { line.time = max(line.time ?? .min, facts.modified) }
            return line.time.map { $0 >= start } ?? false ? line : nil
        }
    }

    /// `[2026-11-28 12:00:00.123][…` as Envoy begins its lines, in UTC.
    private static func envoyTime(_ line: ArraySlice<UInt8>) -> Int64? {
        guard line.first == UInt8(ascii: "["), line.count > 25 else { return nil }
        var stamp = Array(line.dropFirst().prefix(23))
        guard stamp[10] == Ascii.space else { return nil }
        stamp[10] = UInt8(ascii: "T")
        return RFC3339.nanoseconds(Ascii.text(stamp) + "Z")
    }
}

extension Journal {
    /// What the last run of a unit said, and what systemd said of it.
    static func lines(
        ofLastRun unit: UnitProperties, named name: String, on host: Host, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> [FailureLines.Line] {
        var arguments = ["--no-pager", "--quiet", "--output=json", "--output-fields=MESSAGE,PRIORITY", "--lines=200"]
        if let namespace = unit["LogNamespace"] { arguments.append("--namespace=+\(namespace)") }
        var entries: [Entry] = []
        if unit["ActiveState"] != "active", let run = unit["InvocationID"] {
            entries = try await read(
                arguments + ["_SYSTEMD_INVOCATION_ID=\(run)", "+", "INVOCATION_ID=\(run)"], of: name, on: host,
                until: deadline)
        }
        if entries.isEmpty {
            entries = try await read(arguments + ["--boot", "--unit=\(name)"], of: name, on: host, until: deadline)
        }
        return entries.map { FailureLines.Line(text: $0.message, time: $0.time, isError: $0.isError) }
    }
}
