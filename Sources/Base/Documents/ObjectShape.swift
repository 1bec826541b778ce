import Platform

// MARK: - fields

/// One key of a mapping, or several, and the value that they make.
public struct Field<Value: Sendable>: Sendable {
    let schemas: [FieldSchema]
    let read: @Sendable (Mapping, inout Diagnostics) -> Value?

    /// Several keys whose values have one type.
    public static func list<Item: Sendable>(
        _ fields: [Field<Item>], as make: @escaping @Sendable ([Item]) -> Value
    ) -> Field {
        Field(schemas: fields.flatMap(\.schemas)) { mapping, diagnostics in
            let items = fields.map { $0.read(mapping, &diagnostics) }
            return items.contains { $0 == nil } ? nil : make(items.compactMap { $0 })
        }
    }

    /// The same with the value turned into another.
    public func map<Other: Sendable>(_ transform: @escaping @Sendable (Value) -> Other) -> Field<Other> {
        Field<Other>(schemas: schemas) { mapping, diagnostics in read(mapping, &diagnostics).map(transform) }
    }
}

/// A mapping while its fields read it.
struct Mapping {
    let node: YAMLNode
    let values: [String: YAMLNode]
    /// Whether keys may be missing that are required of the whole.
    let isFragment: Bool
}

/// A key that has to be there.
///
/// - Parameters:
///   - key: the key.
///   - shape: what it holds.
///   - doc: what it means, for the reference, the schema and the message that it is missing.
///   - example: a value to learn from, in YAML.
///   - isInherited: whether a file that is merged below may have it, so that the schema of one file does not demand it.
///   - former: a name that the key had once and that still works.
public func required<Value>(
    _ key: String, _ shape: Shape<Value>, _ doc: String, example: String? = nil, isInherited: Bool = false,
    former: String? = nil
) -> Field<Value> {
    let schema = FieldSchema(
        key: key, isRequired: !isInherited, doc: doc, example: example, node: shape.schema, former: former)
    return Field(schemas: [schema]) { mapping, diagnostics in
        if let node = mapping.values[key] { return shape.read(node, &diagnostics) }
        if !mapping.isFragment {
            diagnostics.error(
                "missing-key", "key '\(key)' is missing", at: mapping.node.range,
                help: doc + (example.map { " Example: \(key): \($0)" } ?? ""))
        }
        return nil
    }
}

/// A key that may be missing; then the value is nil.
public func optional<Value>(
    _ key: String, _ shape: Shape<Value>, _ doc: String, example: String? = nil, former: String? = nil
) -> Field<Value?> {
    let schema = FieldSchema(
        key: key, isRequired: false, doc: doc, example: example, node: shape.schema, former: former)
    return Field(schemas: [schema]) { mapping, diagnostics in
        guard let node = mapping.values[key] else { return .some(nil) }
        return shape.read(node, &diagnostics).map { .some($0) }
    }
}

/// A key that may be missing; then a default stands in, which the reference and the schema show.
public func optional<Value>(
    _ key: String, _ shape: Shape<Value>, default fallback: Value, _ doc: String, example: String? = nil,
    former: String? = nil
) -> Field<Value> {
    var schema = FieldSchema(
        key: key, isRequired: false, doc: doc, example: example, node: shape.schema, former: former)
    schema.defaultValue = shownDefault(fallback, in: shape.schema)
    return Field(schemas: [schema]) { mapping, diagnostics in
        guard let node = mapping.values[key] else { return fallback }
        return shape.read(node, &diagnostics)
    }
}

/// Several keys of one mapping that make a value together.
public func group<each Part: Sendable, Value: Sendable>(
    as make: @escaping @Sendable (repeat each Part) -> Value, @FieldsBuilder _ fields: () -> Fields<repeat each Part>
) -> Field<Value> {
    let fields = fields()
    return Field(schemas: fields.schemas) { mapping, diagnostics in fields.read(mapping, &diagnostics, make) }
}

/// Where the mapping stands.
public func place() -> Field<SourceRange?> { Field(schemas: []) { mapping, _ in .some(mapping.node.range) } }

/// Fields one below the other, as ``Shape/object(_:_:as:validate:fields:)`` takes them.
@resultBuilder
public enum FieldsBuilder {
    /// Looks at each line on its own, so that the compiler's time grows with their number only.
    public static func buildExpression<Value>(_ field: Field<Value>) -> Field<Value> { field }

    /// Puts the lines together.
    public static func buildBlock<each Part: Sendable>(
        _ fields: repeat Field<each Part>
    ) -> Fields<repeat each Part> {
        Fields(fields: (repeat each fields))
    }
}

