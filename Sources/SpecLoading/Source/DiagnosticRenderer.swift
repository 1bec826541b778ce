/// Diagnostics as text for people, in the user's own lines, and as JSON for programs.
public enum DiagnosticRenderer {
    private static let shownAtMost = 50
    private static let widestLine = 120

    /// Text with the lines concerned and a marker below what is meant.
    public static func text(_ diagnostics: Diagnostics, color: Bool = false) -> String {
        let all = diagnostics.all
        var text = ""
        for item in all.prefix(shownAtMost) { text += render(item, color: color) }
        let errors = diagnostics.errorCount
        let warnings = all.count - errors
        if all.count > shownAtMost { text += "and \(all.count - shownAtMost) more\n" }
        if all.count > 1 {
            var parts: [String] = []
            if errors > 0 { parts.append("\(errors) error\(errors == 1 ? "" : "s")") }
            if warnings > 0 { parts.append("\(warnings) warning\(warnings == 1 ? "" : "s")") }
            text += parts.joined(separator: ", ") + "\n"
        }
        return text
    }

    private static func render(_ item: Diagnostic, color: Bool) -> String {
        let tint = item.severity == .error ? "\u{1B}[1;31m" : "\u{1B}[1;33m"
        func painted(_ text: String, _ code: String) -> String { color ? code + text + "\u{1B}[0m" : text }
        var text = painted(item.severity.rawValue, tint) + ": \(visible(item.message)) [\(item.code)]\n"
        let gutter: String
        if let range = item.range {
            let number = String(range.line)
            gutter = String(repeating: " ", count: number.count)
            text += "\(gutter)--> \(visible(range.place))\n"
            let (line, start, length) = excerpt(range)
            text += "\(gutter) |\n\(number) | \(line)\n\(gutter) | "
            text += String(repeating: " ", count: start) + painted(String(repeating: "^", count: length), tint) + "\n"
        } else {
            gutter = ""
        }
        for note in item.notes { text += "\(gutter) = note: \(indented(visible(note), gutter))\n" }
        if let help = item.help { text += "\(gutter) = help: \(indented(visible(help), gutter))\n" }
        return text
    }

    private static func indented(_ text: String, _ gutter: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n\(gutter)   ")
    }

    /// The line, cut around what is meant if it is long, with the column and length of the marker.
    private static func excerpt(_ range: SourceRange) -> (line: String, start: Int, length: Int) {
        let scalars = Array(range.source.line(range.line).unicodeScalars)
        let first = min(max(0, range.column - 1), scalars.count)
        let behind = range.endLine == range.line ? min(range.endColumn - 1, scalars.count) : scalars.count
        var from = 0
        if scalars.count > widestLine, first > widestLine / 2 { from = first - widestLine / 2 }
        let to = min(scalars.count, from + widestLine)
        var line = from > 0 ? "…" : ""
        var start = 0
        var length = 0
        for index in from..<to {
            // A tab has one column for the parser and several on the screen, so it is shown as one blank.
            let shown = scalars[index] == "\t" ? " " : visible(String(scalars[index]))
            if index == first { start = line.unicodeScalars.count }
            if index >= first, index < behind { length += shown.unicodeScalars.count }
            line += shown
        }
        if first >= to { start = line.unicodeScalars.count }
        if to < scalars.count { line += "…" }
        return (line, start, max(1, length))
    }

    /// Control characters are shown as escapes: a specification must not drive the terminal.
    static func visible(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0a, 0x20..<0x7f, 0xa1...: result.append(scalar)
            default: result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            }
        }
        return String(result)
    }

    /// `{"diagnostics": […]}`.
    public static func json(_ diagnostics: Diagnostics) -> String {
        let items = diagnostics.all.map { item in
            var fields: [(String, JSONValue)] = [
                ("severity", .string(item.severity.rawValue)), ("code", .string(item.code)),
                ("message", .string(item.message)),
            ]
            if let range = item.range {
                fields += [
                    ("file", .string(range.source.path)), ("line", .int(range.line)), ("column", .int(range.column)),
                    ("endLine", .int(range.endLine)), ("endColumn", .int(range.endColumn)),
                ]
            }
            if !item.notes.isEmpty { fields.append(("notes", .array(item.notes.map { .string($0) }))) }
            if let help = item.help { fields.append(("help", .string(help))) }
            return JSONValue.object(fields)
        }
        return JSONValue.object([("diagnostics", .array(items))]).pretty
    }
}
