import HostProbes
import Documents

/// JSON Schema of values, with `${…}` where a variable can stand.
enum ValueSchema {
    private static let variable = "\\$\\{"
    /// Go's durations with days in front.
    static let durationPattern = "^-?([0-9]+d)?([0-9]*\\.?[0-9]+(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h))*$"

    /// The schema of a value of a type.
    static func schema(_ type: ValueType) -> JSONValue {
        switch type {
        case .bool: text(["boolean"], "^(true|false)$")
        case .integer: text(["integer"], "^-?[0-9]+$|^[0-9.]+% of ")
        case .number: text(["number"], "^-?[0-9.eE+-]+$|^[0-9.]+% of ")
        case .text: .object([("type", strings(["string", "number", "boolean"]))])
        case .duration:
            .object([
                ("type", .string("string")), ("pattern", .string("\(durationPattern)|\(variable)|^[0-9.]+% of ")),
                ("minLength", .int(2)),
            ])
        case .time:
            .object([("type", .string("string")), ("pattern", .string("^now|^[0-9]{4}-[0-9]{2}-[0-9]{2}|\(variable)"))])
        case .list(let item):
            anyOf([.object([("type", .string("array")), ("items", schema(item))]), schema(item)])
        case .map(let item):
            anyOf([
                .object([("type", .string("object")), ("additionalProperties", schema(item))]), reference,
            ])
        case .any: .bool(true)
        }
    }

    /// A text that mentions a variable.
    static let reference = JSONValue.object([("type", .string("string")), ("pattern", .string(variable))])

    /// One of some words, or a variable.
    static func words(_ words: [String], allowsVariable: Bool = true) -> JSONValue {
        let fixed = JSONValue.object([("enum", .array(words.map { .string($0) }))])
        return allowsVariable ? anyOf([fixed, reference]) : fixed
    }

    /// What one of several schemas accepts.
    static func anyOf(_ schemas: [JSONValue]) -> JSONValue { .object([("anyOf", .array(schemas))]) }

    /// A list of names of types.
    static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    private static func text(_ types: [String], _ pattern: String) -> JSONValue {
        .object([("type", strings(types + ["string"])), ("pattern", .string("\(pattern)|\(variable)"))])
    }

    /// A schema with a description in front.
    static func described(_ schema: JSONValue, _ text: String) -> JSONValue {
        guard case .object(let members) = schema else { return .object([("description", .string(text))]) }
        return .object([("description", .string(text))] + members)
    }

    /// A mapping with known keys.
    static func object(
        _ properties: [(String, JSONValue)], required: [String] = [], patterns: [(String, JSONValue)] = [],
        minimum: Int? = nil
    ) -> JSONValue {
        var members: [(String, JSONValue)] = [("type", .string("object"))]
        if !properties.isEmpty { members.append(("properties", .object(properties))) }
        if !patterns.isEmpty { members.append(("patternProperties", .object(patterns))) }
        members.append(("additionalProperties", .bool(false)))
        if !required.isEmpty { members.append(("required", strings(required))) }
        if let minimum { members.append(("minProperties", .int(minimum))) }
        return .object(members)
    }
}
