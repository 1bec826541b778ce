import Platform

/// A paragraph of fields (Policy 5.1, deb822(5)). Names compare without regard to case; the order is kept.
public struct ControlParagraph: Hashable, Sendable, CustomStringConvertible {
    /// A field.
    public struct Field: Hashable, Sendable {
        /// The name as written.
        public var name: String
        /// The value without the blank in front of each further line; an empty line stands for ` .`.
        public var value: String
    }

    /// The fields.
    public internal(set) var fields: [Field] = []

    /// No fields.
    public init() {}

    /// The value of a field; nil takes the field out.
    ///
    /// A name that is written has to pass ``checkName(_:)`` for the paragraph's text to be read again.
    public subscript(name: String) -> String? {
        get { fields.first { Self.same($0.name, name) }?.value }
        set {
            let index = fields.firstIndex { Self.same($0.name, name) }
            switch (index, newValue) {
            case (let index?, let value?): fields[index].value = value
            case (let index?, nil): fields.remove(at: index)
            case (nil, let value?): fields.append(Field(name: name, value: value))
            case (nil, nil): break
            }
        }
    }

    /// The values by the names in lower case, for whoever asks for many.
    package var valuesByName: [[UInt8]: String] {
        Dictionary(fields.map { (Ascii.lowercased($0.name), $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// Reads one paragraph; none and a second one are refused.
    ///
    /// The text is read by dpkg's rules, and so comments, lines of blanks and a missing newline at the end are faults.
    public init(parsing text: String) throws(FormatError) {
        var parser = ParagraphParser(text)
        guard let first = try parser.next() else {
            throw FormatError(
                subject: "control paragraph", found: text, expected: "at least one field", offset: text.utf8.count,
                source: "deb822(5)")
        }
        if let second = try parser.next() {
            throw FormatError(
                subject: "control paragraph", found: text, expected: "one paragraph only", offset: second.offset,
                source: "deb822(5)")
        }
        self = first.paragraph
    }

    /// Reads all paragraphs of a text.
    public static func paragraphs(
        parsing text: String
    ) throws(FormatError) -> [ControlParagraph] {
        var parser = ParagraphParser(text)
        var result: [ControlParagraph] = []
        while let next = try parser.next() { result.append(next.paragraph) }
        return result
    }

    /// Checks a field's name: visible ASCII without `:`, neither `#` nor `-` first.
    public static func checkName(_ name: String) throws(FormatError) {
        if let (expected, offset) = ParagraphParser.fault(inName: Array(name.utf8)[...]) {
            throw FormatError(
                subject: "field name", found: name, expected: expected, offset: offset, source: "deb822(5)")
        }
    }

    /// The paragraph as text with a newline at the end.
    ///
    /// Whatever the values are, each line of them stays within its field: an empty one and one of blanks become ` .`.
    public var description: String {
        var bytes: [UInt8] = []
        for field in fields {
            bytes += field.name.utf8
            bytes.append(UInt8(ascii: ":"))
            let lines = Array(field.value.utf8).split(separator: Ascii.newline, omittingEmptySubsequences: false)
            for (index, line) in lines.enumerated() {
                if index == 0 {
                    let value = Ascii.trimmed(line)
                    if !value.isEmpty { bytes.append(Ascii.space) }
                    bytes += value
                } else {
                    bytes.append(Ascii.space)
                    let value = Ascii.trimmedAtEnd(line)
                    if value.isEmpty { bytes.append(UInt8(ascii: ".")) } else { bytes += value }
                }
                bytes.append(Ascii.newline)
            }
        }
        return Ascii.text(bytes)
    }

    static func same(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8) { Ascii.lowercased($0) == Ascii.lowercased($1) }
    }
}

extension ControlParagraph {
    /// The order in which dpkg-gencontrol(1) writes the fields of a binary package.
    private static let binaryOrder = [
        "Package", "Package-Type", "Source", "Version", "Kernel-Version", "Built-For-Profiles", "Auto-Built-Package",
        "Architecture", "Architecture-Variant", "Subarchitecture", "Installer-Menu-Item", "Build-Essential",
        "Essential", "Protected", "Origin", "Bugs", "Maintainer", "Installed-Size", "Pre-Depends", "Depends",
        "Recommends", "Suggests", "Enhances", "Conflicts", "Breaks", "Replaces", "Provides", "Built-Using",
        "Static-Built-Using", "Section", "Priority",
        "Multi-Arch", "Homepage", "Description", "Tag", "Task",
    ]

    private static let binaryRank: [[UInt8]: Int] = Dictionary(
        binaryOrder.enumerated().map { (Ascii.lowercased($0.element), $0.offset) },
        uniquingKeysWith: { first, _ in first })

    /// The fields in the order in which dpkg writes those of a binary package: the known ones, then the others by name.
    public func orderedForBinaryControl() -> ControlParagraph {
        let keyed = fields.map { field in
            let key = Ascii.lowercased(field.name)
            return (field: field, key: key, rank: Self.binaryRank[key] ?? Int.max)
        }
        var copy = ControlParagraph()
        copy.fields = keyed.sorted { left, right in
            left.rank != right.rank ? left.rank < right.rank : left.key.lexicographicallyPrecedes(right.key)
        }.map(\.field)
        return copy
    }
}

/// Reads paragraphs one after another, with the places of their fields.
struct ParagraphParser {
    /// A paragraph with places in the text.
    struct Located {
        var paragraph = ControlParagraph()
        /// The byte at which each field's name begins.
        var nameOffsets: [Int] = []
        /// The byte at which it begins.
        var offset: Int { nameOffsets.first ?? 0 }
    }

    private var lines: Lines

    init(_ text: String) { lines = Lines(text) }

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
            if line.bytes.isEmpty {
                if current.nameOffsets.isEmpty { continue }
                break
            }
            guard !line.isBlank else {
                throw Self.fault("an empty line between paragraphs, ' .' within a value", line, at: line.start)
            }
            if let null = line.bytes.firstIndex(of: 0) { throw Self.fault("no NUL bytes", line, at: null) }
            guard line.isEnded else {
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
            value = Array(rest)
        }
        finishValue()
        if let lastLine, let last = current.paragraph.fields.last, last.value.isEmpty {
            throw Self.fault("a value for the last field", lastLine, at: lastLine.end)
        }
        return current.nameOffsets.isEmpty ? nil : current
    }

    /// The place of the colon after a field's name.
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
