import CYAML

/// What is wrong with the syntax, judged by the user's text at libyaml's places, so that it does not depend
/// on the words of a version of libyaml.
struct SyntaxProblem {
    private typealias Place = (line: Int, column: Int)

    private let source: SourceText
    private let error: yaml_error_type_t
    private let problem: String
    /// Where libyaml gave up.
    private let place: Place
    /// Where the construct begins that it could not finish.
    private let context: Place?
    /// The characters at both.
    private let character: Unicode.Scalar?
    private let opening: Unicode.Scalar?

    init(_ parser: yaml_parser_t, _ source: SourceText) {
        self.source = source
        error = parser.error
        problem = parser.problem.map { String(cString: $0) } ?? "the document ends too early"
        if parser.error == YAML_READER_ERROR {
            place = source.position(ofByte: Int(parser.problem_offset) + source.markLength)
        } else {
            place = (Int(parser.problem_mark.line) + 1, Int(parser.problem_mark.column) + 1)
        }
        context =
            parser.context == nil
            ? nil : (Int(parser.context_mark.line) + 1, Int(parser.context_mark.column) + 1)
        character = source.character(line: place.line, column: place.column)
        opening = context.flatMap { source.character(line: $0.line, column: $0.column) }
    }

    func report(to diagnostics: inout Diagnostics) {
        if error == YAML_MEMORY_ERROR {
            diagnostics.error("yaml", "libyaml has not enough memory", at: nil)
        } else if error == YAML_READER_ERROR {
            let name = character.map { "U+" + Self.fourDigits($0.value) } ?? "that"
            add(
                &diagnostics, "control character \(name) is not allowed",
                help: "remove it, or write it as an escape in double quotes")
        } else if !reportTab(&diagnostics) && !reportQuote(&diagnostics) && !reportBrackets(&diagnostics)
            && !reportIndicator(&diagnostics) && !reportUnfinished(&diagnostics)
            && !reportMapping(&diagnostics) && !reportIndentation(&diagnostics)
        {
            let begun = context.map { ["it began in line \($0.line), column \($0.column)"] } ?? []
            add(
                &diagnostics, problem, notes: begun,
                help: "check indentation, colons and quotes here and in the lines above")
        }
    }

    private func add(
        _ diagnostics: inout Diagnostics, _ message: String, at other: Place? = nil, notes: [String] = [], help: String
    ) {
        let place = other ?? place
        diagnostics.error(
            "yaml", message, at: YAMLLoader.point(source, place.line, place.column), notes: notes, help: help)
    }

    // MARK: - what can be wrong, the most certain first

    /// A tab where blanks are counted is the most common mistake of all.
    private func reportTab(_ diagnostics: inout Diagnostics) -> Bool {
        guard !isInFlow, opening != "\"", opening != "'" else { return false }
        let text = source.line(place.line).unicodeScalars
        let column: Int
        let message: String
        if let tab = text.prefix(while: { $0 == " " || $0 == "\t" }).firstIndex(of: "\t") {
            column = text.distance(from: text.startIndex, to: tab) + 1
            message = "the line is indented with a tab"
        } else if character == "\t" {
            column = place.column
            message = "there is a tab where blanks are counted"
        } else {
            return false
        }
        diagnostics.error(
            "tab", message, at: YAMLLoader.point(source, place.line, column),
            help: "YAML counts blanks: replace the tab with blanks")
        return true
    }

    private func reportQuote(_ diagnostics: inout Diagnostics) -> Bool {
        if let context, let opening, opening == "\"" || opening == "'", error == YAML_SCANNER_ERROR {
            // The end of the file or of the document is where it was noticed, not where it has to be mended.
            if isAtEnd || source.line(place.line).hasPrefix("---") || source.line(place.line).hasPrefix("...") {
                add(
                    &diagnostics, "the quote is not closed", at: context,
                    help: "add \(opening == "'" ? "\"'\"" : "'\"'") after the text")
                return true
            }
            let text = source.line(place.line).unicodeScalars.prefix(place.column)
            if opening == "\"", text.suffix(3).contains("\\") {
                add(
                    &diagnostics, "the escape is unknown in double quotes",
                    help: "write '\\\\' for a backslash, or use single quotes")
                return true
            }
            return false
        }
        let before = source.character(line: place.line, column: place.column - 1)
        if let before, let character, before == "'" || before == "\"", character != ":", error == YAML_PARSER_ERROR {
            add(
                &diagnostics, "there is text after the closing quote",
                help: before == "'"
                    ? "write '' for a quote inside single quotes" : "write \\\" for a quote inside double quotes")
            return true
        }
        return false
    }

