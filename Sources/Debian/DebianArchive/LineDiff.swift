import Platform

/// The difference of two texts by lines, in the unified format of diff(1).
public struct LineDiff: Sendable, Hashable {
    /// One line of a hunk.
    public enum Line: Sendable, Hashable {
        /// The same in both.
        case context(String)
        /// Only in the first.
        case removed(String)
        /// Only in the second.
        case added(String)

        /// The line with its mark, control characters made visible but for the tab.
        public var text: String {
            switch self {
            case .context(let line): " " + Self.visible(line)
            case .removed(let line): "-" + Self.visible(line)
            case .added(let line): "+" + Self.visible(line)
            }
        }

        private static func visible(_ line: String) -> String {
            line.split(separator: "\t", omittingEmptySubsequences: false).map { DisplayText.inline(String($0)) }
                .joined(separator: "\t")
        }
    }

    /// Changes that stand close together.
    public struct Hunk: Sendable, Hashable {
        /// The first line in the first text, from 1; 0 when it has none of the lines.
        public var oldStart: Int
        /// Lines of the first text.
        public var oldCount: Int
        /// The first line in the second text, from 1; 0 when it has none of the lines.
        public var newStart: Int
        /// Lines of the second text.
        public var newCount: Int
        /// The lines.
        public var lines: [Line]

        /// `@@ -1,3 +1,4 @@`.
        public var header: String { "@@ -\(oldStart),\(oldCount) +\(newStart),\(newCount) @@" }
    }

    /// The hunks in order; empty for equal texts.
    public var hunks: [Hunk]

    /// The comparison of two texts.
    ///
    /// It is the shortest one as long as the parts that differ have fewer than four million pairs of lines; beyond that
    /// the whole part counts as replaced.
    public init(_ old: [UInt8], _ new: [UInt8], context: Int = 3) {
        let oldLines = Self.lines(old)
        let newLines = Self.lines(new)
        hunks = Self.hunks(Self.edits(oldLines, newLines), context: max(0, context))
    }

    /// The hunks with their headers, one line each, without the names of the files.
    public var text: [String] {
        hunks.flatMap { [$0.header] + $0.lines.map(\.text) }
    }

    private static let pairLimit = 4 << 20

    /// diff(1) tells a missing newline at the end; here it becomes part of the last line.
    private static func lines(_ bytes: [UInt8]) -> [String] {
        var lines = TextLines.of(bytes)
        if let last = bytes.last, last != UInt8(ascii: "\n") { lines[lines.count - 1] += " (no newline at the end)" }
        return lines
    }

    private static func edits(_ old: [String], _ new: [String]) -> [Line] {
        var start = 0
        while start < old.count, start < new.count, old[start] == new[start] { start += 1 }
        var oldEnd = old.count
        var newEnd = new.count
        while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
            oldEnd -= 1
            newEnd -= 1
        }
        return old[..<start].map(Line.context) + middle(Array(old[start..<oldEnd]), Array(new[start..<newEnd]))
            + old[oldEnd...].map(Line.context)
    }

    private static func middle(_ old: [String], _ new: [String]) -> [Line] {
        // The standard library's algorithm takes memory by the square of what differs.
        let (pairs, overflow) = old.count.multipliedReportingOverflow(by: new.count)
        guard !overflow, pairs > 0, pairs <= pairLimit else { return old.map(Line.removed) + new.map(Line.added) }
        let difference = new.difference(from: old)
        var (removals, insertions) = (difference.removals[...], difference.insertions[...])
        var lines: [Line] = []
        var row = 0
        var column = 0
        while row < old.count || column < new.count {
            if case .remove(row, let line, _) = removals.first {
                lines.append(.removed(line))
                removals = removals.dropFirst()
                row += 1
            } else if case .insert(column, let line, _) = insertions.first {
                lines.append(.added(line))
                insertions = insertions.dropFirst()
                column += 1
            } else {
                lines.append(.context(old[row]))
                row += 1
                column += 1
            }
        }
        return lines
    }

    private static func hunks(_ edits: [Line], context: Int) -> [Hunk] {
        var hunks: [Hunk] = []
        var current: Hunk?
        var before: [Line] = []
        var trailing = 0
        var oldLine = 0
        var newLine = 0
        for edit in edits {
            if case .context = edit {
                oldLine += 1
                newLine += 1
                if current == nil {
                    before.append(edit)
                    if before.count > context { before.removeFirst() }
                } else {
                    current?.lines.append(edit)
                    trailing += 1
                    // Two hunks that would touch become one.
                    if trailing > 2 * context {
                        close(&current, trailing: trailing, context: context, into: &hunks, before: &before)
                        trailing = 0
                    }
                }
                continue
            }
            if current == nil {
                current = Hunk(
                    oldStart: oldLine - before.count + 1, oldCount: 0, newStart: newLine - before.count + 1,
                    newCount: 0,
                    lines: before)
                before = []
            }
            current?.lines.append(edit)
            trailing = 0
            if case .removed = edit { oldLine += 1 } else { newLine += 1 }
        }
        close(&current, trailing: trailing, context: context, into: &hunks, before: &before)
        return hunks
    }

    private static func close(
        _ current: inout Hunk?, trailing: Int, context: Int, into hunks: inout [Hunk], before: inout [Line]
    ) {
        guard var hunk = current else { return }
        let surplus = max(0, trailing - context)
        before = Array(hunk.lines.suffix(min(context, trailing)))
        hunk.lines.removeLast(surplus)
        for line in hunk.lines {
            switch line {
            case .context:
                hunk.oldCount += 1
                hunk.newCount += 1
            case .removed: hunk.oldCount += 1
            case .added: hunk.newCount += 1
            }
        }
        if hunk.oldCount == 0 { hunk.oldStart -= 1 }
        if hunk.newCount == 0 { hunk.newStart -= 1 }
        hunks.append(hunk)
        current = nil
    }
}
