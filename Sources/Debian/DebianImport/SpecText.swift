import Platform

/// A value of a specification that is to be written, in the order in which people read it.
indirect enum SpecValue {
    case text(String)
    /// A text whose variables stay variables.
    case template(String)
    case flag(Bool)
    case number(Int64)
    /// A text of several lines, written as a block.
    case lines(String)
    case list([SpecValue])
    case mapping([SpecEntry])
}

/// A key with its value, and a remark above it.
struct SpecEntry {
    var key: String
    var value: SpecValue
    var remark: String?

    init(_ key: String, _ value: SpecValue, remark: String? = nil) {
        self.key = key
        self.value = value
        self.remark = remark
    }
}

/// Writes specifications as YAML that looks written by hand and means nothing but what is meant.
enum SpecText {
    private static let width = 100

    /// The document.
    static func document(_ entries: [SpecEntry]) -> String {
        var text = ""
        write(entries, indentation: "", to: &text)
        return text
    }

    private static func write(_ entries: [SpecEntry], indentation: String, to text: inout String) {
        for (index, entry) in entries.enumerated() {
            if let remark = entry.remark { text += "\(indentation)# \(DisplayText.inline(remark))\n" }
            // The first key of an item stands behind its dash.
            text += index == 0 && text.hasSuffix("- ") ? "" : indentation
            text += "\(scalar(entry.key, inFlow: false)):"
            write(entry.value, indentation: indentation, to: &text)
        }
    }

    /// Writes what stands behind a key, with the line end.
    private static func write(_ value: SpecValue, indentation: String, to text: inout String) {
        if let flow = flow(value), flow.utf8.count + indentation.utf8.count <= width || isScalar(value) {
            text += " \(flow)\n"
            return
        }
        switch value {
        case .lines(let lines): writeBlock(lines, indentation: indentation + "  ", to: &text)
        case .list(let items):
            text += "\n"
            for item in items {
                text += "\(indentation)  - "
                if case .mapping(let entries) = item {
                    if let flow = flow(item), entries.count > 1, flow.utf8.count <= width - 4 {
                        text += flow + "\n"
                    } else {
                        write(entries, indentation: indentation + "    ", to: &text)
                    }
                } else {
                    text += (flow(item) ?? "[]") + "\n"
                }
            }
        case .mapping(let entries):
            text += "\n"
            write(entries, indentation: indentation + "  ", to: &text)
        case .text, .template, .flag, .number: text += " \(flow(value) ?? "")\n"
        }
    }

    /// A literal block: what begins with a blank needs its indentation said, and what cannot be shown its escapes.
    private static func writeBlock(_ lines: String, indentation: String, to text: inout String) {
        let isPlain = lines.unicodeScalars.allSatisfy { $0 == "\n" || $0 == "\t" || DisplayText.isShown($0) }
        guard isPlain, !lines.isEmpty, lines.first != "\n" else {
            text += " \(quoted(lines))\n"
            return
        }
        text += lines.first == " " ? " |2\n" : " |\n"
        var parts = lines.split(separator: "\n", omittingEmptySubsequences: false)
        while parts.last?.isEmpty == true { parts.removeLast() }
        for part in parts { text += part.isEmpty ? "\n" : indentation + escapingVariables(part) + "\n" }
    }

    private static func isScalar(_ value: SpecValue) -> Bool {
        switch value {
        case .text, .template, .flag, .number: true
        default: false
        }
    }

    /// On one line; nil where that cannot be read.
    private static func flow(_ value: SpecValue) -> String? {
        switch value {
        case .text(let text): return scalar(text, inFlow: true)
        case .template(let text):
            return isPlain(text, inFlow: true) ? text : quoted(text, keepsVariables: true)
        case .flag(let flag): return flag ? "true" : "false"
        case .number(let number): return "\(number)"
        case .lines: return nil
        case .list(let items):
            var parts: [String] = []
            for item in items {
                guard isScalar(item), let part = flow(item) else { return nil }
                parts.append(part)
            }
            return "[" + parts.joined(separator: ", ") + "]"
        case .mapping(let entries):
            var parts: [String] = []
            for entry in entries {
                guard entry.remark == nil, isScalar(entry.value), let part = flow(entry.value) else { return nil }
                parts.append("\(scalar(entry.key, inFlow: true)): \(part)")
            }
            return "{" + parts.joined(separator: ", ") + "}"
        }
    }

    // MARK: - scalars

    /// The text as a scalar on one line; `$` begins a variable, and so it is doubled.
    static func scalar(_ text: String, inFlow: Bool) -> String {
        isPlain(text, inFlow: inFlow) ? text : quoted(text)
    }

    /// Whether nothing but a text can be meant, with YAML 1.1 and 1.2 and for whoever reads it.
    private static func isPlain(_ text: String, inFlow: Bool) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= width else { return false }
        let words: Set<String> = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
        if words.contains(text.lowercased()) { return false }
        guard Ascii.isLetter(first) || Ascii.isDigit(first) || first == UInt8(ascii: "/"),
            last != Ascii.space, last != UInt8(ascii: ":"), !text.contains(" #"), !text.contains(": ")
        else { return false }
        let numeric = text.utf8.allSatisfy { Ascii.isDigit($0) || ".:_+-eExXoO".utf8.contains($0) }
        if numeric, Ascii.isDigit(first) { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            if scalar.value >= 0x80 { return scalar.properties.isAlphabetic && DisplayText.isShown(scalar) }
            let byte = UInt8(truncatingIfNeeded: scalar.value)
            return Ascii.isAlphanumeric(byte) || " ./_+~@()<>=*?|;!%^-:'".utf8.contains(byte)
                || (!inFlow && byte == UInt8(ascii: ","))
        }
    }

    private static func quoted(_ text: String, keepsVariables: Bool = false) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "$": result += keepsVariables ? "$" : "$$"
            default:
                if DisplayText.isShown(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    let digits = String(scalar.value, radix: 16)
                    let (mark, length) = scalar.value <= 0xff ? ("x", 2) : scalar.value <= 0xffff ? ("u", 4) : ("U", 8)
                    result += "\\\(mark)" + String(repeating: "0", count: length - digits.count) + digits
                }
            }
        }
        return result + "\""
    }

    private static func escapingVariables(_ text: some StringProtocol) -> String {
        text.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$")
    }
}
