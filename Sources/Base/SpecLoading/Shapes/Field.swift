/// A key of a mapping and where its value goes.
public struct Field<Root: Sendable>: Sendable {
    /// The key as the reference shows it.
    public private(set) var schema: FieldSchema
    let read: @Sendable (YAMLNode, inout Root, inout Diagnostics) -> Bool
    /// What a new object has there.
    private let fallback: @Sendable (Root) -> JSONValue?

    /// A key that has to be there, for a property that is nil until then.
    public static func required<Value: Sendable>(
        _ key: String, _ path: any WritableKeyPath<Root, Value?> & Sendable, _ shape: Shape<Value>, _ doc: String,
        example: String? = nil
    ) -> Field {
        make(key, true, shape, doc, example) {
            $0[keyPath: path]
        } put: { root, value in
            root[keyPath: path] = value
        }
    }

    /// A key that has to be there.
    public static func required<Value: Sendable>(
        _ key: String, _ path: any WritableKeyPath<Root, Value> & Sendable, _ shape: Shape<Value>, _ doc: String,
        example: String? = nil
    ) -> Field {
        make(key, true, shape, doc, example) {
            $0[keyPath: path]
        } put: { root, value in
            root[keyPath: path] = value
        }
    }

    /// A key that may be missing, for a property that is nil then.
    public static func optional<Value: Sendable>(
        _ key: String, _ path: any WritableKeyPath<Root, Value?> & Sendable, _ shape: Shape<Value>, _ doc: String,
        example: String? = nil
    ) -> Field {
        make(key, false, shape, doc, example) {
            $0[keyPath: path]
        } put: { root, value in
            root[keyPath: path] = value
        }
    }

    /// A key that may be missing, for a property that keeps its default then.
    public static func optional<Value: Sendable>(
        _ key: String, _ path: any WritableKeyPath<Root, Value> & Sendable, _ shape: Shape<Value>, _ doc: String,
        example: String? = nil
    ) -> Field {
        make(key, false, shape, doc, example) {
            $0[keyPath: path]
        } put: { root, value in
            root[keyPath: path] = value
        }
    }

    /// A key that is known and documented but handled before decoding.
    public static func ignored(_ key: String, _ node: SchemaNode, _ doc: String) -> Field {
        Field(
            schema: FieldSchema(key: key, isRequired: false, doc: doc, example: nil, node: node), fallback: { _ in nil }
        ) {
            _, _, _ in true
        }
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
        let fallback = fallback
        return Field<Outer>(schema: schema, fallback: { fallback($0[keyPath: path]) }) { node, outer, diagnostics in
            read(node, &outer[keyPath: path], &diagnostics)
        }
    }

    private static func make<Value: Sendable, Property>(
        _ key: String, _ isRequired: Bool, _ shape: Shape<Value>, _ doc: String, _ example: String?,
        get: @escaping @Sendable (Root) -> Property, put: @escaping @Sendable (inout Root, Value) -> Void
    ) -> Field {
        let schema = FieldSchema(key: key, isRequired: isRequired, doc: doc, example: example, node: shape.schema)
        let node = shape.schema
        return Field(schema: schema, fallback: { shownDefault(get($0), in: node) }) { node, root, diagnostics in
            guard let value = shape.read(node, &diagnostics) else { return false }
            put(&root, value)
            return true
        }
    }

    private init(
        schema: FieldSchema, fallback: @escaping @Sendable (Root) -> JSONValue?,
        read: @escaping @Sendable (YAMLNode, inout Root, inout Diagnostics) -> Bool
    ) {
        self.schema = schema
        self.fallback = fallback
        self.read = read
    }

    /// The schema with the default that a new object shows.
    func documented(by root: Root) -> FieldSchema {
        var schema = schema
        if !schema.isRequired, schema.defaultValue == nil { schema.defaultValue = fallback(root) }
        return schema
    }
}
