import Platform

/// A JSON value (RFC 8259) whose members keep their order, so that the same value is always the same text.
public indirect enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case string(String)
    case array([JSONValue])
    case object([(String, JSONValue)])

    /// Indented by two blanks per level, without a newline at the end.
    public var pretty: String {
        var text = ""
        write(to: &text, indentation: 0, isPretty: true)
        return text
    }

    /// On one line.
    public var compact: String {
        var text = ""
        write(to: &text, indentation: 0, isPretty: false)
        return text
    }

    private func write(to text: inout String, indentation: Int, isPretty: Bool) {
        func newline(_ level: Int) {
            if isPretty { text += "\n" + String(repeating: "  ", count: level) }
        }
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .int(let value): text += String(value)
        case .string(let value): Self.quote(value, to: &text)
        case .array(let values):
            if values.isEmpty {
                text += "[]"
            } else {
                text += "["
                for (index, value) in values.enumerated() {
                    if index > 0 { text += "," }
                    newline(indentation + 1)
                    value.write(to: &text, indentation: indentation + 1, isPretty: isPretty)
                }
                newline(indentation)
                text += "]"
            }
        case .object(let members):
            if members.isEmpty {
                text += "{}"
            } else {
                text += "{"
                for (index, member) in members.enumerated() {
                    if index > 0 { text += "," }
                    newline(indentation + 1)
                    Self.quote(member.0, to: &text)
                    text += isPretty ? ": " : ":"
                    member.1.write(to: &text, indentation: indentation + 1, isPretty: isPretty)
                }
                newline(indentation)
                text += "}"
            }
        }
    }

    private static func quote(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            default:
                // What does not show is escaped, too: the text may end up on a terminal.
                if scalar == "\u{7f}" || !(scalar.isASCII || DisplayText.isShown(scalar)) || scalar.value < 0x20 {
                    for unit in String(scalar).utf16 {
                        let digits = String(unit, radix: 16)
                        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                    }
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }
}
