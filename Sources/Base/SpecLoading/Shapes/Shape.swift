import Platform

/// How a node becomes a typed value, declared once for decoding, JSON Schema and reference.
public struct Shape<Value: Sendable>: Sendable {
    /// What it accepts.
    public let schema: SchemaNode
    let read: @Sendable (YAMLNode, inout Diagnostics) -> Value?

    init(_ schema: SchemaNode, read: @escaping @Sendable (YAMLNode, inout Diagnostics) -> Value?) {
        self.schema = schema
        self.read = read
    }

    /// The value, or nil after a diagnostic.
    public func decode(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Value? { read(node, &diagnostics) }

    /// The same with the value turned into another.
    public func map<Other: Sendable>(_ transform: @escaping @Sendable (Value) -> Other) -> Shape<Other> {
        Shape<Other>(schema) { node, diagnostics in read(node, &diagnostics).map(transform) }
    }

    /// The same with the node's place put into the value.
    public func ranged(_ put: @escaping @Sendable (inout Value, SourceRange?) -> Void) -> Shape<Value> {
        Shape(schema) { node, diagnostics in
            guard var value = read(node, &diagnostics) else { return nil }
            put(&value, node.range)
            return value
        }
    }

    /// JSON Schema, draft 2020-12.
    public func jsonSchema(id: String, title: String) -> JSONValue {
        guard case .object(let members) = schema.jsonSchema else { return schema.jsonSchema }
        return .object(
            [
                ("$schema", .string("https://json-schema.org/draft/2020-12/schema")), ("$id", .string(id)),
                ("title", .string(title)),
            ] + members)
    }

    /// Every key with its type and meaning in Markdown.
    public func markdownReference(title: String) -> String {
        var seen: Set<String> = []
        return "# \(title)\n\n" + schema.reference(seen: &seen)
    }
}

/// Why a text is not what a shape wants.
public struct ShapeFault: Error, Sendable {
    /// The sentence.
    public var message: String
    /// What to do about it.
    public var help: String?
    /// The byte of the text at which the fault is.
    public var offset: Int?

    /// Creates a fault.
    public init(message: String, help: String? = nil, offset: Int? = nil) {
        self.message = message
        self.help = help
        self.offset = offset
    }
}

extension YAMLNode {
    /// The text of a scalar that is there, or nil after a diagnostic.
    ///
    /// - Parameter isText: whether an empty text would do.
    func text(for expected: String, isText: Bool = false, _ diagnostics: inout Diagnostics) -> String? {
        if isNull {
            diagnostics.error(
                "missing-value", "a value is missing", at: range,
                help: "write \(expected), or take the key out" + (isText ? "; an empty text is ''" : ""))
            return nil
        }
        guard case .scalar(let text, _) = content else {
            diagnostics.error("type", "expected \(expected), found \(kindName)", at: range)
            return nil
        }
        return text
    }

    /// What was found, for messages: the text of a scalar, the kind of anything else.
    var foundName: String {
        guard !isNull, let text = scalarText else { return kindName }
        return "'\(DisplayText.shortened(text))'"
    }
}
