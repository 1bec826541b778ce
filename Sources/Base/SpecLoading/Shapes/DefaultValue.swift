/// A value that the reference and the schema can show as a default.
protocol DefaultValue {
    /// The value as JSON; nil where there is nothing to show.
    func shown(in node: SchemaNode) -> JSONValue?
}

extension Bool: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { .bool(self) }
}

extension Int: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { .int(self) }
}

extension String: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { isEmpty ? nil : .string(self) }
}

extension UInt16: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? {
        guard case .octal = node else { return .int(Int(self)) }
        let digits = String(self, radix: 8)
        return .string(String(repeating: "0", count: digits.count < 4 ? 4 - digits.count : 0) + digits)
    }
}

extension Optional: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { self.flatMap { shownDefault($0, in: node) } }
}

extension Located: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? { shownDefault(value, in: node) }
}

extension Array: DefaultValue {
    func shown(in node: SchemaNode) -> JSONValue? {
        guard case .list(let item) = node, !isEmpty else { return nil }
        let values = compactMap { shownDefault($0, in: item) }
        return values.count == count ? .array(values) : nil
    }
}

/// A property's value in a new object, for the reference.
func shownDefault<Value>(_ value: Value, in node: SchemaNode) -> JSONValue? {
    if let known = value as? any DefaultValue { return known.shown(in: node) }
    if let word = (value as? any RawRepresentable)?.rawValue as? String { return .string(word) }
    return nil
}
