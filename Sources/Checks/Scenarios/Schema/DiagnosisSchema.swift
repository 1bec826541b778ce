import Documents
import Probes

/// JSON Schema, draft 2020-12, of the catalogue of causes.
public enum DiagnosisSchema {
    /// Where the schema is at home.
    public static let id = "https://istio.io/schemas/meshcheck/diagnoses.json"

    /// The schema.
    public static func json() -> JSONValue {
        let entry = ValueSchema.object(
            DiagnosisKey.allCases.map { ($0.rawValue, ValueSchema.described(schema($0), $0.summary)) },
            required: DiagnosisKey.allCases.filter(\.isRequired).map(\.rawValue))
        var matchers = MatcherSchema()
        let condition = condition(&matchers)
        let list = JSONValue.object([
            ("type", .string("array")), ("items", .object([("$ref", .string("#/$defs/diagnosis"))])),
            ("minItems", .int(1)),
        ])
        guard
            case .object(let members) = ValueSchema.object(
                [
                    ("retired", texts), ("groups", groups), ("diagnoses", list),
                ], required: ["diagnoses"])
        else { return .null }
        return .object(
            [
                ("$schema", .string("https://json-schema.org/draft/2020-12/schema")), ("$id", .string(id)),
                ("title", .string("meshcheck diagnoses")),
            ] + members + [
                (
                    "$defs",
                    .object([("condition", condition), ("diagnosis", entry)] + matchers.definitions())
                )
            ])
    }

    private static let text = JSONValue.object([("type", .string("string")), ("minLength", .int(1))])
    private static let texts = ValueSchema.anyOf([.object([("type", .string("array")), ("items", text)]), text])
    private static let groups = JSONValue.object([
        ("type", .string("object")), ("additionalProperties", texts),
        (
            "description",
            .string("Named lists of ids and codes, for use in `explains`.")
        ),
    ])
    private static let conditions: JSONValue = {
        let one = JSONValue.object([("$ref", .string("#/$defs/condition"))])
        return ValueSchema.anyOf([.object([("type", .string("array")), ("items", one), ("minItems", .int(1))]), one])
    }()

    private static func schema(_ key: DiagnosisKey) -> JSONValue {
        switch key {
        case .code: .object([("type", .string("string")), ("pattern", .string("^MX[0-9]{4}$"))])
        case .severity: ValueSchema.words(Severity.allCases.map(\.rawValue), allowsVariable: false)
        case .cause, .explanation, .documentation: text
        case .when, .unless: conditions
        case .independent: .object([("type", .string("boolean"))])
        case .explains, .evidence, .remedy: texts
        }
    }

    private static func condition(_ matchers: inout MatcherSchema) -> JSONValue {
        let reasons = ValueSchema.words(ProbeError.Reason.allCases.map(\.rawValue), allowsVariable: false)
        let states = ValueSchema.words(DiagnosisCondition.State.allCases.map(\.rawValue), allowsVariable: false)
        let attributes = JSONValue.object([
            ("type", .string("object")), ("additionalProperties", matchers.reference(.value(.any))),
            ("minProperties", .int(1)),
        ])
        let properties = DiagnosisConditionKey.allCases.map { key -> (String, JSONValue) in
            let schema: JSONValue =
                switch key {
                case .check: texts
                case .is: states
                case .error: ValueSchema.anyOf([.object([("type", .string("array")), ("items", reasons)]), reasons])
                case .where: attributes
                }
            return (key.rawValue, ValueSchema.described(schema, key.summary))
        }
        return ValueSchema.object(properties, required: [DiagnosisConditionKey.check.rawValue])
    }
}
