import Documents
import Probes

/// JSON Schema, draft 2020-12, of scenario files, made of the declarations that the loader goes by.
///
/// It accepts every scenario that the loader accepts; what depends on more than one place of a file (ids, needs,
/// variables) only the loader can tell.
public enum ScenarioSchema {
    /// Where the schema is at home.
    public static let id = "https://istio.io/schemas/meshcheck/scenario.json"

    /// The schema.
    public static func json(kinds: KindCatalogue) -> JSONValue {
        var matchers = MatcherSchema()
        var definitions: [(String, JSONValue)] = [("check", check(kinds))]
        for kind in kinds.kinds.sorted(by: { $0.name < $1.name }) {
            definitions.append(("subject-\(kind.name)", subject(kind)))
            definitions.append(("expect-\(kind.name)", expectations(kind, &matchers)))
        }
        definitions.append(("when", conditions(&matchers)))
        definitions += matchers.definitions()
        let properties = ScenarioKey.allCases.map { ($0.rawValue, ValueSchema.described(schema($0), $0.summary)) }
        guard
            case .object(let members) = ValueSchema.object(
                properties, required: ScenarioKey.allCases.filter(\.isRequired).map(\.rawValue))
        else { return .null }
        return .object(
            [
                ("$schema", .string("https://json-schema.org/draft/2020-12/schema")), ("$id", .string(id)),
                ("title", .string("meshcheck scenario")),
                ("description", .string("One step of the guide: what is looked at, and what is expected of it.")),
            ] + members + [("$defs", .object(definitions))])
    }

    private static let identifier = JSONValue.object([
        ("type", ValueSchema.strings(["string", "number"])), ("pattern", .string("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")),
    ])
    /// An id, with an item in brackets for one of a family.
    private static let checkID = JSONValue.object([
        ("type", ValueSchema.strings(["string", "number"])),
        ("pattern", .string("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(\\[[^\\[\\]]+\\])?$")),
    ])
    private static let text = JSONValue.object([("type", ValueSchema.strings(["string", "number", "boolean"]))])

    private static func list(_ item: JSONValue) -> JSONValue {
        ValueSchema.anyOf([.object([("type", .string("array")), ("items", item)]), item])
    }

    private static func schema(_ key: ScenarioKey) -> JSONValue {
        switch key {
        case .name: identifier
        case .title: text
        case .tags, .profiles: list(identifier)
        case .variables: .object([("type", ValueSchema.strings(["object", "null"]))])
        case .checks:
            .object([
                ("type", .string("array")), ("items", .object([("$ref", .string("#/$defs/check"))])),
                ("minItems", .int(1)),
            ])
        }
    }

    private static func check(_ kinds: KindCatalogue) -> JSONValue {
        let names = kinds.kinds.map(\.name).sorted()
        var properties = CheckKey.allCases.map { ($0.rawValue, ValueSchema.described(schema($0), $0.summary)) }
        properties += names.map { ($0, .object([("$ref", .string("#/$defs/subject-\($0)"))])) }
        guard
            case .object(var members) = ValueSchema.object(
                properties, required: CheckKey.allCases.filter(\.isRequired).map(\.rawValue))
        else { return .null }
        // Exactly one subject, and only what can be expected of it.
        members.append(
            ("oneOf", .array(names.map { .object([("required", ValueSchema.strings([$0]))]) })))
        members.append(
            (
                "allOf",
                .array(
                    names.map { name in
                        let expect = JSONValue.object([("$ref", .string("#/$defs/expect-\(name)"))])
                        return .object([
                            ("if", .object([("required", ValueSchema.strings([name]))])),
                            ("then", .object([("properties", .object([("expect", expect)]))])),
                        ])
                    })
            ))
        return .object(members)
    }

    private static func schema(_ key: CheckKey) -> JSONValue {
        switch key {
        case .id: return identifier
        case .title, .runAs: return text
        case .expect: return .object([("type", .string("object")), ("minProperties", .int(1))])
        case .needs, .after: return list(checkID)
        case .tags: return list(identifier)
        case .when: return .object([("$ref", .string("#/$defs/when"))])
        case .timeout: return ValueSchema.schema(.duration)
        case .severity: return ValueSchema.words(Severity.allCases.map(\.rawValue), allowsVariable: false)
        case .eventually:
            return ValueSchema.object(
                EventuallyKey.allCases.map { ($0.rawValue, ValueSchema.schema(.duration)) },
                required: [EventuallyKey.within.rawValue])
        case .capture:
            let pattern = ValueSchema.object(
                CaptureKey.allCases.map { ($0.rawValue, ValueSchema.schema(.text)) },
                required: CaptureKey.allCases.map(\.rawValue))
            return .object([
                ("type", .string("object")),
                ("additionalProperties", ValueSchema.anyOf([.object([("type", .string("string"))]), pattern])),
            ])
        case .forEach:
            return ValueSchema.anyOf([.object([("type", .string("array"))]), text])
        }
    }

    private static func subject(_ kind: SubjectKind) -> JSONValue {
        let properties = kind.parameters.map { parameter -> (String, JSONValue) in
            (parameter.name, ValueSchema.described(schema(parameter), parameter.summary))
        }
        let required = kind.parameters.filter(\.isRequired).map(\.name)
        var forms = [ValueSchema.object(properties, required: required)]
        if let main = kind.parameters.first(where: { $0.name == kind.mainParameter }),
            required.allSatisfy({ $0 == main.name })
        {
            // A map as the main parameter would look like the parameters.
            if case .map = main.type {} else { forms.insert(schema(main), at: 0) }
        }
        if required.isEmpty { forms.append(.object([("type", .string("null"))])) }
        return ValueSchema.described(ValueSchema.anyOf(forms), kind.summary)
    }

    private static func schema(_ parameter: SubjectKind.Parameter) -> JSONValue {
        parameter.choices.isEmpty ? ValueSchema.schema(parameter.type) : ValueSchema.words(parameter.choices)
    }

    private static func expectations(_ kind: SubjectKind, _ matchers: inout MatcherSchema) -> JSONValue {
        var properties: [(String, JSONValue)] = []
        var patterns: [(String, JSONValue)] = []
        for attribute in kind.attributes {
            properties.append(
                (
                    attribute.name,
                    ValueSchema.described(matchers.reference(.value(attribute.type)), attribute.summary)
                ))
            switch attribute.type {
            case .list, .map, .any:
                patterns.append(("^\(attribute.name)[.\\[]", matchers.reference(.value(.any))))
            default: break
            }
        }
        return ValueSchema.object(properties, patterns: patterns, minimum: 1)
    }

    private static func conditions(_ matchers: inout MatcherSchema) -> JSONValue {
        let variable = matchers.reference(.value(.any))
        let patterns = ConditionReader.forms.map { form -> (String, JSONValue) in
            let prefix = form.key.utf8.prefix { $0 != UInt8(ascii: ".") }
            let name = String(decoding: prefix, as: UTF8.self)
            let pattern = form.key.utf8.contains(UInt8(ascii: ".")) ? "^\(name)\\..+" : "^\(name)$"
            let words = ValueSchema.words(form.words, allowsVariable: false)
            let schema: JSONValue =
                switch name {
                case "variable": ValueSchema.anyOf([words, variable])
                case "root": ValueSchema.schema(.bool)
                default: words
                }
            return (pattern, ValueSchema.described(schema, form.summary))
        }
        return ValueSchema.object([], patterns: patterns, minimum: 1)
    }
}

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
        case .startsWith, .endsWith, .matches, .semver: return ValueSchema.schema(.text)
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
