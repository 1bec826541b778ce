import Documents
import Platform

/// Lines of text for a terminal of some width, with colour or without.
struct TerminalText {
    /// What a terminal can do.
    struct Features: Sendable {
        /// Escape sequences for colour (ECMA-48 SGR).
        var usesColor = false
        /// Symbols beyond ASCII.
        var usesSymbols = false
        /// Columns; nil where lines are never broken, as in a file.
        var width: Int?
    }

    /// The colours that mean something.
    enum Color: String {
        case good = "32"
        case bad = "31"
        case warned = "33"
        case dim = "2"
        case strong = "1"
        case strongBad = "1;31"
        case strongGood = "1;32"
    }

    let style: Features
    private(set) var text = ""

    init(_ style: Features) { self.style = style }

    /// Text in a colour.
    func painted(_ text: String, _ color: Color?) -> String {
        guard style.usesColor, let color, !text.isEmpty else { return text }
        return "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m"
    }

    /// Lines so far.
    var lineCount: Int { text.utf8.count { $0 == 0x0a } }

    /// Goes on with other lines of the same terminal.
    mutating func append(_ other: TerminalText) { text += other.text }

    /// One line as it is.
    mutating func line(_ line: String = "") { text += line + "\n" }

    /// A paragraph behind a lead: what does not fit goes on below where the text began.
    ///
    /// - Parameters:
    ///   - indentation: columns in front of the lead.
    ///   - lead: what stands in front of the text, such as a symbol, padded to `leadWidth` columns.
    ///   - content: the text from outside; it is made harmless here.
    mutating func paragraph(
        indentation: Int = 0, lead: String = "", leadColor: Color? = nil, leadWidth: Int = 0, _ content: String,
        color: Color? = nil
    ) {
        let blanks = String(repeating: " ", count: indentation)
        let safeLead = DisplayText.visible(lead, keepsNewlines: false)
        let padding = String(repeating: " ", count: max(leadWidth > 0 ? 1 : 0, leadWidth - Self.columns(safeLead)))
        let hanging = indentation + Self.columns(safeLead) + padding.utf8.count
        let room = style.width.map { max(20, $0 - hanging) }
        var isFirst = true
        for line in Self.lines(content) {
            for piece in Self.wrapped(line, to: room).map(Self.trimmed) {
                let front =
                    isFirst ? blanks + painted(safeLead, leadColor) + padding : String(repeating: " ", count: hanging)
                let behind = painted(piece, color)
                self.line(behind.isEmpty ? Self.trimmed(front) : front + behind)
                isFirst = false
            }
        }
    }

    /// Columns that a text takes.
    static func columns(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + DisplayText.width($1) } }

    /// The lines of a text, with tabs as blanks and everything that would drive a terminal as escapes.
    static func lines(_ text: String) -> [String] {
        text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).map { line in
            DisplayText.inline(String(decoding: line, as: UTF8.self).replacing("\t", with: "  "))
        }
    }

    /// Breaks a line between words, and within a word that is longer than a line.
    static func wrapped(_ line: String, to room: Int?) -> [String] {
        guard let room, columns(line) > room else { return [line] }
        var result: [String] = []
        var current = String.UnicodeScalarView()
        var width = 0
        var lastBlank: String.UnicodeScalarView.Index?
        for scalar in line.unicodeScalars {
            let columns = DisplayText.width(scalar)
            if width + columns > room {
                if scalar == " " {
                    result.append(String(current))
                    current.removeAll()
                    width = 0
                    lastBlank = nil
                    continue
                }
                if let blank = lastBlank {
                    result.append(String(current[..<blank]))
                    let rest = current[current.index(after: blank)...]
                    current = String.UnicodeScalarView(rest)
                } else {
                    result.append(String(current))
                    current.removeAll()
                }
                width = current.reduce(0) { $0 + DisplayText.width($1) }
                lastBlank = nil
            }
            if scalar == " " { lastBlank = current.endIndex }
            current.append(scalar)
            width += columns
        }
        result.append(String(current))
        return result
    }

    private static func trimmed(_ text: String) -> String {
        var scalars = text.unicodeScalars
        while scalars.last == " " { scalars.removeLast() }
        return String(scalars)
    }
}

extension CheckStatus {
    /// The symbol in front of a line.
    func symbol(_ style: TerminalText.Features) -> String {
        guard style.usesSymbols else {
            switch self {
            case .passed: return "ok"
            case .failed: return "FAIL"
            case .error: return "ERR"
            case .warning: return "warn"
            case .info: return "info"
            case .notPermitted: return "perm"
            case .skipped: return "skip"
            }
        }
        switch self {
        case .passed: return "✓"
        case .failed: return "✗"
        case .error: return "✗"
        case .warning: return "!"
        case .info: return "i"
        case .notPermitted: return "?"
        case .skipped: return "–"
        }
    }

    /// The colour of the symbol.
    var color: TerminalText.Color {
        switch self {
        case .passed: .good
        case .failed, .error: .bad
        case .warning, .notPermitted: .warned
        case .info, .skipped: .dim
        }
    }
}
