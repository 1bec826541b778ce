import Platform

/// Takes the paragraphs of a copyright file one by one and gathers what is wrong with them.
struct CopyrightReader {
    private(set) var header = ControlParagraph()
    private(set) var files: [Copyright.FilesParagraph] = []
    private(set) var licenses: [Copyright.License] = []
    private(set) var findings: [CopyrightFinding] = []

    private struct Use {
        let names: [LicenseName]
        /// The whole first line, which a paragraph may have the text of.
        let expression: [UInt8]
        let paragraph: Int
        let offset: Int
    }

    private struct Definition {
        let name: String
        let key: [UInt8]
        let paragraph: Int
        let offset: Int
    }

    private var count = 0
    private var uses: [Use] = []
    /// Names whose text stands beside the files.
    private var describedKeys: Set<[UInt8]> = []
    private var definitions: [Definition] = []

    mutating func add(_ located: ParagraphParser.Located) {
        count += 1
        let paragraph = located.paragraph
        if count == 1 {
            header = paragraph
            checkHeader(located)
        } else if let patterns = value(of: "Files", in: located, isDemanded: paragraph["Files"] != nil) {
            let copyright = value(of: "Copyright", in: located, isDemanded: true)
            let license = value(of: "License", in: located, isDemanded: true)
            files.append(
                Copyright.FilesParagraph(
                    patterns: self.patterns(patterns), copyright: copyright?.text ?? "",
                    license: license.map { used($0) } ?? Copyright.License(expression: "", text: "")))
        } else if paragraph["Files"] == nil {
            addLicense(located)
        }
    }

    /// Compares the licences that are named with those that have a text; `length` is the file's in bytes.
    mutating func finish(length: Int) {
        if count == 0 {
            count = 1
            report(.fieldMissing("Format"), at: 0)
        }
        if files.isEmpty {
            findings.append(CopyrightFinding(kind: .filesParagraphMissing, paragraph: count, offset: length))
        }
        var defined: [[UInt8]: Definition] = [:]
        for definition in definitions {
            if defined.updateValue(definition, forKey: definition.key) != nil {
                findings.append(
                    CopyrightFinding(
                        kind: .licenseRepeated(definition.name), paragraph: definition.paragraph,
                        offset: definition.offset))
            }
        }
        var usedKeys = describedKeys
        for use in uses {
            if defined[use.expression] != nil {
                usedKeys.insert(use.expression)
                continue
            }
            for name in use.names {
                if let key = name.keys.first(where: { defined[$0] != nil }) {
                    usedKeys.insert(key)
                } else {
                    findings.append(
                        CopyrightFinding(
                            kind: .licenseUndefined(name.text), paragraph: use.paragraph,
                            offset: use.offset + name.offset))
                }
            }
        }
        for definition in definitions where !usedKeys.contains(definition.key) {
            findings.append(
                CopyrightFinding(
                    kind: .licenseUnused(definition.name), paragraph: definition.paragraph, offset: definition.offset))
        }
    }

    // MARK: - fields

    private struct Value {
        let text: String
        let offset: Int
    }

    private mutating func report(_ kind: CopyrightFinding.Kind, at offset: Int) {
        findings.append(CopyrightFinding(kind: kind, paragraph: count, offset: offset))
    }

    /// A field's value; what is missing or empty is reported.
    private mutating func value(
        of name: String, in located: ParagraphParser.Located, isDemanded: Bool
    ) -> Value? {
        guard let index = located.paragraph.fields.firstIndex(where: { ControlParagraph.same($0.name, name) }) else {
            if isDemanded { report(.fieldMissing(name), at: located.offset) }
            return nil
        }
        let value = Value(text: located.paragraph.fields[index].value, offset: located.valueOffsets[index])
        if value.text.utf8.allSatisfy({ Ascii.isBlank($0) }) {
            report(.fieldEmpty(name), at: located.nameOffsets[index])
        }
        return value
    }

    private mutating func checkHeader(_ located: ParagraphParser.Located) {
        if let format = value(of: "Format", in: located, isDemanded: true), !format.text.isEmpty {
            let known = Copyright.format
            let dated = [known, "http" + known.dropFirst("https".utf8.count)].flatMap { [$0, String($0.dropLast())] }
            if format.text != known {
                report(
                    dated.contains(format.text) ? .formatDated(format.text) : .formatWrong(format.text),
                    at: format.offset)
            }
        }
        if let license = value(of: "License", in: located, isDemanded: false) { _ = used(license) }
    }

    private mutating func patterns(_ value: Value) -> [String] {
        Ascii.words(Array(value.text.utf8)[...]).map { word in
            var rest = word
            while let byte = rest.popFirst() {
                if byte != UInt8(ascii: "\\") { continue }
                if let escaped = rest.popFirst(), "*?\\".utf8.contains(escaped) { continue }
                report(.patternMalformed(Ascii.text(word)), at: value.offset)
                break
            }
            return Ascii.text(word)
        }
    }

    // MARK: - licences

    /// A licence that files have: its names need a text, here or in a paragraph of their own.
    private mutating func used(_ value: Value) -> Copyright.License {
        let (license, line) = Self.split(value)
        if line.isEmpty { return license }
        guard let names = LicenseName.names(in: line[...]) else {
            report(.licenseMalformed(license.expression), at: value.offset)
            return license
        }
        if license.text.isEmpty {
            uses.append(
                Use(names: names, expression: LicenseName.key(line[...]), paragraph: count, offset: value.offset))
        } else {
            for name in names { describedKeys.formUnion(name.keys) }
        }
        return license
    }

    private mutating func addLicense(_ located: ParagraphParser.Located) {
        guard let value = value(of: "License", in: located, isDemanded: false) else {
            report(.paragraphUnknown, at: located.offset)
            return
        }
        let (license, line) = Self.split(value)
        licenses.append(license)
        if line.isEmpty { return }
        if LicenseName.names(in: line[...]) == nil { report(.licenseMalformed(license.expression), at: value.offset) }
        if license.text.isEmpty { report(.licenseTextMissing(license.expression), at: value.offset) }
        definitions.append(
            Definition(
                name: license.expression, key: LicenseName.key(line[...]), paragraph: count, offset: value.offset))
    }

    private static func split(_ value: Value) -> (license: Copyright.License, line: [UInt8]) {
        let bytes = Array(value.text.utf8)
        let line = Array(bytes.prefix { $0 != Ascii.newline })
        var text = bytes.dropFirst(line.count + 1)
        if text.allSatisfy({ Ascii.isBlank($0) }) { text = [] }
        return (Copyright.License(expression: Ascii.text(line), text: Ascii.text(text)), line)
    }
}
