import Platform
import Probes

/// Values turned into the type that a parameter or a matcher wants.
enum Coercion {
    /// The value as the type, or what is wrong with it.
    static func value(_ value: Value, as type: ValueType) throws(ShapeError) -> Value {
        switch (type, value) {
        case (.any, _), (.bool, .bool), (.integer, .integer), (.number, .number), (.text, .text),
            (.duration, .duration), (.time, .time), (_, .null):
            return value
        case (.number, .integer(let number)): return .number(Double(number))
        case (.text, .integer), (.text, .number), (.text, .bool), (.text, .duration), (.text, .time):
            return .text(ValueText.plain(value))
        case (.bool, .text("true")): return .bool(true)
        case (.bool, .text("false")): return .bool(false)
        case (.integer, .text(let text)):
            if let number = ScalarText.integer(text) { return .integer(number) }
        case (.number, .text(let text)):
            if let number = ScalarText.number(text) { return .number(number) }
        case (.duration, .text(let text)):
            if let duration = DurationText.parse(text) { return .duration(duration) }
            throw ShapeError("expected a duration, found '\(ValueText.shortened(text))'", help: unitHelp(text))
        case (.duration, .integer(let number)):
            throw ShapeError("expected a duration, found '\(number)'", help: unitHelp(String(number)))
        case (.duration, .number(let number)):
            throw ShapeError("expected a duration, found '\(number)'", help: unitHelp(String(number)))
        case (.time, .text(let text)):
            if let moment = RFC3339.nanoseconds(text) { return .time(moment) }
            throw ShapeError(
                "expected a time, found '\(ValueText.shortened(text))'",
                help: "write it as 2026-11-23T05:00:00Z, as now, or as now+30d")
        case (.list(let item), .list(let items)):
            return .list(try mapped(items) { value throws(ShapeError) in try Self.value(value, as: item) })
        // One item in place of a list of one, as everywhere in our files.
        case (.list(let item), _):
            if case .map = value { break }
            return .list([try Self.value(value, as: item)])
        case (.map(let inner), .map(let entries)):
            var result: [String: Value] = [:]
            for (key, entry) in entries { result[key] = try Self.value(entry, as: inner) }
            return .map(result)
        default: break
        }
        throw ShapeError("expected \(article(type)), found \(described(value))")
    }

    private static func mapped(
        _ items: [Value], _ transform: (Value) throws(ShapeError) -> Value
    ) throws(ShapeError) -> [Value] {
        var result: [Value] = []
        result.reserveCapacity(items.count)
        for item in items { result.append(try transform(item)) }
        return result
    }

    private static func described(_ value: Value) -> String {
        switch value {
        case .list, .map, .null: ValueText.kind(value)
        default: "'\(ValueText.shortened(ValueText.plain(value)))'"
        }
    }

    private static func article(_ type: ValueType) -> String {
        switch type {
        case .bool, .any: ValueText.name(type)
        default: "a " + ValueText.name(type)
        }
    }

    private static func unitHelp(_ text: String) -> String {
        ScalarText.number(text) == nil
            ? "write it such as 500ms, 10s, 1h30m or 30d"
            : "a duration needs its unit: \(ValueText.shortened(text, to: 20))s for seconds, or ms, m, h, d"
    }
}

/// What a plain scalar of YAML stands for where any type will do.
enum ScalarText {
    /// A whole number in decimal digits, with a minus sign or without.
    static func integer(_ text: String) -> Int64? {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard !digits.isEmpty, digits.allSatisfy({ Ascii.isDigit($0) }) else {
            return nil
        }
        return Int64(text)
    }

    /// A number in decimal digits with a point or an exponent, or a whole number.
    static func number(_ text: String) -> Double? {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                true
            default: false
            }
        }
        guard isPlain, let first = text.utf8.first, first != UInt8(ascii: "+"), let value = Double(text),
            value.isFinite
        else { return nil }
        return value
    }

    /// The value of a scalar without quotes, by the rules of YAML 1.2's core schema in decimal.
    static func value(_ text: String) -> Value {
        switch text {
        case "", "~", "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default:
            // 0644 and 007 are no numbers that people mean: they stay texts.
            let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
            if digits.count > 1, digits.first == UInt8(ascii: "0"), digits.dropFirst().first != UInt8(ascii: ".") {
                return .text(text)
            }
            if let number = integer(text) { return .integer(number) }
            if let number = number(text) { return .number(number) }
            return .text(text)
        }
    }
}

/// A text that is not what it has to be; whoever knows the place in the user's file makes a diagnostic of it.
public struct ShapeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected and found.
    public var description: String
    /// The byte of the text (UTF-8) at which the fault is.
    public var offset: Int?
    /// What to do.
    public var help: String?

    init(_ description: String, offset: Int? = nil, help: String? = nil) {
        self.description = description
        self.offset = offset
        self.help = help
    }
}
