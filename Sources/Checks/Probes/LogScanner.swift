import CLinux
import Files
import Glibc
import Platform

/// Searches log files in blocks: of a line that no pattern's text occurs in, nothing is looked at.
struct LogScanner {
    /// What is wanted of the lines.
    struct Wishes: Sendable {
        var countsLines = false
        var findsErrors = false
        var findsFirstLine = false
        /// Lines that are older do not count, in nanoseconds since 1970.
        var since: Int64?
    }

    private let patterns: [LogPattern]
    private let wishes: Wishes
    private let deadline: ContinuousClock.Instant
    private let now = KernelClock.wall
    private(set) var findings: LogFindings
    /// The time of the last line with one in the blocks before.
    private var lastTime: Int64?
    /// Why the search of a file was given up.
    private var fault: ProbeError?

    private static let block = 1 << 20
    /// Lines are cut here: a log is for people.
    private static let lineLimit = 1 << 20

    /// Creates a search.
    ///
    /// - Parameters:
    ///   - after: the pattern after whose last match errors and failures count.
    ///   - failure: the pattern of lines that say why something failed.
    init(
        _ patterns: [LogPattern], after: String?, failure: String? = nil, wishes: Wishes,
        deadline: ContinuousClock.Instant
    ) {
        self.patterns = patterns
        self.wishes = wishes
        self.deadline = deadline
        findings = LogFindings(names: patterns.map(\.name), after: after, failure: failure)
    }

    /// What kind of failure the last message that reports one is of: the first other pattern that matches it, else its kind
    /// by the words that all programs use, else `other`; nil when nothing has failed since the last match of `after`.
    func reason() throws(ProbeError) -> (kind: String, line: String)? {
        guard let line = findings.failureLine else { return nil }
        for pattern in patterns
        where !findings.isRole(pattern.name) && line.containsBytewise(Ascii.text(pattern.literal)) {
            if try pattern.match(line) != nil { return (pattern.name, line) }
        }
        return (FailureReason(of: line)?.rawValue ?? "other", line)
    }

