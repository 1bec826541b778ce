/// What a shape accepts, as a value: the source of the JSON Schema and of the reference document.
public indirect enum SchemaNode: Sendable {
    /// Any scalar, taken as text.
    case string(format: String?)
    /// `true` or `false`.
    case boolean
    /// A whole number.
    case integer(ClosedRange<Int>)
    /// Permission bits in octal.
    case octal
    /// One of some words.
    case enumeration([String])
    /// Several of something, or one without the list around it.
    case list(SchemaNode)
    /// Values by names that the user chooses.
    case map(SchemaNode)
    /// A mapping with known keys.
    case object(name: String, doc: String, fields: [FieldSchema])
    /// A mapping that one of several keys tells apart.
    case keyed([(key: String, node: SchemaNode)])
}

/// A key of a mapping.
public struct FieldSchema: Sendable {
    /// The key.
    public var key: String
    /// Whether it has to be there.
    public var isRequired: Bool
    /// What it means.
    public var doc: String
    /// A value to learn from.
    public var example: String?
    /// What it holds.
    public var node: SchemaNode
}

extension SchemaNode {
    /// JSON Schema, draft 2020-12, of this node.
    var jsonSchema: JSONValue { .object(members) }

    private var members: [(String, JSONValue)] {
        switch self {
        case .string:
            // A reader of YAML may hand `1.30` on as a number; we take its text.
            return [("type", .array([.string("string"), .string("number"), .string("boolean")]))]
        case .boolean: return [("type", .string("boolean"))]
        case .integer(let range):
            return [
                ("type", .string("integer")), ("minimum", .int(range.lowerBound)), ("maximum", .int(range.upperBound)),
            ]
        case .octal:
            return [
                ("type", .array([.string("string"), .string("integer")])), ("pattern", .string("^(0o)?[0-7]{3,5}$")),
            ]
        case .enumeration(let words): return [("enum", .array(words.map { .string($0) }))]
        case .list(let item):
            return [
                (
                    "anyOf",
                    .array([.object([("type", .string("array")), ("items", item.jsonSchema)]), item.jsonSchema])
                )
            ]
        case .map(let value):
            return [("type", .string("object")), ("additionalProperties", value.jsonSchema)]
        case .object(_, let doc, let fields):
            let properties = fields.map { field -> (String, JSONValue) in
                var inner = field.node.members.filter { $0.0 != "description" }
                inner.insert(("description", .string(field.doc)), at: 0)
                if let example = field.example { inner.append(("examples", .array([.string(example)]))) }
                return (field.key, .object(inner))
            }
            var result: [(String, JSONValue)] = [
                ("description", .string(doc)), ("type", .string("object")), ("properties", .object(properties)),
                ("additionalProperties", .bool(false)),
            ]
            let required = fields.filter(\.isRequired).map { JSONValue.string($0.key) }
            if !required.isEmpty { result.append(("required", .array(required))) }
            return result
        case .keyed(let choices): return [("oneOf", .array(choices.map(\.node.jsonSchema)))]
        }
    }

    // MARK: - reference

    /// What a value is, in a few words.
    var typeName: String {
        switch self {
        case .string(let format): format ?? "text"
        case .boolean: "true or false"
        case .integer(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .octal: "octal mode"
        case .enumeration(let words): words.joined(separator: ", ")
        case .list(let item): "list of " + item.typeName
        case .map(let value): "mapping of names to " + value.typeName
        case .object(let name, _, _): name
        case .keyed(let choices): choices.map { "`\($0.key)`" }.joined(separator: ", ") + " item"
        }
    }

    /// A Markdown table for each mapping, the outer one first.
    func reference(seen: inout Set<String>) -> String {
        switch self {
        case .list(let inner), .map(let inner): return inner.reference(seen: &seen)
        case .keyed(let choices): return choices.map { $0.node.reference(seen: &seen) }.joined()
        case .object(let name, let doc, let fields):
            guard seen.insert(name).inserted else { return "" }
            var text = "## \(name)\n\n\(doc)\n\n| key | value | meaning |\n|---|---|---|\n"
            for field in fields {
                var meaning = field.doc.replacing("|", with: "\\|")
                if let example = field.example { meaning += " Example: `\(example)`." }
                text +=
                    "| `\(field.key)`\(field.isRequired ? " (required)" : "") | \(field.node.typeName) | \(meaning) |\n"
            }
            text += "\n"
            for field in fields { text += field.node.reference(seen: &seen) }
            return text
        default: return ""
        }
    }
}

extension String {
    fileprivate func replacing(_ letter: Character, with text: String) -> String {
        split(separator: letter, omittingEmptySubsequences: false).joined(separator: text)
    }
}
