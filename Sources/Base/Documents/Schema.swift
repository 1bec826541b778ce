/// What a shape accepts, as a value: the source of the JSON Schema and of the reference document.
public indirect enum SchemaNode: Sendable {
    /// Any scalar, taken as text; the pattern is an ECMA-262 regular expression for the schema.
    case string(format: String?, pattern: String? = nil)
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
    /// A mapping whose kind is told by one of several keys.
    case keyed([(key: String, node: SchemaNode)])
    /// Something, or nothing.
    case nullable(SchemaNode)
    /// A scalar that may mention variables.
    case template(SchemaNode)
    /// One of several things.
    case oneOf([SchemaNode])
    /// A schema that is declared elsewhere and may hold itself, by its name.
    case named(String, @Sendable () -> SchemaNode)
    /// Whatever is there.
    case anything
}

/// A key of a mapping.
public struct FieldSchema: Sendable {
    /// The key.
    public let key: String
    /// Whether it has to be there.
    public internal(set) var isRequired: Bool
    /// What it means.
    public let doc: String
    /// A value to learn from, in YAML.
    public let example: String?
    /// What it holds.
    public let node: SchemaNode
    /// What holds when the key is missing; nil where nothing does.
    public internal(set) var defaultValue: JSONValue?
    /// A name that the key had once and that still works.
    let former: String?
    /// Whether the key or one in its value had another name once.
    let hasFormerKeys: Bool

    init(key: String, isRequired: Bool, doc: String, example: String?, node: SchemaNode, former: String?) {
        self.key = key
        self.isRequired = isRequired
        self.doc = doc
        self.example = example
        self.node = node
        self.former = former
        hasFormerKeys = former != nil || node.hasFormerKeys
    }

    /// A key that is handled before decoding.
    public init(_ key: String, _ node: SchemaNode, _ doc: String) {
        self.init(key: key, isRequired: false, doc: doc, example: nil, node: node, former: nil)
    }
}

extension SchemaNode {
    /// What a value is, in a few words.
    var typeName: String {
        switch self {
        case .string(let format, _): format ?? "text"
        case .boolean: "true or false"
        case .integer(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .octal: "octal mode"
        case .enumeration(let words): words.joined(separator: ", ")
        case .list(let item): "list of " + item.typeName
        case .map(let value): "mapping of names to " + value.typeName
        case .object(let name, _, _): name
        case .keyed(let choices): choices.map { "`\($0.key)`" }.joined(separator: ", ") + " item"
        case .nullable(let inner): inner.typeName + ", or nothing"
        case .template(let inner): inner.typeName
        case .oneOf(let choices): choices.map(\.typeName).joined(separator: ", or ")
        case .named(let name, _): name
        case .anything: "anything"
        }
    }

    /// Whether a node could be meant for this, judged by its kind alone.
    func suits(_ node: YAMLNode) -> Bool {
        switch self {
        case .string, .boolean, .integer, .octal, .enumeration:
            if case .scalar = node.content { return true }
            return false
        case .map, .object, .keyed:
            if case .mapping = node.content { return true }
            return false
        case .list(let item):
            if case .sequence = node.content { return true }
            return item.suits(node)
        case .nullable(let inner): return node.isNull || inner.suits(node)
        case .template(let inner): return inner.suits(node)
        case .oneOf(let choices): return choices.contains { $0.suits(node) }
        case .named(_, let schema): return schema().suits(node)
        case .anything: return true
        }
    }
}

/// A value that the reference and the schema can show as a default.
protocol DefaultValue {
    /// The value as JSON; nil where there is nothing to show.
    func shown(in node: SchemaNode) -> JSONValue?
}

extension Bool: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { .bool(self) }
}

extension Int: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { .int(self) }
}

extension String: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { isEmpty ? nil : .string(self) }
}

extension UInt16: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? {
        guard case .octal = node else { return .int(Int(self)) }
        let digits = String(self, radix: 8)
        return .string(String(repeating: "0", count: digits.count < 4 ? 4 - digits.count : 0) + digits)
    }
}

extension Optional: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { self.flatMap { shownDefault($0, in: node) } }
}

extension Located: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { shownDefault(value, in: node) }
}