    /// Searches a file to its end.
    mutating func scan(_ path: String) throws(ProbeError) {
        do throws(FileError) {
            let file = try InputFile(path: path)
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: Self.block + Self.lineLimit, alignment: 4096)
            defer { buffer.deallocate() }
            var kept = 0
            // A file that grows while it is read is read up to where it ended: it may grow for ever.
            var left = max(file.status.size, 1)
            while left > 0, fault == nil {
                if deadline < .now {
                    throw FileError(operation: "search", path: path, errno: ETIMEDOUT)
                }
                let room = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[kept..<(kept + Int(min(Int64(Self.block), left)))])
                let count = try file.read(into: room)
                if count == 0 { break }
                left -= Int64(count)
                let filled = UnsafeRawBufferPointer(rebasing: buffer[..<(kept + count)])
                let end = Self.lastNewline(filled)
                guard let end else {
                    kept += count
                    // A line that does not end: what there is of it is taken for one.
                    if kept >= Self.lineLimit {
                        process(filled)
                        kept = 0
                    }
                    continue
                }
                process(UnsafeRawBufferPointer(rebasing: filled[...end]))
                let rest = filled[(end + 1)...]
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest))
                kept = rest.count
            }
            if kept > 0 { process(UnsafeRawBufferPointer(rebasing: buffer[..<kept])) }
        } catch { throw ProbeError(error) }
        if let fault { throw fault }
    }

    /// A line of another source, such as the journal.
    mutating func add(line: String, time: Int64?, isError: Bool) throws(ProbeError) {
        if let since = wishes.since, let time, time < since { return }
        findings.lines += 1
        if findings.firstLine == nil { findings.firstLine = line }
        if findings.firstTime == nil { findings.firstTime = time }
        for (index, pattern) in patterns.enumerated() where line.containsBytewise(Ascii.text(pattern.literal)) {
            if let match = try pattern.match(line) { findings.add(match, of: index, line: line, time: time) }
        }
        if wishes.findsErrors, isError || LogLevel.isError(Array(line.utf8)[...]) { findings.addError(line) }
    }

    /// A candidate: the beginning of its line, and the pattern, or the number of patterns for an error.
    private struct Candidate {
        var start: Int
        var pattern: Int
    }

    /// Searches whole lines.
    private mutating func process(_ bytes: UnsafeRawBufferPointer) {
        if wishes.findsFirstLine, findings.firstLine == nil, wishes.since == nil {
            findings.firstLine = Self.text(Self.line(at: 0, in: bytes))
        }
        if findings.firstTime == nil, wishes.since != nil || wishes.findsFirstLine {
            findings.firstTime = LogTime.nanoseconds(Self.line(at: 0, in: bytes), now: now)
        }
        if wishes.since == nil, wishes.countsLines { findings.lines += Self.countLines(bytes) }
        var candidates: [Candidate] = []
        for (index, pattern) in patterns.enumerated() { find(pattern.literal, index, in: bytes, &candidates) }
        if wishes.findsErrors { findErrors(in: bytes, &candidates) }
        candidates.sort { ($0.start, $0.pattern) < ($1.start, $1.pattern) }
        if wishes.since != nil, wishes.countsLines || wishes.findsFirstLine { countSince(bytes) }
        for candidate in candidates {
            // Nobody waits any more, and an expression may take long with every line.
            if deadline < .now { break }
            do throws(ProbeError) {
                try take(candidate, in: bytes)
            } catch {
                fault = error
                break
            }
        }
        if wishes.since != nil || !candidates.isEmpty {
            lastTime = time(ofLineAt: bytes.count, in: bytes) ?? lastTime
        }
    }

    private func find(
        _ literal: [UInt8], _ pattern: Int, in bytes: UnsafeRawBufferPointer, _ candidates: inout [Candidate]
    ) {
        var position = 0
        while position < bytes.count {
            var start = position
            if !literal.isEmpty {
                guard let hit = Self.find(literal, in: bytes, from: position) else { return }
                start = Self.startOfLine(hit, in: bytes)
            }
            candidates.append(Candidate(start: start, pattern: pattern))
            position = Self.endOfLine(start, in: bytes) + 1
        }
    }

    /// Lines that say so themselves.
    private func findErrors(in bytes: UnsafeRawBufferPointer, _ candidates: inout [Candidate]) {
        var starts: Set<Int> = []
        if let first = bytes.first, "EF".utf8.contains(first) { starts.insert(0) }
        for mark in LogLevel.marks {
            let mark = Array(mark.utf8)
            var position = 0
            while let hit = Self.find(mark, in: bytes, from: position) {
                let start = mark[0] == Ascii.newline ? hit + 1 : Self.startOfLine(hit, in: bytes)
                starts.insert(start)
                position = max(hit + 1, Self.endOfLine(start, in: bytes))
            }
        }
        for start in starts where LogLevel.isError(Array(Self.line(at: start, in: bytes).prefix(1 << 16))[...]) {
            candidates.append(Candidate(start: start, pattern: patterns.count))
        }
    }

    private mutating func take(_ candidate: Candidate, in bytes: UnsafeRawBufferPointer) throws(ProbeError) {
        let line = Self.line(at: candidate.start, in: bytes)
        let time = time(ofLineAt: candidate.start, in: bytes) ?? lastTime
        if let since = wishes.since, let time, time < since { return }
        let text = Self.text(line)
        if candidate.pattern == patterns.count {
            findings.addError(text)
        } else if let match = try patterns[candidate.pattern].match(text) {
            findings.add(match, of: candidate.pattern, line: text, time: time)
        }
    }

    /// Counts the lines that are new enough; those without a time go with the one before.
    private mutating func countSince(_ bytes: UnsafeRawBufferPointer) {
        guard let since = wishes.since else { return }
        var position = 0
        var current = lastTime
        while position < bytes.count {
            let line = Self.line(at: position, in: bytes)
            current = LogTime.nanoseconds(line, now: now) ?? current
            if current.map({ $0 >= since }) ?? true {
                findings.lines += 1
                if findings.firstLine == nil { findings.firstLine = Self.text(line) }
            }
            position += line.count + 1
        }
    }

    /// The time of the line at a position, or of the nearest one before it, in this block.
    private func time(ofLineAt position: Int, in bytes: UnsafeRawBufferPointer) -> Int64? {
        var start = position
        // A stack trace has no times, but is not endless.
        for _ in 0..<200 {
            if start < bytes.count, let time = LogTime.nanoseconds(Self.line(at: start, in: bytes), now: now) {
                return time
            }
            guard start > 0 else { return nil }
            start = Self.startOfLine(start - 1, in: bytes)
        }
        return nil
    }

    // MARK: - bytes

    private static func find(_ needle: [UInt8], in bytes: UnsafeRawBufferPointer, from position: Int) -> Int? {
        guard position < bytes.count, let base = bytes.baseAddress else { return nil }
        return needle.withUnsafeBytes { needle in
            clinux_find(base + position, bytes.count - position, needle.baseAddress, needle.count).map { $0 - base }
        }
    }

    private static func lastNewline(_ bytes: UnsafeRawBufferPointer) -> Int? {
        // memchr(3) is quick to say that there is none; where there is one, the last is mostly near the end.
        guard endOfLine(0, in: bytes) < bytes.count else { return nil }
        return bytes.lastIndex(of: Ascii.newline)
    }

    /// Where the line of a position begins; a position of a newline belongs to the line that it ends.
    private static func startOfLine(_ position: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        var start = position
        while start > 0, bytes[start - 1] != Ascii.newline { start -= 1 }
        return start
    }

    /// Where the line of a position ends: at its newline or at the end.
    private static func endOfLine(_ position: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        guard position < bytes.count, let base = bytes.baseAddress,
            let end = memchr(base + position, Int32(Ascii.newline), bytes.count - position)
        else { return bytes.count }
        return UnsafeRawPointer(end) - base
    }

    private static func line(at start: Int, in bytes: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer> {
        bytes[start..<endOfLine(start, in: bytes)]
    }

    private static func text(_ line: Slice<UnsafeRawBufferPointer>) -> String {
        let line = line.last == 0x0d ? line.dropLast() : line
        return String(decoding: UnsafeRawBufferPointer(rebasing: line), as: UTF8.self)
    }

    private static func countLines(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        var count: Int64 = 0
        for byte in bytes where byte == Ascii.newline { count &+= 1 }
        // The last line of a file may have no end.
        return bytes.last == Ascii.newline ? count : count + 1
    }
}

