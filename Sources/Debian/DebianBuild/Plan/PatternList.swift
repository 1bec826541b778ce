import Platform
import DebianArchive
import Documents

/// `include` or `exclude` patterns that know whether they ever matched: one that does not is a spelling mistake or a
/// leftover.
struct PatternList {
    private var patterns: [(pattern: GlobPattern, range: SourceRange?, isUsed: Bool)]
    /// What was decided of directories, for paths whose directories are not walked through one by one.
    private var directories: [ByteKey: Bool] = [:]
    /// The patterns that decided of directories, likewise.
    private var decisions: [ByteKey: Int?] = [:]

    var isEmpty: Bool { patterns.isEmpty }

    init(_ texts: [Located<String>]) {
        patterns = texts.map { (GlobPattern($0.value), $0.range, false) }
    }

    /// What the patterns say of one path alone: the last one that matches decides, as in gitignore(5).
    mutating func excludes(_ path: String, isDirectory: Bool) -> Bool {
        decisive(for: path, isDirectory: isDirectory).map { !patterns[$0].pattern.isNegated } ?? false
    }

    /// The last pattern that matches the path; nil where none does.
    private mutating func decisive(for path: String, isDirectory: Bool) -> Int? {
        var last: Int?
        for index in patterns.indices where patterns[index].pattern.matches(path, isDirectory: isDirectory) {
            patterns[index].isUsed = true
            last = index
        }
        return last
    }

    /// Whether the patterns select the path: the last one that matches it or a directory above it decides. A list without
    /// patterns selects everything.
    ///
    /// A part of a directory can be taken back, which git does not do because it does not look into what it ignores.
    mutating func includesWithin(_ path: String, isDirectory: Bool) -> Bool {
        if patterns.isEmpty { return true }
        return decisiveWithin(path, isDirectory: isDirectory).map { !patterns[$0].pattern.isNegated } ?? false
    }

    private mutating func decisiveWithin(_ path: String, isDirectory: Bool) -> Int? {
        if isDirectory, let known = decisions[ByteKey(path)] { return known }
        var last: Int?
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
            last = decisiveWithin(String(path[..<slash]), isDirectory: true)
        }
        if let own = decisive(for: path, isDirectory: isDirectory) { last = max(own, last ?? own) }
        if isDirectory { decisions[ByteKey(path)] = .some(last) }
        return last
    }

    /// Whether the path or a directory above it is excluded: nothing can be taken back out of an excluded directory.
    mutating func excludesWithin(_ path: String, isDirectory: Bool) -> Bool {
        if patterns.isEmpty { return false }
        if isDirectory, let known = directories[ByteKey(path)] { return known }
        var isExcluded = false
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
            isExcluded = excludesWithin(String(path[..<slash]), isDirectory: true)
        }
        // Asked anyway: a pattern that matches here is not one that matches nothing.
        let isMatched = excludes(path, isDirectory: isDirectory)
        isExcluded = isExcluded || isMatched
        if isDirectory { directories[ByteKey(path)] = isExcluded }
        return isExcluded
    }

    func reportUnused(of subject: String, diagnostics: inout Diagnostics) {
        for item in patterns where !item.isUsed {
            diagnostics.warning(
                "pattern-unused", "'\(item.pattern.text)' matches nothing in \(subject)", at: item.range)
        }
    }
}

/// `rules` of a tree or archive.
struct RuleList {
    struct Decision {
        var mode: UInt16?
        var owner: Located<String>?
        var group: Located<String>?
        var isConffile = false
        var foreignCode: ForeignMachineCode?
        var strips: Bool?
    }

    private var rules: [(pattern: GlobPattern, rule: ContentRule, isUsed: Bool)]

    init(_ rules: [ContentRule], diagnostics: inout Diagnostics) {
        self.rules = rules.map { (GlobPattern($0.match.value), $0, false) }
        for item in self.rules where item.pattern.isNegated {
            diagnostics.error(
                "rule-negated", "'\(item.pattern.text)' begins with '!', which a rule cannot",
                at: item.rule.match.range,
                help: "only 'include' and 'exclude' take matches back; write '\\!' for a name that begins so")
        }
    }

    /// What the matching rules say together; a later rule wins over an earlier one.
    mutating func decision(for path: String, isDirectory: Bool) -> Decision {
        var decision = Decision()
        for index in rules.indices where rules[index].pattern.matches(path, isDirectory: isDirectory) {
            rules[index].isUsed = true
            let rule = rules[index].rule
            decision.mode = rule.mode ?? decision.mode
            decision.owner = rule.owner ?? decision.owner
            decision.group = rule.group ?? decision.group
            decision.isConffile = rule.isConffile || decision.isConffile
            decision.foreignCode = rule.foreignCode ?? decision.foreignCode
            decision.strips = rule.strips ?? decision.strips
        }
        return decision
    }

    func reportUnused(of subject: String, diagnostics: inout Diagnostics) {
        for item in rules where !item.isUsed {
            diagnostics.warning(
                "pattern-unused", "'\(item.pattern.text)' matches nothing in \(subject)", at: item.rule.match.range)
        }
    }
}
