import Patterns

/// Matchers in words, for the expectation column of reports.
enum MatcherWords {
    /// What is expected: `at least 1`, `inside 10.63.240.0/20`.
    static func words(_ matcher: Matcher, _ context: MatchContext) -> String {
        func value(_ operand: Operand) -> String { operand.words(context) }
        switch matcher {
        case .equals(let operand): return value(operand)
        case .oneOf(let operand): return "one of \(value(operand))"
        case .present(let wanted): return wanted ? "something" : "nothing"
        case .compare(let comparison, let operand, let order):
            return "\(word(comparison)) \(order == .version ? "version " : "")\(value(operand))"
        case .between(let low, let high, _): return "from \(value(low)) to \(value(high))"
        case .text(.contains, let operand): return "a text with \(value(operand)) in it"
        case .text(.startsWith, let operand): return "a text that begins with \(value(operand))"
        case .text(.endsWith, let operand): return "a text that ends with \(value(operand))"
        case .matches(let pattern): return "a match of /\(ValueText.shortened(pattern.source))/"
        case .contains(let operand): return "\(value(operand)) among others"
        case .containsAll(let operand): return "all of \(value(operand))"
        case .only(let operand): return "nothing but \(value(operand))"
        case .unorderedEquals(let operand): return "\(value(operand)) in any order"
        case .unique(let wanted): return wanted ? "no item twice" : "an item twice"
        case .empty(let wanted): return wanted ? "nothing in it" : "something in it"
        case .count(.equals(let operand)): return "\(value(operand)) of them"
        case .count(let inner): return "\(words(inner, context)) of them"
        case .inCIDR(let operand): return "inside \(ranges(operand, context))"
        case .not(let inner): return "not \(grouped(inner, context))"
        case .all(let inner): return inner.map { grouped($0, context) }.joined(separator: " and ")
        case .any(let inner): return inner.map { grouped($0, context) }.joined(separator: " or ")
        case .each(let inner): return "each: \(words(inner, context))"
        case .some(let inner): return "at least one: \(words(inner, context))"
        case .none(let inner): return "none: \(words(inner, context))"
        case .view(.version, let inner): return words(inner, context)
        case .view(let view, let inner): return "as a \(view.rawValue) \(words(inner, context))"
        }
    }

    private static func grouped(_ matcher: Matcher, _ context: MatchContext) -> String {
        switch matcher {
        case .all(let inner) where inner.count > 1, .any(let inner) where inner.count > 1:
            "(\(words(matcher, context)))"
        default: words(matcher, context)
        }
    }

    /// A range alone or several, without quotes and brackets.
    private static func ranges(_ operand: Operand, _ context: MatchContext) -> String {
        guard case .literal(let value) = operand.expression else { return operand.words(context) }
        let items = MatcherEvaluation.items(value)
        return items.isEmpty ? "no range" : items.map { ValueText.plain($0) }.joined(separator: " or ")
    }

    private static func word(_ comparison: Matcher.Comparison) -> String {
        switch comparison {
        case .atLeast: "at least"
        case .atMost: "at most"
        case .above: "above"
        case .below: "below"
        case .before: "before"
        case .after: "after"
        case .same: "exactly"
        }
    }
}