/// What was found in a log, line by line in its order.
struct LogFindings: Sendable {
    /// A line that matched.
    struct Line: Sendable, Hashable {
        var pattern: String
        var text: String
        /// Nanoseconds since 1970; nil where the line and those before it have no time.
        var time: Int64?
    }

    /// Lines and errors that are kept: the last ones.
    private static let limit = 100
    private static let lineLimit = 4096

    private let names: [String]
    private let after: String?
    private let failure: String?
    private var next = 0
    /// The last line of the pattern `failure` behind the last one of `after`.
    private var lastFailure: String?
    private(set) var found: Set<String> = []
    private(set) var matches: [Line] = []
    private(set) var matchCounts: [String: Int64] = [:]
    private(set) var captures: [String: String] = [:]
    private(set) var last: [String: Int64] = [:]
    private(set) var errors: [String] = []
    private(set) var errorCount: Int64 = 0
    var lines: Int64 = 0
    var firstLine: String?
    /// The time of the first line that has one.
    var firstTime: Int64?

    init(names: [String], after: String?, failure: String? = nil) {
        self.names = names
        self.after = after
        self.failure = failure
    }

    /// Whether a pattern marks success or failure, and so is not a kind of failure itself.
    func isRole(_ name: String) -> Bool { name == after || name == failure }

    /// The line that says why something failed, behind the last match of `after`.
    var failureLine: String? { lastFailure ?? errors.last }

    /// Whether a line matched the pattern of success.
    var hasSucceeded: Bool { after.map { found.contains($0) } ?? false }

    /// Whether lines matched all patterns in their order.
    var isInOrder: Bool { next == names.count }

    /// A line that matched the pattern of an index.
    mutating func add(_ match: LogPattern.Match, of pattern: Int, line: String, time: Int64?) {
        let name = names[pattern]
        found.insert(name)
        matchCounts[name, default: 0] += 1
        captures.merge(match.captures) { $1 }
        if let time { last[name] = time }
        if pattern == next { next += 1 }
        matches.append(Line(pattern: name, text: line.shortened(to: Self.lineLimit), time: time))
        if matches.count > 2 * Self.limit { matches.removeFirst(Self.limit) }
        if name == failure { lastFailure = line.shortened(to: Self.lineLimit) }
        if name == after {
            errors = []
            errorCount = 0
            lastFailure = nil
        }
    }

