extension Shape {
    /// The value with its place.
    public static func located<Inner: Sendable>(_ inner: Shape<Inner>) -> Shape where Value == Located<Inner> {
        Shape(inner.schema) { node, diagnostics in
            inner.read(node, &diagnostics).map { Located(value: $0, range: node.range) }
        }
    }

    /// A list, or a single value in its place.
    public static func list<Item: Sendable>(of item: Shape<Item>) -> Shape where Value == [Item] {
        Shape(.list(item.schema)) { node, diagnostics in
            guard case .sequence(let nodes) = node.content else {
                if node.isNull {
                    diagnostics.error(
                        "missing-value", "a value is missing", at: node.range,
                        help: "write '[]' for an empty list, or take the key out")
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

    /// One of several things: the first that accepts the node. When none does, what is wrong is told by the only one
    /// that a node of this kind can be meant for, if there is only one.
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
