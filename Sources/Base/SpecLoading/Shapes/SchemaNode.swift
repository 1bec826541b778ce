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
    /// A mapping that one of several keys tells apart.
    case keyed([(key: String, node: SchemaNode)])
    /// Something, or nothing.
    case nullable(SchemaNode)
    /// One of several things.
    case oneOf([SchemaNode])
}

/// A key of a mapping.
public struct FieldSchema: Sendable {
    /// The key.
    public var key: String
    /// Whether it has to be there.
    public var isRequired: Bool
    /// What it means.
    public var doc: String
    /// A value to learn from, in YAML.
    public var example: String?
    /// What it holds.
    public var node: SchemaNode
    /// What holds when the key is missing; nil where nothing does.
    public var defaultValue: JSONValue?
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
        case .oneOf(let choices): choices.map(\.typeName).joined(separator: ", or ")
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
        case .oneOf(let choices): return choices.contains { $0.suits(node) }
        }
    }
}