/// The fields of a mapping.
public struct Fields<each Part: Sendable>: Sendable {
    let fields: (repeat Field<each Part>)

    var schemas: [FieldSchema] {
        var schemas: [FieldSchema] = []
        repeat schemas += (each fields).schemas
        return schemas
    }

    /// Reads every field, and makes the value if all of them are right.
    func read<Value>(
        _ mapping: Mapping, _ diagnostics: inout Diagnostics, _ make: (repeat each Part) -> Value
    ) -> Value? {
        let parts = (repeat (each fields).read(mapping, &diagnostics))
        do throws(Incomplete) {
            return make(repeat try Incomplete.check(each parts))
        } catch {
            return nil
        }
    }
}

/// A field of a mapping could not be read; why is among the diagnostics.
private struct Incomplete: Error {
    static func check<Value>(_ value: Value?) throws(Incomplete) -> Value {
        guard let value else { throw Incomplete() }
        return value
    }
}

// MARK: - mappings

extension Shape {
    /// A mapping with known keys. Unknown and missing keys are all reported; the value is nil when anything is wrong.
    ///
    /// - Parameters:
    ///   - name: what it is called in the reference.
    ///   - doc: what it is, for the reference and the schema.
    ///   - make: the value of the fields' values, in their order: an initializer as a rule.
    ///   - validate: looks at a value whose fields are all right; an error that it reports refuses the value.
    ///   - fields: the keys, in the order of the reference.
    public static func object<each Part: Sendable>(
        _ name: String, _ doc: String, as make: @escaping @Sendable (repeat each Part) -> Value,
        validate: (@Sendable (Value, YAMLNode, inout Diagnostics) -> Void)? = nil,
        @FieldsBuilder fields: () -> Fields<repeat each Part>
    ) -> Shape {
        object(name, doc, group(as: make, fields), validate: validate)
    }

    /// The same of fields that are declared elsewhere.
    ///
    /// - Parameter besides: keys that are known and documented, but handled before decoding.
    public static func object(
        _ name: String, _ doc: String, _ fields: Field<Value>, besides: [FieldSchema] = [],
        validate: (@Sendable (Value, YAMLNode, inout Diagnostics) -> Void)? = nil
    ) -> Shape {
        let schemas = fields.schemas + besides
        return Shape(.object(name: name, doc: doc, fields: schemas)) { node, diagnostics in
            let before = diagnostics.errorCount
            guard let mapping = Mapping(node, isFragment: false, known: schemas, &diagnostics) else { return nil }
            let isKnown = diagnostics.errorCount == before
            guard let value = fields.read(mapping, &diagnostics), isKnown else { return nil }
            guard let validate else { return value }
            validate(value, node, &diagnostics)
            return diagnostics.errorCount == before ? value : nil
        }
    }

    /// A mapping that is merged with others before it makes a value: no key has to be there, and what is there is
    /// checked.
    public static func fragment(
        _ name: String, _ doc: String, of fields: Field<some Sendable>, besides: [FieldSchema] = []
    ) -> Shape where Value == Void {
        let schemas = (fields.schemas + besides).map { field in
            var field = field
            field.isRequired = false
            return field
        }
        return Shape(.object(name: name, doc: doc, fields: schemas)) { node, diagnostics in
            let before = diagnostics.errorCount
            guard let mapping = Mapping(node, isFragment: true, known: schemas, &diagnostics) else { return nil }
            _ = fields.read(mapping, &diagnostics)
            return diagnostics.errorCount == before ? () : nil
        }
    }

    /// A mapping in which exactly one of some keys says what it is.
    public static func keyed(by choices: [(String, Shape<Value>)]) -> Shape {
        let keys = choices.map(\.0)
        let expected = keys.map { "'\($0)'" }.joined(separator: ", ")
        return Shape(.keyed(choices.map { (key: $0.0, node: $0.1.schema) })) { node, diagnostics in
            guard case .mapping(let pairs) = node.content else {
                diagnostics.error(
                    "type", "expected a mapping with one of \(expected), found \(node.foundName)", at: node.range)
                return nil
            }
            let found = pairs.filter { keys.contains($0.key.scalarText ?? "") }
            guard let key = found.first?.key.scalarText, found.count == 1 else {
                let nearest =
                    diagnostics.wantsSuggestions
                    ? pairs.lazy.compactMap(\.key.scalarText).compactMap { name in
                        SpellingSuggestion.of(name, among: keys).map { "did you mean '\($0)' for '\(name)'?" }
                    }.first : nil
                let names = found.compactMap(\.key.scalarText).map { "'\($0)'" }.joined(separator: " and ")
                diagnostics.error(
                    "item-kind", found.isEmpty ? "the item has none of \(expected)" : "the item has \(names)",
                    at: found.dropFirst().first?.key.range ?? node.range,
                    help: found.isEmpty ? nearest : "keep one of them, and move the other to an item of its own")
                return nil
            }
            return choices.first { $0.0 == key }?.1.read(node, &diagnostics)
        }
    }
}

