import Patterns
import Platform
import Probes

extension Matcher {
    /// The matcher with the keys of a map, as far as they are known, in lower case.
    var foldingKeys: Matcher {
        func folded(_ operand: Operand) -> Operand {
            switch operand.expression {
            case .literal(.text(let text)): Operand(.text(Ascii.text(Ascii.lowercased(text))), operand.type)
            case .literal(.map(let entries)):
                Operand(
                    .map(
                        Dictionary(entries.map { (Ascii.text(Ascii.lowercased($0.key)), $0.value) }) { first, _ in first
                        }),
                    operand.type)
            default: operand
            }
        }
        switch self {
        case .contains(let operand): return .contains(folded(operand))
        case .equals(let operand): return .equals(folded(operand))
        case .not(let inner): return .not(inner.foldingKeys)
        case .all(let inner): return .all(inner.map(\.foldingKeys))
        case .any(let inner): return .any(inner.map(\.foldingKeys))
        default: return self
        }
    }
}

/// What is expected of a value.
indirect enum Matcher: Sendable, Hashable {
    /// The same value; texts by their bytes, numbers by their size.
    case equals(Operand)
    /// One of several values.
    case oneOf(Operand)
    /// Whether there is a value.
    case present(Bool)
    /// An order.
    case compare(Comparison, Operand, Order)
    /// From one value to another, both included.
    case between(Operand, Operand, Order)
    /// Part of a text.
    case text(TextTest, Operand)
    /// A regular expression that matches somewhere in a text.
    case matches(Pattern)
    /// A list has the item, a map the key, a text the part.
    case contains(Operand)
    /// A list has all these items.
    case containsAll(Operand)
    /// A list has no items but these.
    case only(Operand)
    /// A list has these items in any order, each as often as here.
    case unorderedEquals(Operand)
    /// A list has no item twice.
    case unique(Bool)
    /// Whether a list, map or text has nothing in it.
    case empty(Bool)
    /// How many items a list or map has.
    case count(Matcher)
    /// An address is inside one of these ranges.
    case inCIDR(Operand)
    /// A version of semver.org is in a range.
    case semver(Operand)
    /// The matcher does not hold, of a value that is there.
    case not(Matcher)
    /// All of them hold.
    case all([Matcher])
    /// At least one of them holds.
    case any([Matcher])
    /// It holds for every item, and there is one.
    case each(Matcher)
    /// It holds for at least one item.
    case some(Matcher)
    /// It holds for no item.
    case none(Matcher)
    /// A text, read as something else.
    case view(View, Matcher)

    /// Orders of two values.
    enum Comparison: String, Sendable, Hashable {
        case atLeast = "at-least"
        case atMost = "at-most"
        case above, below
        case before, after
        case same = "equals"
    }

    /// What decides on the order.
    enum Order: Sendable, Hashable {
        case number, duration, time, version
    }

    /// Parts of a text.
    enum TextTest: String, Sendable, Hashable {
        case contains
        case startsWith = "starts-with"
        case endsWith = "ends-with"
    }

    /// What a text can be read as.
    enum View: String, Sendable, Hashable {
        /// A version of a Debian package, in dpkg's order.
        case version
        /// A length of time.
        case duration
        /// A number.
        case number
        /// A moment, in RFC 3339.
        case time
    }

    /// The names of captures that it needs.
    var captures: Set<String> {
        switch self {
        case .equals(let operand), .oneOf(let operand), .compare(_, let operand, _), .text(_, let operand),
            .contains(let operand), .containsAll(let operand), .only(let operand), .unorderedEquals(let operand),
            .inCIDR(let operand), .semver(let operand):
            operand.expression.captures
        case .between(let low, let high, _): low.expression.captures.union(high.expression.captures)
        case .present, .matches, .unique, .empty: []
        case .count(let inner), .not(let inner), .each(let inner), .some(let inner), .none(let inner),
            .view(_, let inner):
            inner.captures
        case .all(let inner), .any(let inner): inner.reduce(into: []) { $0.formUnion($1.captures) }
        }
    }
}

/// Something that is expected of an attribute.
struct Expectation: Sendable, Hashable {
    /// The attribute, and the way inside of it.
    let path: ValuePath
    /// What is expected.
    let matcher: Matcher
}

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
        case .semver(let operand): return "a version in \(value(operand))"
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
