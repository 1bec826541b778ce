import Platform

/// A machine-readable copyright file, format 1.0
/// (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/).
///
/// What can be read as paragraphs is a value; what breaks the format's rules is in ``findings``.
public struct Copyright: Hashable, Sendable {
    /// The address that the `Format` field has to have.
    public static let format = "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"

    /// A `License` field.
    public struct License: Hashable, Sendable {
        /// Its first line: short names, with `and`, `or` and exceptions.
        public var expression: String
        /// The text behind the first line; empty where it stands in a paragraph of its own.
        public var text: String
    }

    /// A paragraph about files.
    public struct FilesParagraph: Hashable, Sendable {
        /// Patterns of paths, in which `*` and `?` stand for other characters, `/` among them.
        public var patterns: [String]
        /// Who has the copyright, since when.
        public var copyright: String
        /// The licence.
        public var license: License
    }

    /// The first paragraph.
    public var header: ControlParagraph
    /// The paragraphs with a `Files` field, in order; of a missing field the value is empty.
    public var files: [FilesParagraph]
    /// The paragraphs that hold a licence by itself, in order.
    public var licenses: [License]
    /// What breaks the rules of the format, in the order of the text.
    public var findings: [CopyrightFinding]

    /// Reads a file. An error is thrown only where the text cannot be read as paragraphs at all (deb822(5)).
    public init(parsing text: String) throws(FormatError) {
        var parser = ParagraphParser(text, dialect: .source)
        var reader = CopyrightReader()
        while let next = try parser.next() { reader.add(next) }
        reader.finish(length: text.utf8.count)
        header = reader.header
        files = reader.files
        licenses = reader.licenses
        findings = reader.findings.sorted { $0.offset < $1.offset }
    }

    /// Whether a text means to be in this format: its first field is `Format`.
    public static func isMachineReadable(_ text: String) -> Bool {
        for line in Lines(text) where !line.isBlank && line.bytes.first != UInt8(ascii: "#") {
            return line.bytes.prefix(7).map({ Ascii.lowercased($0) }).elementsEqual("format:".utf8)
        }
        return false
    }
}

/// A rule of the copyright format that a file breaks.
public struct CopyrightFinding: Hashable, Sendable, CustomStringConvertible {
    /// The rules.
    public enum Kind: Hashable, Sendable {
        /// A paragraph lacks a field that it has to have.
        case fieldMissing(String)
        /// A field has no value.
        case fieldEmpty(String)
        /// `Format` has another address.
        case formatWrong(String)
        /// `Format` has the right address, but through http or without the slash at its end.
        case formatDated(String)
        /// A paragraph is neither about files nor a licence.
        case paragraphUnknown
        /// There is no paragraph about files.
        case filesParagraphMissing
        /// A backslash in a pattern stands before something other than `*`, `?` and a backslash.
        case patternMalformed(String)
        /// The first line of a licence is no list of short names.
        case licenseMalformed(String)
        /// A licence is named that has no text anywhere.
        case licenseUndefined(String)
        /// Two paragraphs have the text of one licence.
        case licenseRepeated(String)
        /// A paragraph has the name of a licence and no text.
        case licenseTextMissing(String)
        /// A paragraph has the text of a licence that no files have.
        case licenseUnused(String)
    }

    /// The rule.
    public var kind: Kind
    /// The number of the paragraph, from 1.
    public var paragraph: Int
    /// The byte of the text (UTF-8) that it is about.
    public var offset: Int

    /// Whether the format forbids it; else it is poor style.
    public var isError: Bool {
        switch kind {
        case .formatDated, .licenseUnused: false
        default: true
        }
    }

    /// The sentence for people.
    public var description: String {
        switch kind {
        case .fieldMissing(let name): "paragraph \(paragraph) has no field '\(name)'"
        case .fieldEmpty(let name): "field '\(name)' of paragraph \(paragraph) is empty"
        case .formatWrong(let address): "'Format' is '\(address)' (must be \(Copyright.format))"
        case .formatDated(let address): "'Format' is '\(address)', an old spelling of \(Copyright.format)"
        case .paragraphUnknown: "paragraph \(paragraph) has neither 'Files' nor 'License'"
        case .filesParagraphMissing: "no paragraph has 'Files'"
        case .patternMalformed(let pattern):
            "pattern '\(pattern)' has a backslash before something other than '*', '?' and '\\'"
        case .licenseMalformed(let text): "licence '\(text)' is no list of short names with 'and', 'or' and exceptions"
        case .licenseUndefined(let name): "licence '\(name)' has no text and no 'License' paragraph"
        case .licenseRepeated(let name): "licence '\(name)' has two 'License' paragraphs"
        case .licenseTextMissing(let name): "the 'License' paragraph of '\(name)' has no text"
        case .licenseUnused(let name): "licence '\(name)' is of no files"
        }
    }
}