    private func reportBrackets(_ diagnostics: inout Diagnostics) -> Bool {
        if error == YAML_PARSER_ERROR, isAtEnd {
            // Shown after the last text, because an empty line says nothing.
            var last = place.line
            while last > 1, source.line(last).unicodeScalars.allSatisfy({ $0 == " " }) { last -= 1 }
            let open = isInFlow ? context.map { ["it begins in line \($0.line), column \($0.column)"] } : nil
            add(
                &diagnostics, "the file ends within a list or mapping in brackets",
                at: (last, source.line(last).unicodeScalars.count + 1), notes: open ?? [],
                help: "close it with ']' or '}', or put the text that begins with '[' or '{' in quotes")
            return true
        }
        if let context, isInFlow, error == YAML_PARSER_ERROR {
            let (name, close) = opening == "[" ? ("list", "]") : ("mapping", "}")
            add(
                &diagnostics, "the \(name) goes on without ',' or '\(close)'",
                notes: ["it begins in line \(context.line), column \(context.column)"],
                help: "close it with '\(close)', or put a comma between its values")
            return true
        }
        if let character, character == "]" || character == "}" || character == ",", error == YAML_PARSER_ERROR {
            let open = character == "]" ? "'['" : character == "}" ? "'{'" : "list in brackets"
            add(
                &diagnostics, "'\(character)' has no \(open) before it",
                help: "put the text in quotes, or remove the '\(character)'")
            return true
        }
        return false
    }

    /// Characters that mean something to YAML and therefore cannot begin a text.
    private func reportIndicator(_ diagnostics: inout Diagnostics) -> Bool {
        let begin = context ?? place
        switch opening ?? character {
        case "*", "&":
            guard error == YAML_SCANNER_ERROR, let mark = opening else { return false }
            add(
                &diagnostics, "'\(mark)' begins an \(mark == "*" ? "alias" : "anchor"), which needs a name", at: begin,
                help: "a text that begins with '\(mark)' needs quotes")
        case "!":
            add(
                &diagnostics, "'!' begins a tag, which is malformed", at: begin,
                help: "a text that begins with '!' needs quotes")
        case "|", ">":
            guard error == YAML_SCANNER_ERROR, let mark = opening else { return false }
            add(
                &diagnostics, "'\(mark)' begins a block of text, which starts on the next line",
                help: "put the text in the lines below, indented, or in quotes")
        case "@", "`", "%":
            guard error == YAML_SCANNER_ERROR, let mark = character, begin.column == place.column else { return false }
            add(&diagnostics, "no text can begin with '\(mark)'", help: "put the text in quotes")
        default: return false
        }
        return true
    }

    /// A line without a colon among lines with one.
    private func reportUnfinished(_ diagnostics: inout Diagnostics) -> Bool {
        guard error == YAML_SCANNER_ERROR, let context, opening != nil, opening != "%",
            context.line < place.line || isAtEnd
        else { return false }
        add(
            &diagnostics, "the line is neither 'key: value' nor the rest of a value", at: context,
            help: "add ':' after the key, or indent the line if the text above goes on")
        return true
    }

    private func reportMapping(_ diagnostics: inout Diagnostics) -> Bool {
        guard error == YAML_SCANNER_ERROR, context == nil else { return false }
        let before = String(source.line(place.line).unicodeScalars.prefix(place.column - 1))
        if character == ":" {
            if before.contains(": ") {
                add(
                    &diagnostics, "the line has a second ': '",
                    help: "put the value in quotes, or begin its mapping on the next line")
            } else {
                add(
                    &diagnostics, "a key is indented deeper than the value above it",
                    help: "give the keys of a mapping the same indentation; a text of several lines needs '|'")
            }
            return true
        }
        if character == "-" {
            add(
                &diagnostics, "a list cannot begin on the line of its key",
                help: "begin it on the next line, or write it in brackets: [a, b]")
            return true
        }
        return false
    }

    private func reportIndentation(_ diagnostics: inout Diagnostics) -> Bool {
        guard error == YAML_PARSER_ERROR, let context,
            source.line(place.line).unicodeScalars.prefix(place.column - 1).allSatisfy({ $0 == " " })
        else { return false }
        let isList = opening == "-"
        if character == ":" {
            add(&diagnostics, "':' has no key before it", help: "write 'key: value'")
        } else if place.column == context.column, isList || character == "-" {
            add(
                &diagnostics,
                isList ? "there is a key among the items of a list" : "there is an item among the keys of a mapping",
                notes: ["the \(isList ? "list" : "mapping") begins in line \(context.line)"],
                help: isList
                    ? "write '- key: value', or indent the list below its key"
                    : "indent it below the key that it belongs to")
        } else {
            add(
                &diagnostics, "the line is indented like nothing above it",
                notes: [
                    "the \(isList ? "list" : "mapping") around it begins in line \(context.line), column \(context.column)"
                ],
                help: "give the lines of one \(isList ? "list" : "mapping") the same indentation")
        }
        return true
    }

    // MARK: - helpers

    private var isInFlow: Bool { opening == "[" || opening == "{" }

    private var isAtEnd: Bool {
        character == nil
            && (place.line >= source.lineCount
                || (place.line == source.lineCount - 1 && source.line(source.lineCount).isEmpty))
    }

    private static func fourDigits(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
