import HostProbes
import Patterns

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
            .inCIDR(let operand):
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
