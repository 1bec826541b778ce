import Platform

/// The `templates` control file of a package that asks questions by debconf: stanzas as debconf-devel(7) has them, with
/// what lintian takes for an error.
public struct DebconfTemplates: Hashable, Sendable {
    /// One stanza.
    public struct Template: Hashable, Sendable {
        /// The name, such as `hello/colour`.
        public var name: String
        /// What is asked for.
        public var type: Kind
    }

    /// The types of debconf-devel(7).
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case string, password, boolean, select, multiselect, note, error, title, text
    }

    /// The stanzas in their order.
    public let templates: [Template]

    /// Reads the file, by the rules by which debconf loads it and some more: each name once, a known type, choices for
    /// whoever has to choose and as many of them in each language, a description.
    ///
    /// - Throws: ``FormatError`` with the byte of the text at which the fault is.
    public init(parsing text: String) throws(FormatError) {
        var templates: [Template] = []
        var names: [[UInt8]: Int] = [:]
        var stanza = Stanza()
        func finish() throws(FormatError) {
            guard !stanza.fields.isEmpty else { return }
            let template = try stanza.template()
            if names.updateValue(templates.count, forKey: Array(template.name.utf8)) != nil {
                throw stanza.fault("template", "a name that no other template has")
            }
            templates.append(template)
            stanza = Stanza()
        }
        for line in Lines(text) {
            if line.bytes.isEmpty {
                try finish()
            } else {
                try stanza.append(line)
            }
        }
        try finish()
        if templates.isEmpty {
            throw Self.fault(text, "at least one template", text.utf8.count)
        }
        self.templates = templates
    }

    fileprivate static func fault(_ found: String, _ expected: String, _ offset: Int) -> FormatError {
        FormatError(
            subject: "debconf template", found: found, expected: expected, offset: offset, source: "debconf-devel(7)")
    }
}

/// A stanza while it is read.
private struct Stanza {
    struct Field {
        /// In lower case, as debconf compares it.
        var name: String
        var value: String
        var line: Lines.Line
    }

    var fields: [Field] = []
    private var positions: [String: Int] = [:]

    private static let known: Set<String> = [
        "template", "type", "choices", "indices", "default", "description", "help",
    ]

    mutating func append(_ line: Lines.Line) throws(FormatError) {
        if line.bytes.contains(where: { $0 == 0x0d || $0 == 0 }) {
            throw DebconfTemplates.fault(line.text, "lines without carriage returns and NUL bytes", line.start)
        }
        if line.bytes.first.map(Ascii.isBlank) ?? true {
            if fields.isEmpty {
                throw DebconfTemplates.fault(line.text, "'Template: NAME' first", line.start)
            }
            return
        }
        guard let colon = line.bytes.firstIndex(of: UInt8(ascii: ":")),
            line.bytes[..<colon].allSatisfy({ Ascii.isAlphanumeric($0) || "-_@.".utf8.contains($0) }),
            colon > line.start
        else {
            throw DebconfTemplates.fault(
                line.text, "'Field: value', a line that begins with a blank, or an empty line", line.start)
        }
        let name = Ascii.text(Ascii.lowercased(Ascii.text(line.bytes[..<colon])))
        if positions.updateValue(fields.count, forKey: name) != nil {
            throw DebconfTemplates.fault(
                line.text, "each field once; an empty line separates two templates", line.start)
        }
        if name.startsBytewise("_") {
            throw DebconfTemplates.fault(
                line.text, "fields as po2debconf(1) writes them, without '_' in front", line.start)
        }
        let base = name.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)[0]
        guard Self.known.contains(String(base)) else {
            throw DebconfTemplates.fault(
                line.text, "one of Template, Type, Default, Choices and Description", line.start)
        }
        fields.append(
            Field(name: name, value: Ascii.text(Ascii.trimmed(line.bytes[(colon + 1)...])), line: line))
    }

    func fault(_ name: String, _ expected: String) -> FormatError {
        let line = fields[positions[name] ?? 0].line
        return DebconfTemplates.fault(line.text, expected, line.start)
    }

    private func value(_ name: String) -> String? {
        positions[name].map { fields[$0].value }
    }

    func template() throws(FormatError) -> DebconfTemplates.Template {
        guard let name = value("template") else { throw fault("template", "a field 'Template: NAME'") }
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count > 1,
            parts.allSatisfy({ part in
                !part.isEmpty && part.allSatisfy { Ascii.isAlphanumeric($0) || "._+-".utf8.contains($0) }
            })
        else {
            throw fault("template", "a name such as 'package/question' of letters, digits and '.+-_'")
        }
        guard let type = value("type") else { throw fault("type", "a field 'Type:' in the template '\(name)'") }
        guard let kind = DebconfTemplates.Kind(rawValue: type) else {
            let all = DebconfTemplates.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw fault("type", "one of the types \(all)")
        }
        if value("description") ?? "" == "" {
            throw fault("description", "a description in the template '\(name)'")
        }
        try checkChoices(kind, name)
        if kind == .boolean, let preset = value("default"), preset != "true", preset != "false" {
            throw fault("default", "'true' or 'false' as the default of a boolean")
        }
        return DebconfTemplates.Template(name: name, type: kind)
    }

    private func checkChoices(_ kind: DebconfTemplates.Kind, _ name: String) throws(FormatError) {
        guard kind == .select || kind == .multiselect else { return }
        guard let text = value("choices") else { throw fault("type", "a field 'Choices:' in the template '\(name)'") }
        if text.isEmpty { throw fault("choices", "choices, separated by ', '") }
        // What is put in when the question is asked can be anything.
        if text.contains("${") { return }
        let choices = Self.split(text)
        for field in fields where field.name.startsBytewise("choices-") {
            let count = Self.split(field.value).count
            if count != choices.count {
                throw fault(field.name, "\(choices.count) choices as in 'Choices:', and not \(count)")
            }
        }
    }

    /// Choices are separated by a comma and blanks; a backslash takes the meaning from a comma or blank.
    private static func split(_ text: String) -> [String] {
        var items: [String] = []
        var item: [UInt8] = []
        var rest = Array(text.utf8)[...]
        func isBlank(_ byte: UInt8?) -> Bool { byte.map(Ascii.isBlank) ?? false }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let next = rest.first, next == UInt8(ascii: ",") || next == Ascii.space {
                item.append(next)
                rest.removeFirst()
            } else if byte == UInt8(ascii: ","), isBlank(rest.first) {
                rest = rest.drop { Ascii.isBlank($0) }
                items.append(Ascii.text(item))
                item = []
            } else {
                item.append(byte)
            }
        }
        return item.isEmpty ? items : items + [Ascii.text(item)]
    }
}