extension Array: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? {
        guard case .list(let item) = node, !isEmpty else { return nil }
        let values = compactMap { shownDefault($0, in: item) }
        return values.count == count ? .array(values) : nil
    }
}

/// The default of a key, as JSON.
func shownDefault<Value>(_ value: Value, in node: SchemaNode) -> JSONValue? {
    if let known = value as? any DefaultValue { return known.shown(in: node) }
    if let word = (value as? any RawRepresentable)?.rawValue as? String { return .string(word) }
    return nil
}

extension SchemaNode {
    /// JSON Schema, draft 2020-12, of this node.
    var jsonSchema: JSONValue { .object(members) }

    private var members: [(String, JSONValue)] {
        switch self {
        case .string(_, let pattern):
            // A reader of YAML may hand `1.30` on as a number; we take its text.
            return [("type", .array([.string("string"), .string("number"), .string("boolean")]))]
                + (pattern.map { [("pattern", .string($0))] } ?? [])
        case .boolean: return [("type", .string("boolean"))]
        case .integer(let range):
            return [
                ("type", .string("integer")), ("minimum", .int(range.lowerBound)), ("maximum", .int(range.upperBound)),
            ]
        case .octal:
            return [
                ("type", .array([.string("string"), .string("integer")])),
                ("pattern", .string("^(0o)?0?[0-7]{3,4}$")),
            ]
        case .enumeration(let words): return [("enum", .array(words.map { .string($0) }))]
        case .list(let item):
            let several = JSONValue.object([("type", .string("array")), ("items", item.jsonSchema)])
            return [("anyOf", .array([several, item.jsonSchema]))]
        case .map(let value):
            return [("type", .string("object")), ("additionalProperties", value.jsonSchema)]
        case .object(_, let doc, let fields): return Self.members(doc: doc, fields: fields)
        case .keyed(let choices):
            let schemas = choices.map { choice -> JSONValue in
                var members = choice.node.members
                // The key that tells the choices apart has to be there, whatever the choice itself says.
                if case .array(let required)? = members.first(where: { $0.0 == "required" })?.1 {
                    let isNamed = required.contains { if case .string(choice.key) = $0 { true } else { false } }
                    if isNamed { return .object(members) }
                    members.removeAll { $0.0 == "required" }
                    members.append(("required", .array([.string(choice.key)] + required)))
                } else {
                    members.append(("required", .array([.string(choice.key)])))
                }
                return .object(members)
            }
            return [("oneOf", .array(schemas))]
        case .nullable(let inner):
            return [("anyOf", .array([inner.jsonSchema, .object([("type", .string("null"))])]))]
        case .template(let inner):
            let mention = JSONValue.object([("type", .string("string")), ("pattern", .string("\\$\\{"))])
            return [("anyOf", .array([inner.jsonSchema, mention]))]
        case .oneOf(let choices): return [("anyOf", .array(choices.map(\.jsonSchema)))]
        case .named(let name, _): return [("$ref", .string("#/$defs/\(name)"))]
        case .anything: return []
        }
    }

    /// What is named in it, each once, for `$defs`.
    func definitions(_ found: inout [(String, JSONValue)]) {
        switch self {
        case .list(let inner), .map(let inner), .nullable(let inner), .template(let inner): inner.definitions(&found)
        case .object(_, _, let fields): for field in fields { field.node.definitions(&found) }
        case .keyed(let choices): for choice in choices { choice.node.definitions(&found) }
        case .oneOf(let choices): for choice in choices { choice.definitions(&found) }
        case .named(let name, let schema):
            if found.contains(where: { $0.0 == name }) { return }
            found.append((name, schema().jsonSchema))
            schema().definitions(&found)
        default: break
        }
    }

    private static func members(doc: String, fields: [FieldSchema]) -> [(String, JSONValue)] {
        let properties = fields.map { field -> (String, JSONValue) in
            var inner = field.node.members.filter { $0.0 != "description" }
            inner.insert(("description", .string(field.doc)), at: 0)
            if let value = field.defaultValue { inner.append(("default", value)) }
            if let example = field.example { inner.append(("examples", .array([field.node.json(example: example)]))) }
            return (field.key, .object(inner))
        }
        var result: [(String, JSONValue)] = [
            ("description", .string(doc)), ("type", .string("object")), ("properties", .object(properties)),
            ("additionalProperties", .bool(false)),
        ]
        let required = fields.filter(\.isRequired).map { JSONValue.string($0.key) }
        if !required.isEmpty { result.append(("required", .array(required))) }
        return result
    }

