import Documents

extension JSONValue {
    /// As Go's `json.MarshalIndent` writes it with a blank as prefix and a blank as indent, which is what Pilot did: every
    /// line but the first begins with a blank, and there is no newline at the end.
    var asPilotWritesIt: String {
        var text = ""
        write(to: &text, level: 0)
        return text
    }

    private func write(to text: inout String, level: Int) {
        func line(_ level: Int) { text += "\n " + String(repeating: " ", count: level) }
        switch self {
        case .array(let items) where !items.isEmpty:
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += "," }
                line(level + 1)
                item.write(to: &text, level: level + 1)
            }
            line(level)
            text += "]"
        case .object(let pairs) where !pairs.isEmpty:
            text += "{"
            for (index, pair) in pairs.enumerated() {
                if index > 0 { text += "," }
                line(level + 1)
                text += JSONValue.string(pair.0).compact + ": "
                pair.1.write(to: &text, level: level + 1)
            }
            line(level)
            text += "}"
        default: text += compact
        }
    }
}
