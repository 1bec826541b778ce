import Platform

extension ControlParagraph {
    /// The value of `Description`: a synopsis and an extended description (Policy 5.6.13).
    ///
    /// Paragraphs are folded to 79 columns. Lines that begin with a blank or a list mark stay as they are, tabs in
    /// front made spaces. No line begins with the `.` that Policy reserves.
    public static func description(summary: String, body: String) -> String {
        var folding = DescriptionFolding()
        for line in body.utf8.split(separator: Ascii.newline, omittingEmptySubsequences: false) {
            folding.add(Ascii.trimmedAtEnd(Array(line)[...]))
        }
        let synopsis = Ascii.words(Array(summary.utf8)[...]).map { Ascii.text($0) }.joined(separator: " ")
        return ([synopsis] + folding.finish()).joined(separator: "\n")
    }
}

/// Folds the paragraphs of an extended description.
private struct DescriptionFolding {
    /// The columns beside the blank in front.
    private static let width = 78
    private var lines: [String] = []
    private var words: [String] = []
    private var needsBlankLine = false

    mutating func add(_ line: ArraySlice<UInt8>) {
        guard let first = line.first else {
            flush()
            // Several empty lines are one, and the first paragraph has none before it.
            needsBlankLine = !lines.isEmpty
            return
        }
        let mark = line.prefix(2)
        if Ascii.isHorizontalBlank(first) {
            flush()
            emit(verbatim(line))
        } else if mark.elementsEqual("- ".utf8) || mark.elementsEqual("* ".utf8) {
            flush()
            emit(" " + Ascii.text(line))
        } else {
            words += Ascii.words(line).map { Ascii.text($0) }
        }
    }

    mutating func finish() -> [String] {
        flush()
        return lines
    }

    private func verbatim(_ line: ArraySlice<UInt8>) -> String {
        let blanks = line.prefix { Ascii.isHorizontalBlank($0) }
        // A value's line with one blank in front is shown as it is, for the field puts another before it.
        let columns = blanks.reduce(0) { column, byte in byte == Ascii.tab ? (column / 8 + 1) * 8 : column + 1 }
        return String(repeating: " ", count: columns) + Ascii.text(line.dropFirst(blanks.count))
    }

    private mutating func emit(_ line: String) {
        if needsBlankLine { lines.append("") }
        needsBlankLine = false
        lines.append(line)
    }

    private mutating func flush() {
        var line: [String] = []
        var length = 0
        for word in words {
            let columns = word.count
            if !line.isEmpty, length + 1 + columns > Self.width {
                var next: [String] = []
                // A line must not begin with a full stop, so the word before it goes along.
                if word.utf8.first == UInt8(ascii: "."), line.count > 1, let before = line.popLast() {
                    next.append(before)
                }
                emit(Self.joined(line))
                line = next
                length = next.reduce(0) { $0 + $1.count }
            }
            length += (line.isEmpty ? 0 : 1) + columns
            line.append(word)
        }
        if !line.isEmpty { emit(Self.joined(line)) }
        words = []
    }

    private static func joined(_ words: [String]) -> String {
        let line = words.joined(separator: " ")
        return line.utf8.first == UInt8(ascii: ".") ? " " + line : line
    }
}
