import Platform

/// What a probe reads and what a scenario expects: one small set of types for both.
public indirect enum Value: Sendable, Hashable {
    /// There is none: a key that is not set, an owner that has no name.
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    /// A length of time.
    case duration(GoDuration)
    /// A moment, in nanoseconds since 1970.
    case time(Int64)
    case list([Value])
    case map([String: Value])
}

/// The type of a parameter or attribute, for checking a scenario before anything runs and for its schema.
public indirect enum ValueType: Sendable, Hashable {
    case bool, integer, number, text, duration, time
    case list(ValueType)
    case map(ValueType)
    /// A structure whose shape depends on what is read, such as the JSON of an answer.
    case any
}

extension Value {
    /// A text, or null for none.
    package static func text(orNull text: String?) -> Value { text.map { .text($0) } ?? .null }
    /// A number of any integer type, or null for none.
    package static func integer(_ number: (some BinaryInteger)?) -> Value {
        number.map { .integer(Int64(clamping: $0)) } ?? .null
    }
    /// A list of texts.
    package static func texts(_ texts: some Sequence<String>) -> Value { .list(texts.map { .text($0) }) }
    /// A map to texts.
    package static func textMap(_ texts: [String: String]) -> Value { .map(texts.mapValues { .text($0) }) }
    /// A duration of nanoseconds.
    package static func nanoseconds(_ nanoseconds: Int64) -> Value { .duration(GoDuration(nanoseconds: nanoseconds)) }
    /// A duration.
    package static func duration(of duration: Duration) -> Value { .duration(GoDuration(duration)) }
    /// A moment in nanoseconds since 1970, or null for none.
    package static func time(orNull time: Int64?) -> Value { time.map { .time($0) } ?? .null }

    /// The value behind a name, if this is a map that has it.
    package subscript(name: String) -> Value? {
        if case .map(let members) = self { members[name] } else { nil }
    }

    /// The items, if this is a list.
    package var items: [Value] {
        if case .list(let items) = self { items } else { [] }
    }

    /// The text, if this is one.
    package var asText: String? {
        if case .text(let text) = self { text } else { nil }
    }
}