    /// A line that reports an error.
    mutating func addError(_ line: String) {
        errorCount += 1
        errors.append(line.shortened(to: Self.lineLimit))
        if errors.count > 2 * Self.limit { errors.removeFirst(Self.limit) }
    }

    /// The attributes of the probe.
    ///
    /// - Parameter isConclusive: whether a line that was not found is not there; else nothing is said of it.
    func attributes(isConclusive: Bool = true) -> [String: Value] {
        let told = isConclusive ? names : names.filter { found.contains($0) }
        var values: [String: Value] = [
            "lines": .integer(lines),
            "found": .map(Dictionary(told.map { ($0, .bool(found.contains($0))) }) { first, _ in first }),
            "counts": .map(Dictionary(names.map { ($0, .integer(matchCounts[$0] ?? 0)) }) { first, _ in first }),
            "matches": .texts(matches.suffix(Self.limit).map(\.text)),
            "in-order": .bool(isInOrder), "captures": .textMap(captures),
            "last": .map(last.mapValues { .time($0) }),
            "errors": .texts(errors.suffix(Self.limit)),
            "error-count": .integer(errorCount), "first-line": .text(orNull: firstLine?.shortened(to: Self.lineLimit)),
        ]
        if !isConclusive, !isInOrder { values["in-order"] = nil }
        return values
    }

    /// What a person wants to see.
    func evidence(of source: String) -> [String] {
        var lines = names.map { name in
            found.contains(name)
                ? "\(name): " + (matches.last { $0.pattern == name }?.text ?? "found")
                : "\(name): not found in \(source)"
        }
        if !names.isEmpty, !isInOrder, found.count == Set(names).count {
            lines.append("the lines are in another order")
        }
        lines += errors.suffix(3)
        return lines.map { SecretMask.maskedKeys($0).shortened() }
    }
}

/// When a line of a log was written.
enum LogTime {
    /// Nanoseconds since 1970 of a line in the format of glog (local time, no year) or of the later agents (RFC 3339,
    /// then a tab); nil for a line in another format.
    ///
    /// - Parameter now: the year of glog's format is the last in which the line is not from the future. A day more is
    ///   allowed, for clocks that were set back.
    static func nanoseconds(_ line: some BidirectionalCollection<UInt8>, now: Int64) -> Int64? {
        guard let first = line.first else { return nil }
        if Ascii.isDigit(first) { return rfc3339(line.prefix(40)) }
        guard "IWEF".utf8.contains(first),
            let stamp = GlogLine(String(decoding: Array(line.prefix(200)), as: UTF8.self))
        else { return nil }
        return nanoseconds(stamp, now: now)
    }

    /// The moment of a line of glog.
    static func nanoseconds(_ line: GlogLine, now: Int64) -> Int64? {
        var clock = time_t(now / 1_000_000_000)
        var broken = tm()
        localtime_r(&clock, &broken)
        let year = Int64(broken.tm_year) + 1900
        // Eight years back there is a leap day even around a century without one.
        for candidate in stride(from: year + 1, through: year - 8, by: -1) {
            let date = CivilTime(year: candidate, month: line.month, day: line.day)
            guard date.isDate else { continue }
            let seconds = line.microseconds / 1_000_000
            var parts = tm()
            parts.tm_year = Int32(candidate - 1900)
            parts.tm_mon = Int32(line.month - 1)
            parts.tm_mday = Int32(line.day)
            parts.tm_hour = Int32(seconds / 3600)
            parts.tm_min = Int32(seconds / 60 % 60)
            parts.tm_sec = Int32(seconds % 60)
            parts.tm_isdst = -1
            let moment = Int64(mktime(&parts)) * 1_000_000_000 + line.microseconds % 1_000_000 * 1000
            if moment <= now &+ 86_400_000_000_000 { return moment }
        }
        return nil
    }

    /// `2020-02-11T12:53:43.831908Z` in front of a tab or blank.
    private static func rfc3339(_ bytes: some Collection<UInt8>) -> Int64? {
        RFC3339.nanoseconds(Ascii.text(bytes.prefix { !Ascii.isBlank($0) }))
    }
}
