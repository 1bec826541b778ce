import Patterns
import Platform

/// A pattern that lines of a log are searched for.
struct LogPattern {
    /// What it is called in the results.
    var name: String
    /// A text that every matching line has in it; empty when the pattern guarantees none. It is looked for first: a
    /// regular expression costs a thousand times as much.
    var literal: [UInt8]
    /// The expression; nil when the literal is all of the pattern.
    private var expression: Pattern?

    /// What a matching line gave.
    struct Match: Sendable, Hashable {
        /// Values by name: `NAME` for the first group or the whole match, `NAME.1` and so on for each group, and the
        /// groups' own names.
        var captures: [String: String]
    }

    /// Compiles a pattern.
    init(name: String, pattern: String) throws(ProbeError) {
        self.name = name
        literal = RequiredText.longest(in: pattern)
        if literal.elementsEqual(pattern.utf8), !literal.isEmpty { return }
        do throws(PatternSyntaxError) {
            expression = try Pattern(pattern)
        } catch {
            throw ProbeError(
                .invalid, "read pattern \(name)", expected: "a regular expression",
                found: "'\(pattern.shortened())': \(error)")
        }
    }

    /// Tries a line that has the literal in it.
    func match(_ line: String) throws(ProbeError) -> Match? {
        guard let expression else { return Match(captures: [name: Ascii.text(literal)]) }
        let groups: [String?]
        do throws(PatternLimitError) {
            guard let found = try expression.firstMatch(in: line) else { return nil }
            groups = found
        } catch {
            throw ProbeError(
                .invalid, "match pattern \(name) with a line", expected: "an expression that comes to an end",
                found: "'\(expression.source.shortened())': \(error)")
        }
        var captures = [name: groups.dropFirst().compactMap { $0 }.first ?? groups[0] ?? ""]
        for (index, group) in groups.enumerated().dropFirst() { captures["\(name).\(index)"] = group }
        for (groupName, index) in expression.groupNames {
            if let text = groups[index] { captures[groupName] = text }
        }
        return Match(captures: captures)
    }
}

/// The texts that a regular expression cannot match without.
enum RequiredText {
    /// The longest run of plain characters that each match must have; empty when that is not plain to see.
    static func longest(in pattern: String) -> [UInt8] {
        var best: [UInt8] = []
        var current: [UInt8] = []
        func close() {
            if current.count > best.count { best = current }
            current = []
        }
        let scalars = Array(pattern.unicodeScalars)
        var index = 0
        var depth = 0
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            switch scalar {
            // An alternative makes nothing before or behind it certain.
            case "|": if depth == 0 { return [] }
            case "(":
                // Options such as (?i) change what plain characters mean.
                if index + 1 < scalars.count, scalars[index] == "?",
                    ![":", "<", "=", "!", "P"].contains(scalars[index + 1])
                {
                    return []
                }
                close()
                depth += 1
            case ")":
                depth -= 1
                current = []
            case "[":
                close()
                index = endOfClass(scalars, from: index)
            case "?", "*", "{":
                // The character before may be missing.
                dropLast(&current)
                close()
                if scalar == "{" {
                    while index < scalars.count, scalars[index] != "}" { index += 1 }
                    index += 1
                }
            case "+", ".", "^", "$": close()
            case "\\":
                guard index < scalars.count else { return [] }
                let escaped = scalars[index]
                index += 1
                if isPunctuation(escaped) {
                    if depth == 0 { current += Array(String(escaped).utf8) }
                } else if escaped == "Q" || escaped == "x" || escaped == "u" || escaped == "p" || escaped == "P" {
                    // Forms with arguments: too much to follow for a search that is only made faster.
                    return []
                } else {
                    close()
                }
            default: if depth == 0 { current += Array(String(scalar).utf8) }
            }
        }
        close()
        return best
    }

    private static func dropLast(_ bytes: inout [UInt8]) {
        // A whole character, which may be several bytes.
        while let last = bytes.popLast(), last & 0xc0 == 0x80 {}
    }

    private static func endOfClass(_ scalars: [Unicode.Scalar], from start: Int) -> Int {
        var index = start
        if index < scalars.count, scalars[index] == "^" { index += 1 }
        if index < scalars.count, scalars[index] == "]" { index += 1 }
        while index < scalars.count, scalars[index] != "]" { index += scalars[index] == "\\" ? 2 : 1 }
        return index + 1
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar)
    }
}
