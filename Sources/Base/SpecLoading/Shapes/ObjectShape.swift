import Platform

extension Shape {
    /// A mapping with known keys. Unknown and missing keys are all reported; the value is nil when anything is wrong.
    ///
    /// - Parameters:
    ///   - name: what it is called in the reference.
    ///   - doc: what it is, for the reference and the schema.
    ///   - new: makes the value that the fields are put into; what it holds then are the defaults of the reference.
    ///   - fields: the keys, in the order of the reference.
    ///   - validate: looks at a value whose fields are all right; an error that it reports refuses the value.
    public static func object(
        _ name: String, doc: String, new: @escaping @Sendable () -> Value, fields: [Field<Value>],
        validate: (@Sendable (Value, YAMLNode, inout Diagnostics) -> Void)? = nil
    ) -> Shape {
        let blank = new()
        let schemas = fields.map { $0.documented(by: blank) }
        let known = fields.map(\.schema.key)
        let places = Dictionary(zip(known, fields), uniquingKeysWith: { first, _ in first })
        return Shape(.object(name: name, doc: doc, fields: schemas)) { node, diagnostics in
            guard case .mapping(let pairs) = node.content else {
                diagnostics.error("type", "expected a mapping, found \(node.foundName)", at: node.range)
                return nil
            }
            var value = new()
            var isComplete = true
            var present: Set<String> = []
            for pair in pairs {
                let key = pair.key.scalarText ?? ""
                present.insert(key)
                guard let field = places[key] else {
                    let nearest = diagnostics.wantsSuggestions ? SpellingSuggestion.of(key, among: known) : nil
                    diagnostics.error(
                        "unknown-key", "unknown key '\(DisplayText.shortened(key))'", at: pair.key.range,
                        help: nearest.map { "did you mean '\($0)'?" }
                            ?? "known here: " + known.sorted().joined(separator: ", "))
                    isComplete = false
                    continue
                }
                if !field.read(pair.value, &value, &diagnostics) { isComplete = false }
            }
            for schema in schemas where schema.isRequired && !present.contains(schema.key) {
                diagnostics.error(
                    "missing-key", "key '\(schema.key)' is missing", at: node.range,
                    help: schema.doc + (schema.example.map { " Example: \(schema.key): \($0)" } ?? ""))
                isComplete = false
            }
            guard isComplete else { return nil }
            guard let validate else { return value }
            let before = diagnostics.errorCount
            validate(value, node, &diagnostics)
            return diagnostics.errorCount == before ? value : nil
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
                    help: found.isEmpty ? nearest : "keep one of them and make another item of the other")
                return nil
            }
            return choices.first { $0.0 == key }?.1.read(node, &diagnostics)
        }
    }
}
