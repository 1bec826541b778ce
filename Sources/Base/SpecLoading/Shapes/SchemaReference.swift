extension SchemaNode {
    /// A Markdown table for each mapping, the outer one first.
    func reference(seen: inout Set<String>) -> String {
        switch self {
        case .list(let inner), .map(let inner), .nullable(let inner): return inner.reference(seen: &seen)
        case .keyed(let choices): return choices.map { $0.node.reference(seen: &seen) }.joined()
        case .oneOf(let choices): return choices.map { $0.reference(seen: &seen) }.joined()
        case .object(let name, let doc, let fields):
            guard seen.insert(name).inserted else { return "" }
            var text = "## \(name)\n\n\(doc)\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
            for field in fields { text += Self.row(field) }
            text += "\n"
            for field in fields { text += field.node.reference(seen: &seen) }
            return text
        default: return ""
        }
    }

    private static func row(_ field: FieldSchema) -> String {
        var meaning = field.doc
        if let example = field.example { meaning += " Example: `\(example)`." }
        let fallback: String
        switch field.defaultValue {
        case .string(let text)?: fallback = "`\(text)`"
        case let value?: fallback = "`\(value.compact)`"
        case nil: fallback = ""
        }
        let cells = ["`\(field.key)`\(field.isRequired ? " (required)" : "")", field.node.typeName, fallback, meaning]
        return "| " + cells.map(cell).joined(separator: " | ") + " |\n"
    }

    /// A bar would end the cell and a newline the row.
    private static func cell(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "|": result += "\\|"
            case "\n": result += " "
            default: result.append(character)
            }
        }
        return result
    }
}
