import Platform
import Probes

/// Values and types as people and templates see them.
enum ValueText {
    private static let limit = 200

    /// For messages: texts in quotes, lists in brackets, cut after some characters.
    static func shown(_ value: Value?) -> String {
        guard let value else { return "nothing" }
        return shortened(quoted(value))
    }

    private static func quoted(_ value: Value) -> String {
        switch value {
        case .text(let text): "'\(shortened(text))'"
        case .list(let items): "[" + listed(items.lazy.map { quoted($0) }, items.count) + "]"
        case .map(let entries):
            "{"
                + listed(
                    entries.sorted { $0.key < $1.key }.lazy.map { "\($0.key): \(quoted($0.value))" }, entries.count)
                + "}"
        default: plain(value)
        }
    }

    /// No more of a long list than will be shown.
    private static func listed(_ items: some Sequence<String>, _ count: Int) -> String {
        let most = 20
        return items.prefix(most).joined(separator: ", ") + (count > most ? ", … \(count) in all" : "")
    }

    /// For texts that a value is put into: as it would be written.
    static func plain(_ value: Value) -> String {
        switch value {
        case .null: "nothing"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .number(let value): Int(exactly: value).map(String.init) ?? String(value)
        case .text(let text): text
        case .duration(let duration): duration.description
        case .time(let nanoseconds): RFC3339.text(nanoseconds)
        case .list(let items): items.map { plain($0) }.joined(separator: ",")
        case .map(let entries):
            entries.sorted { $0.key < $1.key }.map { "\($0.key)=\(plain($0.value))" }.joined(separator: ",")
        }
    }

    /// A text, cut after some characters (Unicode scalars).
    static func shortened(_ text: String, to limit: Int = Self.limit) -> String {
        DisplayText.shortened(text, to: limit)
    }

    /// A type for messages and the reference.
    static func name(_ type: ValueType) -> String {
        switch type {
        case .bool: "true or false"
        case .integer: "whole number"
        case .number: "number"
        case .text: "text"
        case .duration: "duration"
        case .time: "time"
        case .list(let item): "list of " + plural(item)
        case .map(let item): "map to " + plural(item)
        case .any: "any value"
        }
    }

    private static func plural(_ type: ValueType) -> String {
        switch type {
        case .bool: "truth values"
        case .integer: "whole numbers"
        case .number: "numbers"
        case .text: "texts"
        case .duration: "durations"
        case .time: "times"
        case .list(let item): "lists of " + plural(item)
        case .map(let item): "maps to " + plural(item)
        case .any: "any values"
        }
    }

    /// The kind of a value that is there, for messages about wrong types.
    static func kind(_ value: Value) -> String {
        switch value {
        case .null: "nothing"
        case .bool: "a truth value"
        case .integer: "a whole number"
        case .number: "a number"
        case .text: "a text"
        case .duration: "a duration"
        case .time: "a time"
        case .list: "a list"
        case .map: "a map"
        }
    }
}
