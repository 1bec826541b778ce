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
        var budget = Budget(lines: .max, pairs: Budget().pairs)
        self.init(LineTable(old), LineTable(new), context: context, budget: &budget)
    }

    /// What comparisons may cost together.
    struct Budget {
        /// Lines that differ, of both texts.
        var lines = 200_000
        /// Pairs of lines that are matched with one another.
        var pairs = 4 << 20
    }

    /// The comparison of two of many texts; nil where it would show more lines than are left.
    init?(_ old: [UInt8], _ new: [UInt8], context: Int, within budget: inout Budget) {
        let (old, new) = (LineTable(old), LineTable(new))
        let common = old.common(with: new)
        let count = old.count + new.count - 2 * (common.start + common.end)
        guard count <= budget.lines else { return nil }
        budget.lines -= count
        self.init(old, new, context: context, budget: &budget)
    }

    private init(_ old: LineTable, _ new: LineTable, context: Int, budget: inout Budget) {
        let context = max(0, context)
        let common = old.common(with: new)
        // Of what is the same before and behind, only the context matters.
        let skipped = max(0, common.start - context)
        let (oldMiddle, newMiddle) = (
            common.start..<old.count - common.end, common.start..<new.count - common.end
        )
        let (pairs, overflow) = oldMiddle.count.multipliedReportingOverflow(by: newMiddle.count)
        let isMatched = !overflow && pairs > 0 && pairs <= budget.pairs
        if isMatched { budget.pairs -= pairs }
        var edits = (skipped..<common.start).map { Line.context(old.text($0)) }
        edits +=
            isMatched
            ? Self.matched(old, oldMiddle, new, newMiddle)
            : oldMiddle.map { .removed(old.text($0)) } + newMiddle.map { .added(new.text($0)) }
        edits += (oldMiddle.upperBound..<min(old.count, oldMiddle.upperBound + context)).map { .context(old.text($0)) }
        hunks = Self.hunks(edits, context: context, skipped: skipped)
    }

    /// The hunks with their headers, one line each, without the names of the files.
    public var text: [String] {
        hunks.flatMap { [$0.header] + $0.lines.map(\.text) }
    }

    /// The shortest way from one part to the other.
    private static func matched(
        _ old: LineTable, _ oldPart: Range<Int>, _ new: LineTable, _ newPart: Range<Int>
    ) -> [Line] {
        // Lines are compared by number: most pairs are looked at several times.
        var numbers: [ArraySlice<UInt8>: Int] = [:]
        func number(_ line: ArraySlice<UInt8>) -> Int {
            if let known = numbers[line] { return known }
            numbers[line] = numbers.count
            return numbers.count - 1
        }
        let before = oldPart.map { number(old[$0]) }
        let after = newPart.map { number(new[$0]) }
        let difference = after.difference(from: before)
        var (removals, insertions) = (difference.removals[...], difference.insertions[...])
        var lines: [Line] = []
        var row = 0
        var column = 0
        while row < before.count || column < after.count {
            if case .remove(row, _, _) = removals.first {
                lines.append(.removed(old.text(oldPart.lowerBound + row)))
                removals = removals.dropFirst()
                row += 1
            } else if case .insert(column, _, _) = insertions.first {
                lines.append(.added(new.text(newPart.lowerBound + column)))
                insertions = insertions.dropFirst()
                column += 1
            } else {
                lines.append(.context(old.text(oldPart.lowerBound + row)))
                row += 1
                column += 1
            }
        }
        return lines
    }

    private static func hunks(_ edits: [Line], context: Int, skipped: Int) -> [Hunk] {
        var hunks: [Hunk] = []
        var current: Hunk?
        var before: [Line] = []
        var trailing = 0
        var oldLine = skipped
        var newLine = skipped
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

/// The lines of a text by number, without a string for each: a text may have millions.
private struct LineTable {
    private let bytes: [UInt8]
    /// Where lines begin, and where the last one ends.
    private var starts: [UInt32] = [0]

    /// diff(1) tells a missing newline at the end; here it becomes part of the last line.
    init(_ text: [UInt8]) {
        bytes = text.isEmpty || text.last == Ascii.newline ? text : text + " (no newline at the end)\n".utf8
        starts.reserveCapacity(bytes.count { $0 == Ascii.newline } + 1)
        for (index, byte) in bytes.enumerated() where byte == Ascii.newline {
            starts.append(UInt32(truncatingIfNeeded: index + 1))
        }
    }

    var count: Int { starts.count - 1 }

    subscript(line: Int) -> ArraySlice<UInt8> { bytes[Int(starts[line])..<Int(starts[line + 1]) - 1] }

    func text(_ line: Int) -> String { String(decoding: self[line], as: UTF8.self) }

    /// How many lines are the same at the beginning and, without these, at the end.
    func common(with other: LineTable) -> (start: Int, end: Int) {
        let least = min(count, other.count)
        var start = 0
        while start < least, self[start] == other[start] { start += 1 }
        var end = 0
        while end < least - start, self[count - 1 - end] == other[other.count - 1 - end] { end += 1 }
        return (start, end)
    }
}
