import HostProbes
import Patterns

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
