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

    init(
        _ patterns: [LogPattern], after: String?, wishes: Wishes, deadline: ContinuousClock.Instant
    ) {
        self.patterns = patterns
        self.wishes = wishes
        self.deadline = deadline
        findings = LogFindings(names: patterns.map(\.name), after: after)
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
        for (index, pattern) in patterns.enumerated() where line.containsBytewise(Bytes.text(pattern.literal)) {
            if let match = try pattern.match(line) { findings.add(match, of: index, line: line, time: time) }
        }
        if wishes.findsErrors, isError || LogTime.isError(Array(line.utf8)[...]) { findings.addError(line) }
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

    /// Lines that begin as errors do, or have the word of the later format in them.
    private func findErrors(in bytes: UnsafeRawBufferPointer, _ candidates: inout [Candidate]) {
        var starts: Set<Int> = []
        if let first = bytes.first, "EF".utf8.contains(first) { starts.insert(0) }
        for mark in ["\nE", "\nF", "\terror\t", "\tfatal\t"] {
            let mark = Array(mark.utf8)
            var position = 0
            while let hit = Self.find(mark, in: bytes, from: position) {
                let start = mark[0] == Bytes.newline ? hit + 1 : Self.startOfLine(hit, in: bytes)
                starts.insert(start)
                position = hit + 1
            }
        }
        for start in starts where LogTime.isError(Array(Self.line(at: start, in: bytes).prefix(200))[...]) {
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
        return bytes.lastIndex(of: Bytes.newline)
    }

    /// Where the line of a position begins; a position of a newline belongs to the line that it ends.
    private static func startOfLine(_ position: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        var start = position
        while start > 0, bytes[start - 1] != Bytes.newline { start -= 1 }
        return start
    }

    /// Where the line of a position ends: at its newline or at the end.
    private static func endOfLine(_ position: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        guard position < bytes.count, let base = bytes.baseAddress,
            let end = memchr(base + position, Int32(Bytes.newline), bytes.count - position)
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
        for byte in bytes where byte == Bytes.newline { count &+= 1 }
        // The last line of a file may have no end.
        return bytes.last == Bytes.newline ? count : count + 1
    }
}
