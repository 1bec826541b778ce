/// How much work a backtracking engine can have with a regular expression.
///
/// An estimate from above, by the form of the expression alone: what it calls small ends in milliseconds whatever the
/// text is. What it does not understand it calls large.
struct PatternCost: Sendable, Hashable {
    /// Repetitions of several lengths, each of which can be tried at every character; nil when one holds another, or
    /// something else that can double the work with every character.
    private var repetitions: Int? = 0
    /// Places where one of several ways is taken: `|` and `?`.
    private var choices = 0

    private static let stepLimit = 1 << 20

    /// Reads an expression, which has compiled.
    init(_ source: String) {
        if !read(source) { repetitions = nil }
    }

    /// Counts; false for what is too much to follow, or known to be too much.
    private mutating func read(_ source: String) -> Bool {
        let scalars = Array(source.unicodeScalars)
        // By open group: whether something in it can match in several ways.
        var groups: [Bool] = [false]
        var index = 0
        /// Whether what was read last can be repeated, and whether it can match in several ways.
        var last: Bool?
        func at(_ place: Int) -> Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }
        while let scalar = at(index) {
            index += 1
            switch scalar {
            case "\\":
                guard let escaped = at(index) else { return false }
                index += 1
                // Quotations, references to groups and what only PCRE has.
                if "123456789kgQEGRK".unicodeScalars.contains(escaped) { return false }
                last = false
            case "[":
                guard let end = Self.endOfClass(scalars, from: index) else { return false }
                index = end
                last = false
            case "(":
                if at(index) == "*" { return false }
                if at(index) == "?" {
                    // (?:…) and (?<name>…); options, assertions and the rest are too much to follow.
                    guard at(index + 1) == ":" || at(index + 1) == "<", at(index + 2) != "=", at(index + 2) != "!"
                    else {
                        return false
                    }
                    index += 2
                }
                groups.append(false)
                last = nil
            case ")":
                guard groups.count > 1, let inner = groups.popLast() else { return false }
                last = inner
                if inner { groups[groups.count - 1] = true }
            case "|":
                choices += 1
                groups[groups.count - 1] = true
                last = nil
            case "?":
                choices += 1
                groups[groups.count - 1] = true
                index = Self.behindModifier(scalars, index)
            case "*", "+", "{":
                if scalar == "{" {
                    guard let end = scalars[index...].firstIndex(of: "}") else { return false }
                    index = end + 1
                }
                guard last == false else { return false }
                repetitions = repetitions.map { $0 + 1 }
                groups[groups.count - 1] = true
                last = true
                index = Self.behindModifier(scalars, index)
            default: last = false
            }
        }
        return groups.count == 1
    }

    /// Whether a text of so many bytes is looked through in a moment.
    func isSmall(forBytes count: Int) -> Bool {
        guard let repetitions, choices < 20 else { return false }
        var steps = 1 << choices
        for _ in 0...repetitions {
            let product = steps.multipliedReportingOverflow(by: max(1, count))
            guard !product.overflow, product.partialValue <= Self.stepLimit else { return false }
            steps = product.partialValue
        }
        return true
    }

    /// `*?` and `*+` are one quantifier.
    private static func behindModifier(_ scalars: [Unicode.Scalar], _ index: Int) -> Int {
        index < scalars.count && (scalars[index] == "?" || scalars[index] == "+") ? index + 1 : index
    }

    private static func endOfClass(_ scalars: [Unicode.Scalar], from start: Int) -> Int? {
        var index = start
        var depth = 1
        if index < scalars.count, scalars[index] == "^" { index += 1 }
        if index < scalars.count, scalars[index] == "]" { index += 1 }
        while index < scalars.count {
            switch scalars[index] {
            case "\\": index += 1
            case "[": depth += 1
            case "]":
                depth -= 1
                if depth == 0 { return index + 1 }
            default: break
            }
            index += 1
        }
        return nil
    }
}
