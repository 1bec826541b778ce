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
    private var next = 0
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

    init(names: [String], after: String?) {
        self.names = names
        self.after = after
    }

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
        if name == after {
            errors = []
            errorCount = 0
        }
    }

    /// A line that reports an error.
    mutating func addError(_ line: String) {
        errorCount += 1
        errors.append(line.shortened(to: Self.lineLimit))
        if errors.count > 2 * Self.limit { errors.removeFirst(Self.limit) }
    }

    /// The attributes of the probe.
    func attributes() -> [String: Value] {
        [
            "lines": .integer(lines),
            "found": .map(Dictionary(names.map { ($0, .bool(found.contains($0))) }) { first, _ in first }),
            "counts": .map(Dictionary(names.map { ($0, .integer(matchCounts[$0] ?? 0)) }) { first, _ in first }),
            "matches": .texts(matches.suffix(Self.limit).map { Secrets.masked($0.text) }),
            "in-order": .bool(isInOrder), "captures": .textMap(captures.mapValues { Secrets.masked($0) }),
            "last": .map(last.mapValues { .time($0) }),
            "errors": .texts(errors.suffix(Self.limit).map { Secrets.masked($0) }),
            "error-count": .integer(errorCount), "first-line": .text(orNull: firstLine?.shortened(to: Self.lineLimit)),
        ]
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
        return lines.map { Secrets.masked($0).shortened() }
    }
}
