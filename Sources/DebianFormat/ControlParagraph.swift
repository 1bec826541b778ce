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
    public private(set) var fields: [Field] = []

    /// No fields.
    public init() {}

    /// The value of a field; nil takes the field out.
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

    /// Reads one paragraph; a second one is refused.
    public init(parsing text: String) throws(FormatError) {
        let all = try Self.paragraphs(parsing: text)
        guard let first = all.first, all.count == 1 else {
            throw FormatError(
                subject: "control paragraph", found: "\(all.count) paragraphs", expected: "one paragraph", offset: 0,
                source: "deb822(5)")
        }
        self = first
    }

    /// Reads all paragraphs of a text.
    public static func paragraphs(parsing text: String) throws(FormatError) -> [ControlParagraph] {
        var result: [ControlParagraph] = []
        var current = ControlParagraph()
        var names: Set<String> = []
        let bytes = Array(text.utf8)
        var offset = 0
        while offset < bytes.count {
            let end = bytes[offset...].firstIndex(of: 0x0a) ?? bytes.count
            let line = bytes[offset..<end]
            let start = offset
            func fault(_ expected: String) -> FormatError {
                FormatError(
                    subject: "control paragraph line", found: Ascii.text(line), expected: expected, offset: start,
                    source: "deb822(5)")
            }
            offset = end + 1
            if line.allSatisfy({ Ascii.isBlank($0) }) {
                if !current.fields.isEmpty { result.append(current) }
                current = ControlParagraph()
                names = []
                continue
            }
            guard let first = line.first else { continue }
            if first == 0x23 { continue }
            if first == 0x20 || first == 0x09 {
                guard !current.fields.isEmpty else { throw fault("a field before a continuation line") }
                let content = Ascii.text(line.dropFirst())
                current.fields[current.fields.count - 1].value += "\n" + (content == "." ? "" : content)
                continue
            }
            guard let colon = line.firstIndex(of: 0x3a), colon > line.startIndex else { throw fault("'Name: value'") }
            let name = line[..<colon]
            guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), name.first != 0x2d else {
                throw fault("a field name of printable ASCII")
            }
            guard !line.contains(0) else { throw fault("no NUL bytes") }
            let key = Ascii.text(name)
            guard names.insert(key.lowercased()).inserted else { throw fault("each field once") }
            current.fields.append(Field(name: key, value: Ascii.text(Ascii.trimmed(line[(colon + 1)...]))))
        }
        if !current.fields.isEmpty { result.append(current) }
        return result
    }

    /// The paragraph as text with a newline at the end.
    public var description: String {
        var text = ""
        for field in fields {
            let lines = field.value.split(separator: "\n", omittingEmptySubsequences: false)
            text += field.name + ":"
            if let first = lines.first, !first.isEmpty { text += " " + first }
            text += "\n"
            for line in lines.dropFirst() { text += " " + (line.isEmpty ? "." : line) + "\n" }
        }
        return text
    }

    /// The value of `Description`: a synopsis and an extended description (Policy 5.6.13).
    ///
    /// Paragraphs are folded to 79 columns; lines that begin with a blank or a list mark stay as they are.
    public static func description(summary: String, body: String) -> String {
        var lines = [summary]
        var paragraph: [Substring] = []
        func flush() {
            var line = ""
            for word in paragraph.flatMap({ $0.split(whereSeparator: { $0 == " " || $0 == "\t" }) }) {
                if !line.isEmpty, line.count + 1 + word.count > 78 {
                    lines.append(line)
                    line = ""
                }
                line += (line.isEmpty ? "" : " ") + word
            }
            if !line.isEmpty { lines.append(line) }
            paragraph = []
        }
        for line in body.split(separator: "\n", omittingEmptySubsequences: false) {
            let isBlank = line.allSatisfy { $0 == " " || $0 == "\t" }
            if isBlank {
                flush()
                lines.append("")
            } else if line.hasPrefix(" ") || line.hasPrefix("- ") || line.hasPrefix("* ") {
                flush()
                // A line with two blanks in front is shown as it is.
                lines.append(line.hasPrefix(" ") ? String(line) : " " + line)
            } else {
                paragraph.append(line)
            }
        }
        flush()
        while lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n")
    }

    /// The fields in the order in which dpkg writes those of a binary package; unknown ones before `Description`.
    public func orderedForBinaryControl() -> ControlParagraph {
        let order = [
            "Package", "Source", "Version", "Architecture", "Essential", "Protected", "Multi-Arch", "Maintainer",
            "Original-Maintainer", "Installed-Size", "Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances",
            "Conflicts", "Breaks", "Replaces", "Provides", "Built-Using", "Section", "Priority", "Homepage",
        ]
        var copy = ControlParagraph()
        for name in order { if let value = self[name] { copy[name] = value } }
        for field in fields where copy[field.name] == nil && !Self.same(field.name, "Description") {
            copy[field.name] = field.value
        }
        if let description = self["Description"] { copy["Description"] = description }
        return copy
    }

    private static func same(_ left: String, _ right: String) -> Bool { left.lowercased() == right.lowercased() }
}
