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
        case .oneOf(let choices): return [("anyOf", .array(choices.map(\.jsonSchema)))]
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
