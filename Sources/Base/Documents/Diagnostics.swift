import Platform

/// Something that is wrong, or worth knowing, at a place in the user's files.
public struct Diagnostic: Sendable, Hashable {
    /// How bad it is.
    public enum Severity: String, Sendable, Hashable {
        case error, warning, note
    }

    /// How bad it is.
    public var severity: Severity
    /// A stable code such as `unknown-key`.
    public var code: String
    /// What was expected and found, in lower case.
    public var message: String
    /// Where; nil when no file has it.
    public var range: SourceRange?
    /// Further facts.
    public var notes: [String]
    /// What to do.
    public var help: String?
}

/// Everything that has been found so far. Each fact is kept once, although several architectures may run into it.
public struct Diagnostics: Sendable {
    private var items: [Diagnostic] = []
    private var seen: Set<Diagnostic> = []
    private static let messageLimit = 2000
    private static let suggestionLimit = 100

    /// Nothing found.
    public init() {}

    /// All of them by file, line and column; those without a place first.
    public var all: [Diagnostic] {
        items.enumerated().sorted { left, right in
            let (first, second) = (left.element.range, right.element.range)
            switch (first, second) {
            case (nil, nil): return left.offset < right.offset
            case (nil, _): return true
            case (_, nil): return false
            case (let first?, let second?):
                if first.source.path != second.source.path { return first.source.path < second.source.path }
                if first.line != second.line { return first.line < second.line }
                if first.column != second.column { return first.column < second.column }
                return left.offset < right.offset
            }
        }.map(\.element)
    }

    /// Whether nothing was found.
    public var isEmpty: Bool { items.isEmpty }

    /// The number of errors.
    public private(set) var errorCount = 0

    /// Whether there is an error.
    public var hasErrors: Bool { errorCount > 0 }

    /// Whether it is still worth looking for what the user meant: a hostile file has mistakes by the hundred thousand.
    var wantsSuggestions: Bool { items.count < Self.suggestionLimit }

    /// Reports an error.
    public mutating func error(
        _ code: String, _ message: String, at range: SourceRange?, notes: [String] = [], help: String? = nil
    ) {
        add(Diagnostic(severity: .error, code: code, message: message, range: range, notes: notes, help: help))
    }

    /// Reports a warning.
    public mutating func warning(
        _ code: String, _ message: String, at range: SourceRange?, notes: [String] = [], help: String? = nil
    ) {
        add(Diagnostic(severity: .warning, code: code, message: message, range: range, notes: notes, help: help))
    }

    /// Reports something that is worth knowing and not wrong.
    public mutating func note(
        _ code: String, _ message: String, at range: SourceRange?, notes: [String] = [], help: String? = nil
    ) {
        add(Diagnostic(severity: .note, code: code, message: message, range: range, notes: notes, help: help))
    }

    /// Adds what was found elsewhere.
    mutating func append(_ other: Diagnostics) {
        for item in other.items { insert(item) }
    }

    private mutating func add(_ item: Diagnostic) {
        var item = item
        item.message = URLSecrets.masked(DisplayText.shortened(item.message, to: Self.messageLimit))
        if let expansion = item.range?.expansion {
            item.notes.append("with its variables it is '\(DisplayText.shortened(expansion))'")
        }
        item.notes = item.notes.map(URLSecrets.masked)
        item.help = item.help.map(URLSecrets.masked)
        insert(item)
    }

    private mutating func insert(_ item: Diagnostic) {
        guard seen.insert(item).inserted else { return }
        items.append(item)
        if item.severity == .error { errorCount += 1 }
    }
}

/// Diagnostics as text for people, in the user's own lines, and as JSON for programs.
public enum DiagnosticRenderer {
    private static let shownAtMost = 50
    private static let widestLine = 120

    /// Text with the user's lines and a marker below the part in question.
    public static func text(_ diagnostics: Diagnostics, color: Bool = false) -> String {
        let all = diagnostics.all
        var text = ""
        for item in all.prefix(shownAtMost) { text += render(item, color: color) }
        if all.count > shownAtMost { text += "and \(all.count - shownAtMost) more\n" }
        if all.count > 1 {
            let parts = [Diagnostic.Severity.error, .warning, .note].compactMap { severity -> String? in
                let count = all.count { $0.severity == severity }
                return count == 0 ? nil : "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
            }
            text += parts.joined(separator: ", ") + "\n"
        }
        return text
    }

    private static func render(_ item: Diagnostic, color: Bool) -> String {
        let tint: String
        switch item.severity {
        case .error: tint = "\u{1B}[1;31m"
        case .warning: tint = "\u{1B}[1;33m"
        case .note: tint = "\u{1B}[1;36m"
        }
        func painted(_ text: String) -> String { color ? tint + text + "\u{1B}[0m" : text }
        let gutter = String(repeating: " ", count: item.range.map { String($0.line).count } ?? 0)
        var text = painted(item.severity.rawValue) + ": \(indented(item.message, gutter)) [\(item.code)]\n"
        if let range = item.range {
            let excerpt = excerpt(range)
            text += "\(gutter)--> \(DisplayText.visible(range.place, keepsNewlines: false))\n"
            text += "\(gutter) |\n\(range.line) |\(excerpt.line.isEmpty ? "" : " ")\(excerpt.line)\n\(gutter) | "
            text += String(repeating: " ", count: excerpt.start)
            text += painted(String(repeating: "^", count: excerpt.length)) + "\n"
        }
        for note in item.notes { text += "\(gutter) = note: \(indented(note, gutter))\n" }
        if let help = item.help { text += "\(gutter) = help: \(indented(help, gutter))\n" }
        return text
    }

    /// Every line but the first is indented, so that a text of several lines cannot pose as a message of ours.
    private static func indented(_ text: String, _ gutter: String) -> String {
        DisplayText.visible(text).split(separator: "\n", omittingEmptySubsequences: false)
            .joined(separator: "\n\(gutter)   ")
    }

    /// The line, cut around what is meant if it is long, with the column and length of the marker on the screen.
    private static func excerpt(_ range: SourceRange) -> (line: String, start: Int, length: Int) {
        let scalars = Array(URLSecrets.masked(range.source.line(range.line)).unicodeScalars)
        let first = min(max(0, range.column - 1), scalars.count)
        let behind = range.endLine == range.line ? min(range.endColumn - 1, scalars.count) : scalars.count
        var from = 0
        if scalars.count > widestLine, first > widestLine / 2 {
            from = min(first - widestLine / 2, scalars.count - widestLine)
        }
        let to = min(scalars.count, from + widestLine)
        var line = from > 0 ? "…" : ""
        var width = from > 0 ? 1 : 0
        var start = 0
        var length = 0
        for index in from..<to {
            let scalar = scalars[index]
            let shown: String
            let columns: Int
            if scalar == "\t" {
                // A tab has one column for the parser and several on the screen, so it is shown as one blank.
                (shown, columns) = (" ", 1)
            } else if DisplayText.isShown(scalar) {
                (shown, columns) = (String(scalar), DisplayText.width(scalar))
            } else {
                shown = DisplayText.escape(scalar)
                columns = shown.utf8.count
            }
            if index == first { start = width }
            if index >= first, index < behind { length += columns }
            line += shown
            width += columns
        }
        if first >= to { start = width }
        if to < scalars.count { line += "…" }
        return (line, start, max(1, length))
    }

    /// `{"diagnostics": […]}`, every one of them, in the order of the text.
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
