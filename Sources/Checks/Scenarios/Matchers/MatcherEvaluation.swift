import DebianFormat
import Patterns
import Platform
import Probes

/// Whether what is expected of a value holds.
enum Verdict: Sendable, Hashable {
    case holds
    case doesNotHold
    /// The value is not there or of another kind, so that neither the expectation nor its opposite is true.
    case cannotTell

    init(_ holds: Bool) { self = holds ? .holds : .doesNotHold }

    /// Both.
    func and(_ other: @autoclosure () throws(OperandFault) -> Verdict) throws(OperandFault) -> Verdict {
        if self != .holds { return self }
        return try other()
    }

    /// The opposite, where there is one.
    var negated: Verdict {
        switch self {
        case .holds: .doesNotHold
        case .doesNotHold: .holds
        case .cannotTell: .cannotTell
        }
    }
}

/// Matchers applied to values.
enum MatcherEvaluation {
    /// Whether the matcher holds for a value; nil is a value that is not there.
    static func verdict(
        _ matcher: Matcher, of value: Value?, _ context: MatchContext
    ) throws(OperandFault) -> Verdict {
        if case .present(let wanted) = matcher { return Verdict(isPresent(value) == wanted) }
        switch matcher {
        case .all(let inner): return try all(inner, value, context)
        case .any(let inner): return try any(inner, value, context)
        case .not(let inner): return try verdict(inner, of: value, context).negated
        default: break
        }
        guard let value, value != .null else { return .cannotTell }
        switch matcher {
        case .equals(let operand): return Verdict(areEqual(value, try operand.value(context)))
        case .oneOf(let operand):
            return Verdict(items(try operand.value(context)).contains { areEqual(value, $0) })
        case .compare(let comparison, let operand, let order):
            return try compare(value, comparison, try operand.value(context), order)
        case .between(let low, let high, let order):
            return try compare(value, .atLeast, try low.value(context), order)
                .and(try compare(value, .atMost, try high.value(context), order))
        case .text(let test, let operand): return text(value, test, try operand.value(context))
        case .matches(let pattern):
            guard case .text(let text) = value else { return .cannotTell }
            return Verdict(try pattern.firstGroups(in: text) != nil)
        case .contains(let operand): return contains(value, try operand.value(context))
        case .inCIDR(let operand): return try inCIDR(value, items(try operand.value(context)))
        case .semver(let operand): return try semver(value, try operand.value(context))
        case .empty(let wanted): return isEmpty(value).map { Verdict($0 == wanted) } ?? .cannotTell
        case .view(let view, let inner): return try self.view(value, view, inner, context)
        default: return try ofItems(matcher, value, context)
        }
    }

    private static func ofItems(
        _ matcher: Matcher, _ value: Value, _ context: MatchContext
    ) throws(OperandFault) -> Verdict {
        let found: [Value]
        switch value {
        case .list(let items): found = items
        case .map(let entries): found = entries.sorted { $0.key < $1.key }.map(\.value)
        default: return .cannotTell
        }
        switch matcher {
        case .containsAll(let operand):
            return Verdict(
                items(try operand.value(context)).allSatisfy { wanted in
                    found.contains { areEqual($0, wanted) }
                })
        case .only(let operand):
            let allowed = items(try operand.value(context))
            return Verdict(found.allSatisfy { item in allowed.contains { areEqual($0, item) } })
        case .unorderedEquals(let operand):
            var rest = items(try operand.value(context))
            for item in found {
                guard let place = rest.firstIndex(where: { areEqual($0, item) }) else { return .doesNotHold }
                rest.remove(at: place)
            }
            return Verdict(rest.isEmpty)
        case .unique(let wanted): return Verdict((Set(found).count == found.count) == wanted)
        case .count(let inner): return try verdict(inner, of: .integer(Int64(found.count)), context)
        case .each(let inner):
            if found.isEmpty { return .doesNotHold }
            for item in found {
                let verdict = try verdict(inner, of: item, context)
                if verdict != .holds { return verdict }
            }
            return .holds
        case .some(let inner):
            for item in found where try verdict(inner, of: item, context) == .holds { return .holds }
            return .doesNotHold
        case .none(let inner):
            for item in found where try verdict(inner, of: item, context) != .doesNotHold { return .doesNotHold }
            return .holds
        default: return .cannotTell
        }
    }

