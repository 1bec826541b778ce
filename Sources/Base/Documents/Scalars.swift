import Platform

extension Shape where Value == String {
    /// Any scalar as its text: `version: 1.30` stays "1.30".
    public static var string: Shape {
        Shape(.string(format: nil)) { node, diagnostics in node.text(for: "text", isText: true, &diagnostics) }
    }

    /// A scalar with at least one character that is not a blank.
    public static var nonEmptyString: Shape {
        Shape(.string(format: nil, pattern: "\\S")) { node, diagnostics in
            guard let text = node.text(for: "text", &diagnostics) else { return nil }
            guard text.contains(where: { !$0.isWhitespace }) else {
                diagnostics.error(
                    "empty", "the text is empty", at: node.range,
                    help: "write a value, or remove the key")
                return nil
            }
            return text
        }
    }
}

extension Shape where Value == Bool {
    /// `true` or `false`; not the other words that YAML 1.1 took for truth values.
    public static var boolean: Shape {
        Shape(.boolean) { node, diagnostics in
            guard let text = node.text(for: "true or false", &diagnostics) else { return nil }
            switch text {
            case "true": return true
            case "false": return false
            default:
                let guess = ["yes", "on", "True", "TRUE"].contains(text) ? "write 'true'" : "write 'true' or 'false'"
                diagnostics.error(
                    "type", "expected true or false, found \(node.foundName)", at: node.range,
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
                let bounds = "must be >=\(range.lowerBound) and <=\(range.upperBound)"
                diagnostics.error(
                    "type", "expected a whole number (\(bounds)), found \(node.foundName)", at: node.range)
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
            // UInt16 would take a sign.
            guard digits.utf8.count >= 3, digits.utf8.count <= 5, let bits = UInt16(digits, radix: 8), bits <= 0o7777,
                digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) })
            else {
                diagnostics.error(
                    "mode", "\(node.foundName) is not an octal mode (must be >=000 and <=7777)", at: node.range,
                    help: "write it such as \"0644\" or \"4755\"")
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
                let nearest = diagnostics.wantsSuggestions ? SpellingSuggestion.of(text, among: words) : nil
                diagnostics.error(
                    "enumeration", "expected one of \(words.joined(separator: ", ")), found \(node.foundName)",
                    at: node.range, help: nearest.map { "did you mean '\($0)'?" })
                return nil
            }
            return value
        }
    }

    /// A scalar that a parser turns into a value.
    ///
    /// - Parameters:
    ///   - name: what it is, for messages; in lower case with hyphens it is the diagnostic's code.
    ///   - pattern: an ECMA-262 regular expression for the schema, where one says it all.
    ///   - parse: the value, or what is wrong with the text.
    public static func parsed(
        _ name: String, pattern: String? = nil, _ parse: @escaping @Sendable (String) -> Result<Value, ShapeFault>
    ) -> Shape {
        Shape(.string(format: name, pattern: pattern)) { node, diagnostics in
            guard let text = node.text(for: "a \(name)", &diagnostics) else { return nil }
            switch parse(text) {
            case .success(let value): return value
            case .failure(let fault):
                diagnostics.error(
                    name.split(separator: " ").joined(separator: "-").lowercased(), fault.message,
                    at: fault.offset.flatMap { node.range?.narrowed(toByte: $0, of: text) } ?? node.range,
                    help: fault.help)
                return nil
            }
        }
    }
}
