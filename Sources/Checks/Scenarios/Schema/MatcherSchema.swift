import HostProbes
import Documents

/// JSON Schema of what can be expected of values, one definition for each type.
struct MatcherSchema {
    private var pending: [MatchedType] = []
    private var known: Set<String> = []

    /// The definitions of all types that were asked for, and of those that they need in turn.
    mutating func definitions() -> [(String, JSONValue)] {
        var definitions: [(String, JSONValue)] = []
        while let type = pending.popLast() { definitions.append((Self.name(type), definition(type))) }
        return definitions.sorted { $0.0 < $1.0 }
    }

    /// A reference to what can be expected of a type.
    mutating func reference(_ type: MatchedType) -> JSONValue {
        let name = Self.name(type)
        if known.insert(name).inserted { pending.append(type) }
        return .object([("$ref", .string("#/$defs/\(name)"))])
    }

    private static func name(_ type: MatchedType) -> String {
        let words = type.name.utf8.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        return "expected-" + words.joined(separator: "-")
    }

    private mutating func definition(_ type: MatchedType) -> JSONValue {
        var properties: [(String, JSONValue)] = []
        for key in MatcherKey.allCases where key.applies(to: type) {
            properties.append((key.rawValue, ValueSchema.described(schema(key, type), key.summary)))
        }
        let matchers = ValueSchema.object(properties, minimum: 1)
        return ValueSchema.anyOf([equality(type), matchers])
    }

    /// A bare value: no mapping, since that is matchers.
    private func equality(_ type: MatchedType) -> JSONValue {
        switch type {
        case .version: ValueSchema.schema(.text)
        case .value(.any):
            .object([("type", ValueSchema.strings(["string", "number", "boolean", "array"]))])
        case .value(.map): ValueSchema.reference
        case .value(let type): ValueSchema.schema(type)
        }
    }

    private mutating func schema(_ key: MatcherKey, _ type: MatchedType) -> JSONValue {
        let operand = ValueSchema.schema(type.operand)
        switch key {
        case .equals: return operand
        case .oneOf: return ValueSchema.schema(.list(type.operand))
        case .present, .unique, .empty: return ValueSchema.schema(.bool)
        case .atLeast, .atMost, .above, .below: return ordered(type)
        case .before, .after: return ValueSchema.schema(.time)
        case .between:
            return .object([
                ("type", .string("array")), ("items", ordered(type)), ("minItems", .int(2)), ("maxItems", .int(2)),
            ])
        case .contains:
            if case .value(.list(let item)) = type { return ValueSchema.schema(item) }
            return type == .value(.any) ? .bool(true) : ValueSchema.schema(.text)
        case .startsWith, .endsWith, .matches: return ValueSchema.schema(.text)
        case .inCIDR: return ValueSchema.schema(.list(.text))
        case .containsAll, .only, .unorderedEquals:
            if case .value(.list) = type { return operand }
            return ValueSchema.schema(.list(.any))
        case .count: return reference(.value(.integer))
        case .each, .some, .none: return reference(type.item)
        case .not: return reference(type)
        case .all, .any:
            return .object([("type", .string("array")), ("items", reference(type)), ("minItems", .int(1))])
        case .version: return reference(.version)
        case .duration: return reference(.value(.duration))
        case .number: return reference(.value(.number))
        case .time: return reference(.value(.time))
        }
    }

    private func ordered(_ type: MatchedType) -> JSONValue {
        switch type.order {
        case .number: ValueSchema.schema(.number)
        case .duration: ValueSchema.schema(.duration)
        case .time: ValueSchema.schema(.time)
        case .version: ValueSchema.schema(.text)
        case nil: ValueSchema.anyOf([ValueSchema.schema(.number), ValueSchema.schema(.duration)])
        }
    }
}
