import Platform

/// One licence of an ``SPDXExpression``.
public struct SPDXLicense: Hashable, Sendable, CustomStringConvertible {
    /// The identifier as the SPDX license list has it, or `LicenseRef-` with a name of one's own.
    public var identifier: String
    /// Whether `+` allows later versions, which identifiers that end in `-or-later` say by themselves.
    public var allowsLater: Bool
    /// The identifier behind `WITH`.
    public var exception: String?

    /// As an expression writes it.
    public var description: String {
        identifier + (allowsLater ? "+" : "") + (exception.map { " WITH \($0)" } ?? "")
    }
}

/// Which licences hold, such as `MIT OR Apache-2.0` (SPDX specification 2.3, annex D).
public indirect enum SPDXExpression: Hashable, Sendable {
    case license(SPDXLicense)
    /// All of them hold: `AND`.
    case all([SPDXExpression])
    /// The user chooses one: `OR`.
    case any([SPDXExpression])

    /// Licences of one expression.
    private static let countLimit = 64
    /// Parentheses in one another.
    private static let depthLimit = 16

    /// Reads an expression. Identifiers that the list does not have are refused, but for those that begin with
    /// `LicenseRef-`; their case does not count.
    public init(parsing text: String) throws(FormatError) {
        var parser = Parser(text)
        self = try parser.expression(depth: 0)
        if let rest = parser.next { throw parser.fault("'AND', 'OR' or 'WITH' between licences", at: rest) }
        let combinations = combinations(limit: Self.countLimit + 1)
        guard licenses.count <= Self.countLimit, combinations <= Self.countLimit else {
            throw FormatError(
                subject: "licence", found: text,
                expected: "at most \(Self.countLimit) licences, and as many ways to combine them", offset: 0,
                source: Parser.source)
        }
    }

    /// The licences in the order of the text, each once.
    public var licenses: [SPDXLicense] {
        var found: [SPDXLicense] = []
        for license in all where !found.contains(license) { found.append(license) }
        return found
    }

    private var all: [SPDXLicense] {
        switch self {
        case .license(let license): [license]
        case .all(let parts), .any(let parts): parts.flatMap(\.all)
        }
    }

    /// What a text that is not an expression most likely means; nil when nothing is near.
    public static func suggestion(for text: String) -> String? {
        var parser = Parser(text)
        var words: [String] = []
        var isChanged = false
        while let word = parser.next {
            parser.advance()
            let separators = word.text.split(separator: "/", omittingEmptySubsequences: false)
            // As Cargo.toml was written until 2018.
            let parts = separators.count > 1 && !separators.contains("") ? separators.map(String.init) : [word.text]
            isChanged = isChanged || parts.count > 1
            for (index, part) in parts.enumerated() {
                if index > 0 { words.append("OR") }
                if let known = meaning(of: part) {
                    isChanged = isChanged || !known.utf8.elementsEqual(part.utf8)
                    words.append(known)
                } else {
                    // A name with blanks, such as 'Apache 2.0'.
                    return name(for: text)
                }
            }
        }
        let guess = words.joined(separator: " ")
        guard isChanged else { return nil }
        do throws(FormatError) {
            _ = try SPDXExpression(parsing: guess)
            return guess
        } catch {
            return name(for: text)
        }
    }

    private static func meaning(of word: String) -> String? {
        let upper = word.uppercased()
        if ["AND", "OR", "WITH"].contains(upper) { return upper }
        if ["(", ")"].contains(word) || word.hasPrefix(Parser.ownPrefix) { return word }
        let isLater = word.hasSuffix("+")
        let stem = isLater ? String(word.dropLast()) : word
        if let known = SPDXList.licenses[stem.lowercased()] { return known + (isLater ? "+" : "") }
        return SPDXList.exceptions[word.lowercased()] ?? name(for: word)
    }

    /// The identifier of a name that people use, or one that is spelled like it.
    private static func name(for text: String) -> String? {
        let plain = String(decoding: Ascii.lowercased(text).filter { !" -_".utf8.contains($0) }, as: UTF8.self)
        let bare = plain.hasSuffix(".0") ? String(plain.dropLast(2)) : plain
        if let known = commonNames[plain] ?? commonNames[bare] { return known }
        return SpellingSuggestion.of(text, among: SPDXList.licenses.values.sorted())
    }

    /// Names that are not identifiers, in lower case and without blanks and dashes.
    private static let commonNames = [
        "apache": "Apache-2.0", "apache2": "Apache-2.0", "asl2": "Apache-2.0", "apachev2": "Apache-2.0", "expat": "MIT",
        "mit/x11": "MIT", "mitlicense": "MIT", "bsd": "BSD-3-Clause", "bsd2": "BSD-2-Clause", "bsd3": "BSD-3-Clause",
        "newbsd": "BSD-3-Clause", "simplifiedbsd": "BSD-2-Clause", "gpl": "GPL-3.0-or-later", "gplv2": "GPL-2.0-only",
        "gpl2": "GPL-2.0-only", "gplv2+": "GPL-2.0-or-later", "gpl2+": "GPL-2.0-or-later", "gplv3": "GPL-3.0-only",
        "gpl3": "GPL-3.0-only", "gplv3+": "GPL-3.0-or-later", "gpl3+": "GPL-3.0-or-later", "lgpl": "LGPL-3.0-or-later",
        "lgplv2.1": "LGPL-2.1-only", "lgplv2.1+": "LGPL-2.1-or-later", "lgpl2.1+": "LGPL-2.1-or-later",
        "lgplv3": "LGPL-3.0-only", "lgpl3": "LGPL-3.0-only", "lgplv3+": "LGPL-3.0-or-later",
        "lgpl3+": "LGPL-3.0-or-later", "agpl": "AGPL-3.0-or-later", "agplv3": "AGPL-3.0-only",
        "agpl3": "AGPL-3.0-only", "agpl3+": "AGPL-3.0-or-later", "agplv3+": "AGPL-3.0-or-later", "mpl": "MPL-2.0",
        "mpl2": "MPL-2.0", "mplv2": "MPL-2.0", "cc0": "CC0-1.0", "boost": "BSL-1.0", "zliblicense": "Zlib",
        "artistic": "Artistic-1.0-Perl", "proprietary": "LicenseRef-Proprietary",
        "commercial": "LicenseRef-Commercial", "closed": "LicenseRef-Proprietary",
        "publicdomain": "LicenseRef-public-domain",
    ]

    /// Words and parentheses, and what they make.
    private struct Parser {
        struct Word {
            var text: String
            /// Where it begins, in bytes.
            var offset: Int
        }

        static let source = "SPDX specification 2.3, annex D"
        static let ownPrefix = "LicenseRef-"
        private let length: Int
        private var words: [Word] = []
        private var position = 0

        init(_ text: String) {
            let bytes = Array(text.utf8)
            length = bytes.count
            var start: Int?
            func isSeparator(_ byte: UInt8) -> Bool { Ascii.isBlank(byte) || isParenthesis(byte) }
            func isParenthesis(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")") }
            for index in 0...bytes.count {
                if index < bytes.count, !isSeparator(bytes[index]) {
                    start = start ?? index
                    continue
                }
                if let begin = start { words.append(Word(text: Ascii.text(bytes[begin..<index]), offset: begin)) }
                start = nil
                if index < bytes.count, isParenthesis(bytes[index]) {
                    words.append(Word(text: Ascii.text([bytes[index]]), offset: index))
                }
            }
        }

        var next: Word? { position < words.count ? words[position] : nil }

        mutating func advance() { position += 1 }

        private mutating func take(_ text: String) -> Bool {
            guard next?.text == text else { return false }
            position += 1
            return true
        }

        func fault(_ expected: String, at word: Word?) -> FormatError {
            FormatError(
                subject: "licence", found: word?.text ?? "", expected: expected, offset: word?.offset ?? length,
                source: Self.source)
        }

        /// `AND` binds more strongly than `OR`.
        mutating func expression(depth: Int) throws(FormatError) -> SPDXExpression {
            var choices = [try conjunction(depth: depth)]
            while take("OR") { choices.append(try conjunction(depth: depth)) }
            return choices.count == 1 ? choices[0] : .any(choices)
        }

        private mutating func conjunction(depth: Int) throws(FormatError) -> SPDXExpression {
            var parts = [try operand(depth: depth)]
            while take("AND") { parts.append(try operand(depth: depth)) }
            return parts.count == 1 ? parts[0] : .all(parts)
        }

        private mutating func operand(depth: Int) throws(FormatError) -> SPDXExpression {
            let word = next
            if take("(") {
                guard depth < SPDXExpression.depthLimit else {
                    throw fault("at most \(SPDXExpression.depthLimit) parentheses in one another", at: word)
                }
                let inner = try expression(depth: depth + 1)
                guard take(")") else { throw fault("')'", at: next) }
                return inner
            }
            guard let word, ![")", "AND", "OR", "WITH"].contains(word.text) else {
                throw fault("an identifier such as Apache-2.0", at: word)
            }
            position += 1
            var license = try Self.license(word) { expected in fault(expected, at: word) }
            if take("WITH") {
                guard let name = next else { throw fault("an exception behind 'WITH'", at: nil) }
                guard let known = SPDXList.exceptions[name.text.lowercased()] else {
                    throw fault("an exception of the SPDX license list, such as Classpath-exception-2.0", at: name)
                }
                position += 1
                license.exception = known
            }
            return .license(license)
        }

        private static func license(
            _ word: Word, fault: (String) -> FormatError
        ) throws(FormatError) -> SPDXLicense {
            if word.text.hasPrefix(ownPrefix) {
                let name = word.text.utf8.dropFirst(ownPrefix.utf8.count)
                let isPlain = name.allSatisfy {
                    Ascii.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
                }
                guard !name.isEmpty, isPlain else {
                    throw fault("letters, digits, '-' and '.' behind '\(ownPrefix)'")
                }
                return SPDXLicense(identifier: word.text, allowsLater: false)
            }
            let lower = word.text.lowercased()
            if lower.hasSuffix("+"), let known = SPDXList.licenses[String(lower.dropLast())] {
                return SPDXLicense(identifier: known, allowsLater: true)
            }
            guard let known = SPDXList.licenses[lower] else {
                throw fault("an identifier of the SPDX license list, or LicenseRef-NAME for another licence")
            }
            return SPDXLicense(identifier: known, allowsLater: false)
        }
    }
}
