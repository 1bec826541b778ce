import Platform

/// A JSON value (RFC 8259) whose members keep their order, so that the same value is always the same text.
public indirect enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case string(String)
    case array([JSONValue])
    /// An array whose elements are made when they are written, because all of them together are large.
    case list(count: Int, element: @Sendable (Int) -> JSONValue)
    case object([(String, JSONValue)])

    /// Indented by two blanks per level, without a newline at the end.
    public var pretty: String {
        var text = ""
        writePretty { text += $0 }
        return text
    }

    /// The same piece by piece, so that nothing of the text's size is in memory.
    public func writePretty(_ write: (String) -> Void) {
        var text = ""
        self.write(to: &text, indentation: 0, isPretty: true, passingOn: write)
        write(text)
    }

    /// On one line.
    public var compact: String {
        var text = ""
        var result = ""
        write(to: &text, indentation: 0, isPretty: false) { result += $0 }
        return result + text
    }

    private static let pieceSize = 1 << 16

    private func write(to text: inout String, indentation: Int, isPretty: Bool, passingOn write: (String) -> Void) {
        if text.utf8.count >= Self.pieceSize {
            write(text)
            text.removeAll(keepingCapacity: true)
        }
        func newline(_ level: Int) {
            if isPretty { text += "\n" + String(repeating: "  ", count: level) }
        }
        func list(_ count: Int, _ element: (Int) -> JSONValue) {
            if count <= 0 {
                text += "[]"
                return
            }
            text += "["
            for index in 0..<count {
                if index > 0 { text += "," }
                newline(indentation + 1)
                element(index).write(
                    to: &text, indentation: indentation + 1, isPretty: isPretty, passingOn: write)
            }
            newline(indentation)
            text += "]"
        }
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .int(let value): text += String(value)
        case .string(let value): Self.quote(value, to: &text)
        case .array(let values):
            list(values.count) { values[$0] }
        case .list(let count, let element):
            list(count, element)
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
                    member.1.write(
                        to: &text, indentation: indentation + 1, isPretty: isPretty, passingOn: write)
                }
                newline(indentation)
                text += "}"
            }
        }
    }

    private static func quote(_ value: String, to text: inout String) {
        text += "\""
        // Most texts are plain, and a report may have millions.
        let isPlain = value.utf8.allSatisfy {
            $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        if isPlain {
            text += value
            text += "\""
            return
        }
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