extension Mapping {
    /// The mapping of a node, or nil after a diagnostic; every unknown key is reported.
    fileprivate init?(
        _ node: YAMLNode, isFragment: Bool, known fields: [FieldSchema], _ diagnostics: inout Diagnostics
    ) {
        guard case .mapping(let pairs) = node.content else {
            diagnostics.error("type", "expected a mapping, found \(node.foundName)", at: node.range)
            return nil
        }
        self.node = node
        self.isFragment = isFragment
        let known = fields.map(\.key)
        var values: [String: YAMLNode] = [:]
        for pair in pairs {
            let key = pair.key.scalarText ?? ""
            values[key] = pair.value
            if known.contains(key) { continue }
            let nearest = diagnostics.wantsSuggestions ? SpellingSuggestion.of(key, among: known) : nil
            diagnostics.error(
                "unknown-key", "unknown key '\(DisplayText.shortened(key))'", at: pair.key.range,
                help: nearest.map { "did you mean '\($0)'?" } ?? "known keys: " + known.sorted().joined(separator: ", ")
            )
        }
        self.values = values
    }
}

// MARK: - keys that were renamed

extension SchemaNode {
    /// Whether a key in it had another name once.
    var hasFormerKeys: Bool {
        switch self {
        case .list(let inner), .map(let inner), .nullable(let inner): inner.hasFormerKeys
        case .object(_, _, let fields): fields.contains(where: \.hasFormerKeys)
        case .keyed(let choices): choices.contains(where: \.node.hasFormerKeys)
        case .oneOf(let choices): choices.contains(where: \.hasFormerKeys)
        // It may hold itself, so it is looked at where the document has it.
        case .named: true
        default: false
        }
    }

    /// The tree with every former name of a key replaced by its name of today, and a note for each. To be done before
    /// trees are merged, so that both names are one key there.
    public func renamingFormerKeys(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> YAMLNode {
        guard hasFormerKeys else { return node }
        var result = node
        switch (self, node.content) {
        case (.nullable(let inner), _): return inner.renamingFormerKeys(node, &diagnostics)
        case (.named(_, let schema), _): return schema().renamingFormerKeys(node, &diagnostics)
        case (.list(let item), .sequence(let nodes)):
            result.content = .sequence(nodes.map { item.renamingFormerKeys($0, &diagnostics) })
        case (.list(let item), _): return item.renamingFormerKeys(node, &diagnostics)
        case (.map(let value), .mapping(let pairs)):
            result.content = .mapping(
                pairs.map { .init(key: $0.key, value: value.renamingFormerKeys($0.value, &diagnostics)) })
        case (.object(_, _, let fields), .mapping(let pairs)):
            result.content = .mapping(
                pairs.compactMap { pair in
                    let name = pair.key.scalarText
                    guard let field = fields.first(where: { $0.key == name || $0.former == name }) else { return pair }
                    var pair = pair
                    if field.hasFormerKeys { pair.value = field.node.renamingFormerKeys(pair.value, &diagnostics) }
                    guard let former = field.former, former == name else { return pair }
                    if let other = node[pair: field.key] {
                        diagnostics.error(
                            "duplicate-key", "'\(former)' is the former name of '\(field.key)', which is here as well",
                            at: pair.key.range,
                            notes: other.key.range.map { ["'\(field.key)' is at \($0.place)"] } ?? [],
                            help: "keep '\(field.key)'")
                        return nil
                    }
                    diagnostics.note(
                        "renamed-key", "'\(former)' is now called '\(field.key)'", at: pair.key.range,
                        help: "write '\(field.key)'; the former name still works")
                    pair.key.content = .scalar(text: field.key, style: .plain)
                    return pair
                })
        case (.keyed(let choices), .mapping):
            return choices.first { node[pair: $0.key] != nil }?.node.renamingFormerKeys(node, &diagnostics) ?? node
        case (.oneOf(let choices), _):
            return choices.first { $0.suits(node) }?.renamingFormerKeys(node, &diagnostics) ?? node
        default: break
        }
        return result
    }
}
