import Platform

/// Reads paragraphs one after another, with the places of their fields.
struct ParagraphParser {
    /// A paragraph with places in the text.
    struct Located {
        var paragraph = ControlParagraph()
        /// The byte at which each field's name begins.
        var nameOffsets: [Int] = []
        /// The byte at which each field's value begins.
        var valueOffsets: [Int] = []
        /// The byte at which it begins.
        var offset: Int { nameOffsets.first ?? 0 }
    }

    private var lines: Lines
    private let dialect: ControlParagraph.Dialect

    init(_ text: String, dialect: ControlParagraph.Dialect) {
        lines = Lines(text)
        self.dialect = dialect
    }

    /// The next paragraph, or nil at the end.
    mutating func next() throws(FormatError) -> Located? {
        var current = Located()
        var names: Set<[UInt8]> = []
        var value: [UInt8] = []
        var lastLine: Lines.Line?
        func finishValue() {
            guard !current.paragraph.fields.isEmpty else { return }
            current.paragraph.fields[current.paragraph.fields.count - 1].value = Ascii.text(value)
        }
        while let line = lines.next() {
            if line.bytes.isEmpty || (dialect == .source && line.isBlank) {
                if current.nameOffsets.isEmpty { continue }
                break
            }
            if dialect == .source, line.bytes.first == UInt8(ascii: "#") { continue }
            guard !line.isBlank else {
                throw Self.fault("an empty line between paragraphs, ' .' within a value", line, at: line.start)
            }
            if let null = line.bytes.firstIndex(of: 0) { throw Self.fault("no NUL bytes", line, at: null) }
            guard line.isEnded || dialect == .source else {
                throw Self.fault("a newline at the end", line, at: line.end)
            }
            lastLine = line
            if let first = line.bytes.first, Ascii.isHorizontalBlank(first) {
                guard !current.nameOffsets.isEmpty else {
                    throw Self.fault("a field before a continuation line", line, at: line.start)
                }
                let content = Ascii.trimmedAtEnd(line.bytes.dropFirst())
                value.append(Ascii.newline)
                if !content.elementsEqual(CollectionOfOne(UInt8(ascii: "."))) { value += content }
                continue
            }
            finishValue()
            let colon = try Self.colon(of: line)
            let name = try Self.name(of: line, colon: colon)
            guard names.insert(name.map { Ascii.lowercased($0) }).inserted else {
                throw Self.fault("each field once", line, at: line.start)
            }
            let rest = Ascii.trimmed(line.bytes[(colon + 1)...])
            current.paragraph.fields.append(.init(name: Ascii.text(name), value: ""))
            current.nameOffsets.append(line.start)
            current.valueOffsets.append(rest.isEmpty ? colon + 1 : rest.startIndex)
            value = Array(rest)
        }
        finishValue()
        if let lastLine, let last = current.paragraph.fields.last, last.value.isEmpty, dialect == .binary {
            throw Self.fault("a value for the last field", lastLine, at: lastLine.end)
        }
        return current.nameOffsets.isEmpty ? nil : current
    }

    /// The place of the colon behind a field's name.
    private static func colon(of line: Lines.Line) throws(FormatError) -> Int {
        guard let colon = line.bytes.firstIndex(of: UInt8(ascii: ":")) else {
            throw fault("'Name: value'", line, at: line.end)
        }
        return colon
    }

    /// The field's name; dpkg lets blanks stand between it and the colon.
    private static func name(of line: Lines.Line, colon: Int) throws(FormatError) -> ArraySlice<UInt8> {
        let name = Ascii.trimmedAtEnd(line.bytes[..<colon])
        if let (expected, offset) = fault(inName: name) { throw fault(expected, line, at: offset) }
        return name
    }

    /// What is wrong with a field's name, and where.
    static func fault(inName name: ArraySlice<UInt8>) -> (expected: String, offset: Int)? {
        guard let first = name.first else { return ("a field name before ':'", name.startIndex) }
        if first == UInt8(ascii: "-") || first == UInt8(ascii: "#") {
            return ("a field name that begins with neither '-' nor '#'", name.startIndex)
        }
        if let wrong = name.firstIndex(where: { !Ascii.isGraphic($0) || $0 == UInt8(ascii: ":") }) {
            return ("a field name of visible ASCII without ':'", wrong)
        }
        return nil
    }

    private static func fault(_ expected: String, _ line: Lines.Line, at offset: Int) -> FormatError {
        FormatError(
            subject: "control paragraph line", found: line.text, expected: expected, offset: offset,
            source: "deb822(5)")
    }
}
