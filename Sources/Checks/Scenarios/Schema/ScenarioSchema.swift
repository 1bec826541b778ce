import HostProbes
import Documents

/// JSON Schema, draft 2020-12, of scenario files, made of the declarations that the loader goes by.
///
/// It accepts every scenario that the loader accepts; what depends on more than one place of a file (ids, needs,
/// variables) only the loader can tell.
public enum ScenarioSchema {
    /// Where the schema is at home.
    public static let id = "https://istio.io/schemas/meshcheck/scenario.json"

    /// The schema.
    public static func json(kinds: KindCatalogue = .standard) -> JSONValue {
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
