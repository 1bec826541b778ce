import Probes

/// The keys of matchers, with what the loader, the schema and the reference need to know of each.
enum MatcherKey: String, CaseIterable, Sendable {
    case equals
    case oneOf = "one-of"
    case present
    case atLeast = "at-least"
    case atMost = "at-most"
    case above
    case below
    case between
    case before
    case after
    case contains
    case startsWith = "starts-with"
    case endsWith = "ends-with"
    case matches
    case inCIDR = "in-cidr"
    case containsAll = "contains-all"
    case only
    case unorderedEquals = "unordered-equals"
    case unique
    case empty
    case count
    case each
    case some
    case none
    case not
    case all
    case any
    case version
    case semver
    case duration
    case number
    case time

    /// Whether it says nothing, or the opposite of what is meant, with an empty list or text.
    var needsOperand: Bool {
        switch self {
        case .oneOf, .contains, .startsWith, .endsWith, .matches, .inCIDR, .containsAll, .only, .semver: true
        default: false
        }
    }

    /// What it says of a value.
    var summary: String {
        switch self {
        case .equals: "The same value; a value without a key means this. Text is compared byte by byte."
        case .oneOf: "One of a list of values."
        case .present: "`true`: there is a value; `false`: there is none."
        case .atLeast: "This or more."
        case .atMost: "This or less."
        case .above: "More than this."
        case .below: "Less than this."
        case .between: "From the first of a list of two to the second, both included."
        case .before: "Earlier than a time: `now`, `now+30d`, `2026-11-23T05:00:00Z-1h`."
        case .after: "Later than a time."
        case .contains: "A text has the part, a list the item, a map the key."
        case .startsWith: "A text begins with this."
        case .endsWith: "A text ends with this."
        case .matches:
            "A regular expression (Perl's syntax, pcre2pattern(3)) matches somewhere in the text. `$` is the end of the text, "
                + "before a newline that ends it too. Variables in it stand for their own text, unless one is all of it. With a "
                + "text of more than 1 MiB, and with a match that takes too many steps, the check is an error."
        case .inCIDR: "An address is inside a range, or inside one of a list of ranges."
        case .containsAll: "A list has all of these items."
        case .only: "A list has no other items than these."
        case .unorderedEquals: "A list has these items in any order, each as often as written."
        case .unique: "`true`: a list has no item twice."
        case .empty: "Whether a list, map or text has nothing in it."
        case .count: "How many items a list or map has: a number, or matchers of one."
        case .each: "Matchers that hold for every item of a list or map; there has to be one."
        case .some: "Matchers that hold for at least one item."
        case .none: "Matchers that hold for no item."
        case .not: "Matchers that do not hold together. A value that is not there does not satisfy it either."
        case .all: "A list of matchers that all hold."
        case .any: "A list of matchers of which one holds."
        case .version: "Matchers of the text as a version, in dpkg's order."
        case .semver:
            "The text is a version in the sense of semver.org and in a range: `>=1.2.0 <2`, `^1.4 || ~2.0.3`, `1.x`, `!=1.5.1`. `v` "
                + "may stand in front of it. `1.2` is each 1.2.x, `~` lets the last number be higher, `^` all but the first that "
                + "is not 0. A prerelease comes before its version."
        case .duration: "Matchers of the text as a duration."
        case .number: "Matchers of the text as a number."
        case .time: "Matchers of the text as a time in RFC 3339."
        }
    }

    /// The types of values that it can be asked of, for the reference.
    var types: String {
        switch self {
        case .equals, .oneOf, .present, .not, .all, .any: "every type"
        case .atLeast, .atMost, .above, .below, .between: "numbers, durations, versions"
        case .before, .after: "times"
        case .contains: "texts, lists, maps"
        case .startsWith, .endsWith, .matches, .inCIDR, .version, .semver, .duration, .number, .time: "texts"
        case .containsAll, .only, .unorderedEquals, .unique: "lists"
        case .count, .each, .some, .none: "lists, maps"
        case .empty: "lists, maps, texts"
        }
    }

    /// Whether it can be asked of a value of this type.
    func applies(to type: MatchedType) -> Bool {
        switch (self, type) {
        case (_, .value(.any)): return true
        case (.equals, _), (.oneOf, _), (.present, _), (.not, _), (.all, _), (.any, _): return true
        case (.atLeast, _), (.atMost, _), (.above, _), (.below, _), (.between, _):
            return type.order != nil && type.order != .time
        case (.before, _), (.after, _): return type.order == .time
        case (.contains, .value(let type)), (.empty, .value(let type)):
            switch type {
            case .text, .list, .map: return true
            default: return false
            }
        case (.startsWith, _), (.endsWith, _), (.matches, _), (.inCIDR, _), (.version, _), (.semver, _), (.duration, _),
            (.number, _), (.time, _):
            return type == .value(.text)
        case (.containsAll, .value(.list)), (.only, .value(.list)), (.unorderedEquals, .value(.list)),
            (.unique, .value(.list)):
            return true
        case (.count, .value(.list)), (.each, .value(.list)), (.some, .value(.list)), (.none, .value(.list)),
            (.count, .value(.map)), (.each, .value(.map)), (.some, .value(.map)), (.none, .value(.map)):
            return true
        default: return false
        }
    }
}

/// The type of what a matcher looks at: that of an attribute, or a text that is read as a version.
enum MatchedType: Sendable, Hashable {
    case value(ValueType)
    case version

    /// What decides on the order of two such values; nil where there is none, or where the operand has to tell.
    var order: Matcher.Order? {
        switch self {
        case .version: .version
        case .value(.integer), .value(.number): .number
        case .value(.duration): .duration
        case .value(.time): .time
        case .value: nil
        }
    }

    /// The type of an operand.
    var operand: ValueType {
        switch self {
        case .version: .text
        // 1.5 is a sensible bound of whole numbers.
        case .value(.integer): .number
        case .value(let type): type
        }
    }

    /// The type for messages.
    var name: String {
        switch self {
        case .version: "version"
        case .value(let type): ValueText.name(type)
        }
    }

    /// The type of one item.
    var item: MatchedType {
        switch self {
        case .value(.list(let item)), .value(.map(let item)): .value(item)
        default: .value(.any)
        }
    }
}
