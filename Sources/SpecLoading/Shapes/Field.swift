/// A key of a mapping and where its value goes.
public struct Field<Root: Sendable>: Sendable {
    /// The key as the reference shows it.
    public private(set) var schema: FieldSchema
    let read: @Sendable (YAMLNode, inout Root, inout Diagnostics) -> Bool

    /// A key that has to be there, for a property that is nil until then.
    public static func required<Value: Sendable>(
        _ key: String, _ path: any WritableKeyPath<Root, Value?> & Sendable, _ shape: Shape<Value>, _ doc: String,
        example: String? = nil
    ) -> Field {
        make(key, true, shape, doc, example) { root, value in root[keyPath: path] = value }
    }

    /// A key that has to be there.
    public static func required<Value: Sendable>(
        _ key: String, _ path: any WritableKeyPath<Root, Value> & Sendable, _ shape: Shape<Value>, _ doc: String,
        example: String? = nil
    ) -> Field {
        make(key, true, shape, doc, example) { root, value in root[keyPath: path] = value }
    }

    /// A key that may be missing, for a property that is nil then.
    public static func optional<Value: Sendable>(
        _ key: String, _ path: any WritableKeyPath<Root, Value?> & Sendable, _ shape: Shape<Value>, _ doc: String,
        example: String? = nil
    ) -> Field {
        make(key, false, shape, doc, example) { root, value in root[keyPath: path] = value }
    }

    /// A key that may be missing, for a property that keeps its default then.
    public static func optional<Value: Sendable>(
        _ key: String, _ path: any WritableKeyPath<Root, Value> & Sendable, _ shape: Shape<Value>, _ doc: String,
        example: String? = nil
    ) -> Field {
        make(key, false, shape, doc, example) { root, value in root[keyPath: path] = value }
    }

    /// A key that is known and documented but handled before decoding.
    public static func ignored(_ key: String, _ node: SchemaNode, _ doc: String) -> Field {
        Field(schema: FieldSchema(key: key, isRequired: false, doc: doc, example: nil, node: node)) { _, _, _ in true }
    }

    /// The same key, no longer required.
    public func madeOptional() -> Field {
        var copy = self
        copy.schema.isRequired = false
        return copy
    }

    /// The same key in a mapping that holds this one's properties among its own.
    public func lifted<Outer: Sendable>(_ path: any WritableKeyPath<Outer, Root> & Sendable) -> Field<Outer> {
        let read = read
        return Field<Outer>(schema: schema) { node, outer, diagnostics in
            read(node, &outer[keyPath: path], &diagnostics)
        }
    }

    private static func make<Value: Sendable>(
        _ key: String, _ isRequired: Bool, _ shape: Shape<Value>, _ doc: String, _ example: String?,
        _ put: @escaping @Sendable (inout Root, Value) -> Void
    ) -> Field {
        let schema = FieldSchema(key: key, isRequired: isRequired, doc: doc, example: example, node: shape.schema)
        return Field(schema: schema) { node, root, diagnostics in
            guard let value = shape.read(node, &diagnostics) else { return false }
            put(&root, value)
            return true
        }
    }

    private init(
        schema: FieldSchema, read: @escaping @Sendable (YAMLNode, inout Root, inout Diagnostics) -> Bool
    ) {
        self.schema = schema
        self.read = read
    }
}

extension Shape {
    /// A mapping with known keys. Unknown and missing keys are all reported; the value is nil when anything is wrong.
    ///
    /// - Parameters:
    ///   - name: what it is called in the reference.
    ///   - new: makes the value that the fields are put into.
    public static func object(
        _ name: String, doc: String, new: @escaping @Sendable () -> Value, fields: [Field<Value>]
    ) -> Shape {
        Shape(.object(name: name, doc: doc, fields: fields.map(\.schema))) { node, diagnostics in
            guard case .mapping(let pairs) = node.content else {
                diagnostics.error("type", "expected a mapping, found \(node.kindName)", at: node.range)
                return nil
            }
            var value = new()
            var isComplete = true
            for pair in pairs {
                let key = pair.key.scalarText ?? ""
                guard let field = fields.first(where: { $0.schema.key == key }) else {
                    let known = fields.map(\.schema.key)
                    diagnostics.error(
                        "unknown-key", "unknown key '\(key)'", at: pair.key.range,
                        help: NearestMatch.of(key, among: known).map { "did you mean '\($0)'?" }
                            ?? "known here: " + known.sorted().joined(separator: ", "))
                    isComplete = false
                    continue
                }
                if !field.read(pair.value, &value, &diagnostics) { isComplete = false }
            }
            for field in fields where field.schema.isRequired && node[key: field.schema.key] == nil {
                diagnostics.error(
                    "missing-key", "key '\(field.schema.key)' is missing", at: node.range,
                    help: field.schema.doc + (field.schema.example.map { " Example: \(field.schema.key): \($0)" } ?? "")
                )
                isComplete = false
            }
            return isComplete ? value : nil
        }
    }
}
