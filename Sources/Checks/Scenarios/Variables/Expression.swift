import Patterns
import Platform
import Probes

/// A value that may depend on what checks capture while they run.
indirect enum Expression: Sendable, Hashable {
    case literal(Value)
    /// A captured value, with its own type.
    case capture(String)
    /// A text with captured values in it.
    case text([Part])
    /// A list; a captured list among the items is spread.
    case list([Expression])
    case map([String: Expression])

    /// A stretch of a text.
    enum Part: Sendable, Hashable {
        case text(String)
        case capture(String)
    }

    /// The names of captures that it needs.
    var captures: Set<String> {
        switch self {
        case .literal: []
        case .capture(let name): [name]
        case .text(let parts):
            Set(parts.compactMap { if case .capture(let name) = $0 { name } else { nil } })
        case .list(let items): items.reduce(into: []) { $0.formUnion($1.captures) }
        case .map(let entries): entries.values.reduce(into: []) { $0.formUnion($1.captures) }
        }
    }

    /// The value, from the captures.
    func value(_ captures: [String: Value]) throws(OperandFault) -> Value {
        switch self {
        case .literal(let value): return value
        case .capture(let name): return try Self.captured(name, captures)
        case .text(let parts):
            var text = ""
            for part in parts {
                switch part {
                case .text(let literal): text += literal
                case .capture(let name): text += ValueText.plain(try Self.captured(name, captures))
                }
            }
            return .text(text)
        case .list(let items):
            var values: [Value] = []
            for item in items {
                let value = try item.value(captures)
                if case .capture = item, case .list(let inner) = value {
                    values += inner
                } else {
                    values.append(value)
                }
            }
            return .list(values)
        case .map(let entries):
            var values: [String: Value] = [:]
            for (key, entry) in entries { values[key] = try entry.value(captures) }
            return .map(values)
        }
    }

    private static func captured(_ name: String, _ captures: [String: Value]) throws(OperandFault) -> Value {
        guard let value = captures[name], value != .null else { throw .missingCapture(name) }
        return value
    }
}

/// Why an operand has no value at the moment of use.
enum OperandFault: Error, Sendable, Hashable {
    /// The check that captures it has not found it.
    case missingCapture(String)
    /// What was captured does not fit.
    case unsuitable(ShapeError)
    /// A match with a regular expression was given up.
    case endless(Pattern, PatternLimitError)
    /// A text of so many bytes is too long for a regular expression.
    case tooLong(Pattern, bytes: Int)
}

/// What a value is compared with, or what a parameter is set to: an expression and the type that is wanted.
struct Operand: Sendable, Hashable {
    let type: ValueType
    let expression: Expression
    /// For messages, when the value is not known yet.
    let source: String

    /// An operand whose value is known.
    init(_ value: Value, _ type: ValueType = .any) {
        self.type = type
        expression = .literal(value)
        source = ValueText.shown(value)
    }

    /// Takes an expression; a literal has to have the type already.
    init(_ expression: Expression, as type: ValueType, source: String) {
        self.type = type
        self.expression = expression
        self.source = source
    }

    /// The value at this moment.
    func value(_ context: MatchContext) throws(OperandFault) -> Value {
        // What is known was given its type when the scenario was loaded, but for times, which move.
        if case .literal(let value) = expression, type != .time { return value }
        let value = try expression.value(context.captures)
        do throws(ShapeError) {
            return try OperandText.value(value, as: type, now: context.now)
        } catch {
            throw .unsuitable(error)
        }
    }

    /// In words: the value, or the text of the scenario as long as it is not known.
    func words(_ context: MatchContext) -> String {
        // "after now" says more than the second at which it was looked at.
        if type == .time, expression.captures.isEmpty { return source }
        do throws(OperandFault) {
            return ValueText.shown(try value(context))
        } catch {
            return source
        }
    }
}

/// What operands are worked out from.
struct MatchContext: Sendable {
    /// Captured values by name.
    var captures: [String: Value]
    /// The moment of the look, in nanoseconds since 1970.
    var now: Int64
}

/// The small arithmetic of operands: `now-10m`, `2026-01-01T00:00:00Z+30d`, `50% of 1h`.
enum OperandText {
    /// The value as the type, or what is wrong with it.
    static func value(_ value: Value, as type: ValueType, now: Int64) throws(ShapeError) -> Value {
        guard case .text(let text) = value else { return try Coercion.value(value, as: type) }
        switch type {
        case .time: return .time(try moment(text, now: now))
        case .duration, .number, .integer:
            guard let (percent, rest) = share(text) else { return try Coercion.value(value, as: type) }
            switch try Coercion.value(.text(rest), as: type) {
            case .duration(let duration):
                return .duration(GoDuration(nanoseconds: Int64(Double(duration.nanoseconds) * percent / 100)))
            case .number(let number): return .number(number * percent / 100)
            case .integer(let number): return .number(Double(number) * percent / 100)
            case let other: return other
            }
        default: return try Coercion.value(value, as: type)
        }
    }

    /// `50% of REST`.
    private static func share(_ text: String) -> (percent: Double, rest: String)? {
        let bytes = text.utf8
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "%")),
            let percent = ScalarText.number(String(decoding: bytes[..<mark], as: UTF8.self)),
            (0...1_000_000).contains(percent)
        else { return nil }
        let rest = bytes[bytes.index(after: mark)...]
        guard rest.starts(with: " of ".utf8) else { return nil }
        return (percent, String(decoding: rest.dropFirst(4), as: UTF8.self))
    }

    /// `now` or a moment of RFC 3339, and durations added to it or taken from it.
    private static func moment(_ text: String, now: Int64) throws(ShapeError) -> Int64 {
        let blank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") }
        let bytes = text.utf8.filter { !blank($0) }
        let word = Array("now".utf8)
        // A moment has `+` and `-` of its own: its end is that of the offset or the Z.
        var rest: ArraySlice<UInt8>
        var moment: Int64
        if bytes.starts(with: word) {
            moment = now
            rest = bytes[word.count...]
        } else {
            let end = endOfMoment(bytes)
            guard let value = RFC3339.nanoseconds(String(decoding: bytes[..<end], as: UTF8.self)) else {
                throw fault(text)
            }
            moment = value
            rest = bytes[end...]
        }
        while let sign = rest.popFirst() {
            guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { throw fault(text) }
            let term = rest.prefix { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }
            rest = rest.dropFirst(term.count)
            guard let duration = DurationText.parse(String(decoding: term, as: UTF8.self)) else { throw fault(text) }
            let sum =
                sign == UInt8(ascii: "+")
                ? moment.addingReportingOverflow(duration.nanoseconds)
                : moment.subtractingReportingOverflow(duration.nanoseconds)
            guard !sum.overflow else { throw fault(text) }
            moment = sum.partialValue
        }
        return moment
    }

    private static func endOfMoment(_ bytes: [UInt8]) -> Int {
        if let end = bytes.firstIndex(where: { $0 == UInt8(ascii: "Z") || $0 == UInt8(ascii: "z") }) { return end + 1 }
        // 2026-11-23T05:00:00 is 19 bytes long, an offset 6 more.
        guard bytes.count > 19, let sign = bytes[19...].firstIndex(where: { "+-".utf8.contains($0) }) else {
            return bytes.count
        }
        return min(bytes.count, sign + 6)
    }

    private static func fault(_ text: String) -> ShapeError {
        ShapeError(
            "expected a time, found '\(ValueText.shortened(text))'",
            help: "write it as now, now+30d, now-1h30m or 2026-11-23T05:00:00Z; every duration needs its unit")
    }
}