    private static func all(
        _ matchers: [Matcher], _ value: Value?, _ context: MatchContext
    ) throws(OperandFault) -> Verdict {
        var result = Verdict.holds
        for matcher in matchers {
            switch try verdict(matcher, of: value, context) {
            case .holds: continue
            case .doesNotHold: return .doesNotHold
            case .cannotTell: result = .cannotTell
            }
        }
        return result
    }

    private static func any(
        _ matchers: [Matcher], _ value: Value?, _ context: MatchContext
    ) throws(OperandFault) -> Verdict {
        var result = Verdict.doesNotHold
        for matcher in matchers {
            switch try verdict(matcher, of: value, context) {
            case .holds: return .holds
            case .doesNotHold: continue
            case .cannotTell: result = .cannotTell
            }
        }
        return result
    }

    // MARK: - values

    static func items(_ value: Value) -> [Value] {
        if case .list(let items) = value { items } else { [value] }
    }

    /// Equal, with whole numbers equal to numbers, and texts by their bytes: `é` in one character or two differs.
    static func areEqual(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.text(let first), .text(let second)): return first.utf8.elementsEqual(second.utf8)
        case (.integer(let first), .number(let second)): return Double(first) == second
        case (.number(let first), .integer(let second)): return first == Double(second)
        case (.list(let first), .list(let second)):
            return first.count == second.count && zip(first, second).allSatisfy { areEqual($0, $1) }
        case (.map(let first), .map(let second)):
            return first.count == second.count
                && first.allSatisfy { key, value in second[key].map { areEqual(value, $0) } ?? false }
        default: return left == right
        }
    }

    private static func isPresent(_ value: Value?) -> Bool { value != nil && value != .null }

    private static func isEmpty(_ value: Value) -> Bool? {
        switch value {
        case .text(let text): text.isEmpty
        case .list(let items): items.isEmpty
        case .map(let entries): entries.isEmpty
        default: nil
        }
    }

    private static func text(_ value: Value, _ test: Matcher.TextTest, _ operand: Value) -> Verdict {
        guard case .text(let text) = value, case .text(let part) = operand else { return .cannotTell }
        switch test {
        case .contains: return Verdict(ByteSearch.contains(text, part))
        case .startsWith: return Verdict(text.utf8.starts(with: part.utf8))
        case .endsWith:
            return Verdict(
                text.utf8.count >= part.utf8.count && text.utf8.reversed().starts(with: part.utf8.reversed()))
        }
    }

    private static func contains(_ value: Value, _ operand: Value) -> Verdict {
        switch value {
        case .list(let items): return Verdict(items.contains { areEqual($0, operand) })
        case .map(let entries):
            guard case .text(let key) = operand else { return .cannotTell }
            return Verdict(entries[key] != nil)
        case .text: return text(value, .contains, .text(ValueText.plain(operand)))
        default: return .cannotTell
        }
    }

    private static func inCIDR(_ value: Value, _ ranges: [Value]) throws(OperandFault) -> Verdict {
        guard case .text(let text) = value, let address = IPAddress(text) else { return .cannotTell }
        for range in ranges {
            guard case .text(let text) = range, let range = CIDR(text) else {
                throw .unsuitable(ShapeError("expected a range of addresses, found \(ValueText.shown(range))"))
            }
            if range.contains(address) { return .holds }
        }
        return .doesNotHold
    }

    private static func semver(_ value: Value, _ range: Value) throws(OperandFault) -> Verdict {
        guard case .text(let text) = range, let range = SemanticRange(text) else {
            throw .unsuitable(ShapeError("expected a range of versions, found \(ValueText.shown(range))"))
        }
        guard case .text(let whole) = value,
            let version = SemanticVersion(Ascii.text(Ascii.trimmed(Array(whole.utf8)[...])))
        else { return .cannotTell }
        return Verdict(range.contains(version))
    }

    private static func view(
        _ value: Value, _ view: Matcher.View, _ inner: Matcher, _ context: MatchContext
    ) throws(OperandFault) -> Verdict {
        guard case .text(let whole) = value else { return .cannotTell }
        // What a program prints ends with a newline, and some pad it.
        let text = Ascii.text(Ascii.trimmed(Array(whole.utf8)[...]))
        switch view {
        // Compared as versions by the comparisons themselves, which have the operand.
        case .version: return try verdict(inner, of: .text(text), context)
        case .duration:
            guard let duration = DurationText.parse(text) else { return .cannotTell }
            return try verdict(inner, of: .duration(duration), context)
        case .number:
            guard let number = ScalarText.number(text) else { return .cannotTell }
            return try verdict(inner, of: .number(number), context)
        case .time:
            guard let moment = RFC3339.nanoseconds(text) else { return .cannotTell }
            return try verdict(inner, of: .time(moment), context)
        }
    }

    // MARK: - order

    private static func compare(
        _ value: Value, _ comparison: Matcher.Comparison, _ operand: Value, _ order: Matcher.Order
    ) throws(OperandFault) -> Verdict {
        guard let sign = try sign(value, operand, order) else { return .cannotTell }
        switch comparison {
        case .atLeast: return Verdict(sign >= 0)
        case .atMost: return Verdict(sign <= 0)
        case .above, .after: return Verdict(sign > 0)
        case .below, .before: return Verdict(sign < 0)
        case .same: return Verdict(sign == 0)
        }
    }

    /// Whether the first of two literals is below the second.
    static func isAscending(_ first: Value, _ second: Value) -> Bool {
        switch (first, second) {
        case (.number(let left), .number(let right)): left < right
        case (.duration(let left), .duration(let right)): left < right
        default: false
        }
    }

    private static func sign(_ value: Value, _ operand: Value, _ order: Matcher.Order) throws(OperandFault) -> Int? {
        func sign<Ordered: Comparable>(_ left: Ordered, _ right: Ordered) -> Int {
            left < right ? -1 : (left == right ? 0 : 1)
        }
        switch (order, value, operand) {
        case (.number, .integer(let left), .integer(let right)): return sign(left, right)
        case (.number, .integer(let left), .number(let right)): return sign(Double(left), right)
        case (.number, .number(let left), .number(let right)): return sign(left, right)
        case (.number, .number(let left), .integer(let right)): return sign(left, Double(right))
        case (.duration, .duration(let left), .duration(let right)): return sign(left, right)
        case (.time, .time(let left), .time(let right)): return sign(left, right)
        case (.version, .text(let left), .text(let right)):
            let wanted: DebianVersion
            do throws(FormatError) {
                wanted = try DebianVersion(right)
            } catch {
                throw .unsuitable(ShapeError(error.description))
            }
            do throws(FormatError) {
                return sign(try DebianVersion(left), wanted)
            } catch {
                return nil
            }
        default: return nil
        }
    }
}

extension Pattern {
    /// Bytes of a text that an expression is matched with.
    static let textLimit = 1 << 20

    /// The groups of the first match in a text; nil when nothing matches.
    func firstGroups(in text: String) throws(OperandFault) -> [String?]? {
        guard text.utf8.count <= Self.textLimit else { throw .tooLong(self, bytes: text.utf8.count) }
        do throws(PatternLimitError) {
            return try firstMatch(in: text)
        } catch {
            throw .endless(self, error)
        }
    }
}

/// Bytes within bytes.
enum ByteSearch {
    /// Whether a text has another one in it, byte by byte; every text has the empty one.
    static func contains(_ text: String, _ part: String) -> Bool {
        var text = text
        var part = part
        return text.withUTF8 { haystack in
            part.withUTF8 { needle in
                guard let first = needle.first else { return true }
                guard haystack.count >= needle.count else { return false }
                var start = 0
                let last = haystack.count - needle.count
                while start <= last, let index = haystack[start...last].firstIndex(of: first) {
                    if haystack[index..<(index + needle.count)].elementsEqual(needle) { return true }
                    start = index + 1
                }
                return false
            }
        }
    }
}
