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

    /// What a file of paragraphs may hold beside them (deb822(5)).
    public enum Dialect: Hashable, Sendable {
        /// A control file of a binary package or of an archive: what dpkg(1) reads and no more.
        case binary
        /// A control file of a source package: comment lines, lines of blanks between paragraphs, no newline at the
        /// end.
        case source
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

    /// Reads one paragraph; none and a second one are refused.
    ///
    /// The text is read by dpkg's rules, and so comments, lines of blanks and a missing newline at the end are faults.
    public init(parsing text: String, dialect: Dialect = .binary) throws(FormatError) {
        var parser = ParagraphParser(text, dialect: dialect)
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
        parsing text: String, dialect: Dialect = .binary
    ) throws(FormatError) -> [ControlParagraph] {
        var parser = ParagraphParser(text, dialect: dialect)
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
