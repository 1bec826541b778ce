import Platform

/// A declaration of what a document holds: decoder, JSON Schema and reference in one.
public struct Shape<Value: Sendable>: Sendable {
    /// What it accepts.
    public let schema: SchemaNode
    let read: @Sendable (YAMLNode, inout Diagnostics) -> Value?

    init(_ schema: SchemaNode, read: @escaping @Sendable (YAMLNode, inout Diagnostics) -> Value?) {
        self.schema = schema
        self.read = read
    }

    /// The value, or nil after a diagnostic. Former names of keys are understood, with a note.
    public func decode(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Value? {
        let before = diagnostics.errorCount
        let value = read(schema.renamingFormerKeys(node, &diagnostics), &diagnostics)
        return diagnostics.errorCount == before ? value : nil
    }

    /// The same with the value turned into another.
    public func map<Other: Sendable>(_ transform: @escaping @Sendable (Value) -> Other) -> Shape<Other> {
        Shape<Other>(schema) { node, diagnostics in read(node, &diagnostics).map(transform) }
    }

    /// JSON Schema, draft 2020-12.
    public func jsonSchema(id: String, title: String) -> JSONValue {
        guard case .object(let members) = schema.jsonSchema else { return schema.jsonSchema }
        var definitions: [(String, JSONValue)] = []
        schema.definitions(&definitions)
        return .object(
            [
                ("$schema", .string("https://json-schema.org/draft/2020-12/schema")), ("$id", .string(id)),
                ("title", .string(title)),
            ] + members + (definitions.isEmpty ? [] : [("$defs", .object(definitions))]))
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
    /// - Parameter isText: whether an empty text is allowed.
    func text(for expected: String, isText: Bool = false, _ diagnostics: inout Diagnostics) -> String? {
        if isNull {
            diagnostics.error(
                "missing-value", "a value is missing", at: range,
                help: "write \(expected), or remove the key" + (isText ? "; an empty text is ''" : ""))
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

extension Shape {
    /// The value with its place.
    public static func located<Inner: Sendable>(_ inner: Shape<Inner>) -> Shape where Value == Located<Inner> {
        Shape(inner.schema) { node, diagnostics in
            inner.read(node, &diagnostics).map { Located(value: $0, range: node.range) }
        }
    }

    /// A shape that is declared elsewhere and may hold itself; the schema has it once, by its name.
    public static func named(_ name: String, _ shape: @escaping @Sendable () -> Shape) -> Shape {
        Shape(.named(name) { shape().schema }) { node, diagnostics in shape().read(node, &diagnostics) }
    }

    /// Whatever is there, as it is.
    public static var node: Shape<YAMLNode> { Shape<YAMLNode>(.anything) { node, _ in node } }

    /// A list, or a single value in its place.
    public static func list<Item: Sendable>(of item: Shape<Item>) -> Shape where Value == [Item] {
        Shape(.list(item.schema)) { node, diagnostics in
            guard case .sequence(let nodes) = node.content else {
                if node.isNull {
                    diagnostics.error(
                        "missing-value", "a value is missing", at: node.range,
                        help: "write '[]' for an empty list, or remove the key")
                    return nil
                }
                return item.read(node, &diagnostics).map { [$0] }
            }
            var items: [Item] = []
            var isComplete = true
            for node in nodes {
                if let value = item.read(node, &diagnostics) { items.append(value) } else { isComplete = false }
            }
            return isComplete ? items : nil
        }
    }

    /// Values by names that the user chooses, in the order of the file.
    public static func entries<Item: Sendable>(
        of item: Shape<Item>
    ) -> Shape where Value == [(name: Located<String>, value: Item)] {
        Shape(.map(item.schema)) { node, diagnostics in
            guard case .mapping(let pairs) = node.content else {
                diagnostics.error("type", "expected a mapping, found \(node.foundName)", at: node.range)
                return nil
            }
            var entries: [(name: Located<String>, value: Item)] = []
            var isComplete = true
            for pair in pairs {
                if let value = item.read(pair.value, &diagnostics) {
                    entries.append((Located(value: pair.key.scalarText ?? "", range: pair.key.range), value))
                } else {
                    isComplete = false
                }
            }
            return isComplete ? entries : nil
        }
    }

    /// Something, or nothing: `~`, `null` and no text at all give nil.
    public static func nullable<Inner: Sendable>(_ inner: Shape<Inner>) -> Shape where Value == Inner? {
        Shape(.nullable(inner.schema)) { node, diagnostics in
            if node.isNull { return .some(nil) }
            return inner.read(node, &diagnostics).map { .some($0) }
        }
    }

    /// One of several things: the first that accepts the node. When none does, and only one of
    /// them takes a node of this kind, that one reports what is wrong.
    public static func oneOf(_ choices: [Shape]) -> Shape {
        let schema = SchemaNode.oneOf(choices.map(\.schema))
        return Shape(schema) { node, diagnostics in
            for choice in choices {
                var own = Diagnostics()
                if let value = choice.read(node, &own), !own.hasErrors {
                    diagnostics.append(own)
                    return value
                }
            }
            let suitable = choices.filter { $0.schema.suits(node) }
            if let only = suitable.first, suitable.count == 1 { return only.read(node, &diagnostics) }
            if node.isNull {
                _ = node.text(for: schema.typeName, &diagnostics)
            } else {
                diagnostics.error("type", "expected \(schema.typeName), found \(node.foundName)", at: node.range)
            }
            return nil
        }
    }
}