    // MARK: - examples

    /// An example as an instance of the schema: `[a, b]` is a list there, not a text.
    func json(example: String) -> JSONValue {
        var ignored = Diagnostics()
        let source = SourceText(path: "example", bytes: Array(example.utf8))
        guard let node = YAMLLoader.load(source, diagnostics: &ignored), !ignored.hasErrors else {
            return .string(example)
        }
        return json(of: node)
    }

    private func json(of node: YAMLNode) -> JSONValue {
        switch (self, node.content) {
        case (.nullable(let inner), _): return node.isNull ? .null : inner.json(of: node)
        case (.template(let inner), _): return inner.json(of: node)
        case (.named(_, let schema), _): return schema().json(of: node)
        case (.oneOf(let choices), _):
            return choices.first { $0.suits(node) }?.json(of: node) ?? Self.string(nil).json(of: node)
        case (.boolean, .scalar(let text, _)): return .bool(text == "true")
        case (.integer, .scalar(let text, _)): return Int(text).map(JSONValue.int) ?? .string(text)
        case (.list(let item), .scalar): return item.json(of: node)
        case (_, .scalar(let text, _)): return .string(text)
        case (.list(let item), .sequence(let nodes)): return .array(nodes.map { item.json(of: $0) })
        case (_, .sequence(let nodes)): return .array(nodes.map { Self.string(nil).json(of: $0) })
        case (_, .mapping(let pairs)):
            return .object(
                pairs.map { pair in
                    let key = pair.key.scalarText ?? ""
                    return (key, (valueNode(key, in: node) ?? Self.string(nil)).json(of: pair.value))
                })
        }
    }

    private static func string(_ format: String?) -> SchemaNode { .string(format: format) }

    /// What the value of a key has to be.
    private func valueNode(_ key: String, in node: YAMLNode) -> SchemaNode? {
        switch self {
        case .map(let value): return value
        case .object(_, _, let fields): return fields.first { $0.key == key }?.node
        case .keyed(let choices): return choices.first { node[key: $0.key] != nil }?.node.valueNode(key, in: node)
        case .list(let item): return item.valueNode(key, in: node)
        default: return nil
        }
    }
}

extension SchemaNode {
    /// A Markdown table for each mapping, the outer one first.
    func reference(seen: inout Set<String>) -> String {
        switch self {
        case .list(let inner), .map(let inner), .nullable(let inner), .template(let inner):
            return inner.reference(seen: &seen)
        case .keyed(let choices): return choices.map { $0.node.reference(seen: &seen) }.joined()
        case .oneOf(let choices): return choices.map { $0.reference(seen: &seen) }.joined()
        case .named(_, let schema): return schema().reference(seen: &seen)
        case .object(let name, let doc, let fields):
            guard seen.insert(name).inserted else { return "" }
            var text = "## \(name)\n\n\(doc)\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
            for field in fields { text += Self.row(field) }
            text += "\n"
            for field in fields { text += field.node.reference(seen: &seen) }
            return text
        default: return ""
        }
    }

    private static func row(_ field: FieldSchema) -> String {
        var meaning = field.doc
        if let example = field.example { meaning += " Example: `\(example)`." }
        let fallback: String
        switch field.defaultValue {
        case .string(let text)?: fallback = "`\(text)`"
        case let value?: fallback = "`\(value.compact)`"
        case nil: fallback = ""
        }
        let cells = ["`\(field.key)`\(field.isRequired ? " (required)" : "")", field.node.typeName, fallback, meaning]
        return "| " + cells.map(cell).joined(separator: " | ") + " |\n"
    }

    /// A bar would end the cell and a newline the row.
    private static func cell(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "|": result += "\\|"
            case "\n": result += " "
            default: result.append(character)
            }
        }
        return result
    }
}
