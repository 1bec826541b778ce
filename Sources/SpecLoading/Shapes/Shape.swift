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
    func text(for expected: String, _ diagnostics: inout Diagnostics) -> String? {
        if isNull {
            diagnostics.error(
                "missing-value", "a value is missing", at: range,
                help: "write \(expected), or take the key out; an empty text is ''")
            return nil
        }
        guard case .scalar(let text, _) = content else {
            diagnostics.error("type", "expected \(expected), found \(kindName)", at: range)
            return nil
        }
        return text
    }

    /// A note that shows what became of the text, when variables have been put in.
    var expansionNotes: [String] {
        guard original != nil, case .scalar(let text, _) = content else { return [] }
        return ["with its variables it is '\(text)'"]
    }
}

// MARK: - leaves

extension Shape where Value == String {
    /// Any scalar as its text: `version: 1.30` stays "1.30".
    public static var string: Shape {
        Shape(.string(format: nil)) { node, diagnostics in node.text(for: "text", &diagnostics) }
    }

    /// A scalar with at least one character that is no blank.
    public static var nonEmptyString: Shape {
        Shape(.string(format: nil)) { node, diagnostics in
            guard let text = node.text(for: "text", &diagnostics) else { return nil }
            guard text.contains(where: { !$0.isWhitespace }) else {
                diagnostics.error(
                    "empty", "the text is empty", at: node.range, notes: node.expansionNotes,
                    help: "write a value, or take the key out")
                return nil
            }
            return text
        }
    }
}

extension Shape where Value == Bool {
    /// `true` or `false`, and nothing else that YAML 1.1 took for a truth value.
    public static var boolean: Shape {
        Shape(.boolean) { node, diagnostics in
            guard let text = node.text(for: "true or false", &diagnostics) else { return nil }
            switch text {
            case "true": return true
            case "false": return false
            default:
                let guess = ["yes", "on", "True", "TRUE"].contains(text) ? "write 'true'" : "write 'true' or 'false'"
                diagnostics.error(
                    "type", "expected true or false, found '\(text)'", at: node.range, notes: node.expansionNotes,
                    help: ["no", "off", "False", "FALSE"].contains(text) ? "write 'false'" : guess)
                return nil
            }
        }
    }
}

extension Shape where Value == Int {
    /// A whole number in decimal.
    public static func integer(_ range: ClosedRange<Int>) -> Shape {
        Shape(.integer(range)) { node, diagnostics in
            guard let text = node.text(for: "a whole number", &diagnostics) else { return nil }
            guard let number = Int(text), range.contains(number) else {
                diagnostics.error(
                    "type",
                    "expected a whole number (must be >=\(range.lowerBound) and <=\(range.upperBound)), found '\(text)'",
                    at: node.range, notes: node.expansionNotes)
                return nil
            }
            return number
        }
    }
}

extension Shape where Value == UInt16 {
    /// Permission bits, always octal: `"0755"`, `0755`, `0o755` and `4755`.
    public static var octalMode: Shape {
        Shape(.octal) { node, diagnostics in
            guard let text = node.text(for: "an octal mode such as \"0644\"", &diagnostics) else { return nil }
            let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
            guard digits.utf8.count >= 3, digits.utf8.count <= 5, let bits = UInt16(digits, radix: 8), bits <= 0o7777,
                digits.first != "+"
            else {
                diagnostics.error(
                    "mode", "'\(text)' is no octal mode (must be >=000 and <=7777)", at: node.range,
                    notes: node.expansionNotes, help: "write it such as \"0644\" or \"4755\"")
                return nil
            }
            return bits
        }
    }
}

extension Shape {
    /// One of the words of an enumeration.
    public static func enumeration(
        _ type: Value.Type
    ) -> Shape where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
        let words = Value.allCases.map(\.rawValue)
        return Shape(.enumeration(words)) { node, diagnostics in
            guard let text = node.text(for: "one of " + words.joined(separator: ", "), &diagnostics) else {
                return nil
            }
            guard let value = Value(rawValue: text) else {
                diagnostics.error(
                    "enumeration", "expected one of \(words.joined(separator: ", ")), found '\(text)'",
                    at: node.range, notes: node.expansionNotes,
                    help: NearestMatch.of(text, among: words).map { "did you mean '\($0)'?" })
                return nil
            }
            return value
        }
    }

    /// A scalar that a parser of its own turns into a value.
    ///
    /// - Parameter name: what it is, for messages.
    public static func parsed(
        _ name: String, _ parse: @escaping @Sendable (String) -> Result<Value, ShapeFault>
    ) -> Shape {
        Shape(.string(format: name)) { node, diagnostics in
            guard let text = node.text(for: "a \(name)", &diagnostics) else { return nil }
            switch parse(text) {
            case .success(let value): return value
            case .failure(let fault):
                diagnostics.error(
                    name.split(separator: " ").joined(separator: "-").lowercased(), fault.message,
                    at: fault.offset.flatMap { node.range?.narrowed(to: $0) } ?? node.range,
                    notes: node.expansionNotes, help: fault.help)
                return nil
            }
        }
    }

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
                diagnostics.error("type", "expected a mapping, found \(node.kindName)", at: node.range)
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

    /// A mapping in which exactly one of some keys says what it is.
    public static func keyed(by choices: [(String, Shape<Value>)]) -> Shape {
        let keys = choices.map(\.0)
        return Shape(.keyed(choices.map { (key: $0.0, node: $0.1.schema) })) { node, diagnostics in
            let expected = keys.map { "'\($0)'" }.joined(separator: ", ")
            guard case .mapping(let pairs) = node.content else {
                diagnostics.error(
                    "type", "expected a mapping with one of \(expected), found \(node.kindName)", at: node.range)
                return nil
            }
            let found = pairs.filter { keys.contains($0.key.scalarText ?? "") }
            guard let key = found.first?.key.scalarText, found.count == 1 else {
                let names = pairs.compactMap(\.key.scalarText)
                let nearest = names.lazy.compactMap { name in
                    NearestMatch.of(name, among: keys).map { "did you mean '\($0)' for '\(name)'?" }
                }.first
                diagnostics.error(
                    "item-kind",
                    found.isEmpty
                        ? "the item has none of \(expected)"
                        : "the item has \(found.compactMap(\.key.scalarText).map { "'\($0)'" }.joined(separator: " and "))",
                    at: found.dropFirst().first?.key.range ?? node.range,
                    help: found.isEmpty ? nearest : "keep one of them and make another item of the other")
                return nil
            }
            return choices.first { $0.0 == key }?.1.read(node, &diagnostics)
        }
    }
}
