import Platform

/// A file of settings, such as cluster.env and sidecar.env: lines `NAME=VALUE`, read and never executed.
///
/// The rules are those of `settings.sh` in the package istio-proxy: what sh(1) would take as an assignment, with
/// `export` before the name, quotes around the whole value and comments where sh allows them. Nothing is substituted
/// and no line continues in the next one. Unlike bash, which drops NUL bytes and passes on bytes that are not UTF-8, this
/// reader names both.
public struct EnvironmentFile: Sendable, Hashable {
    /// One setting.
    public struct Assignment: Sendable, Hashable {
        /// The name: capital letters, digits and `_`.
        public var name: String
        /// The value without its quotes.
        public var value: String
        /// Whether `export` stands before it, so that the agent gets it in its environment.
        public var isExported: Bool
        /// The line, from 1.
        public var line: Int
    }

    /// A line that is not used as it stands.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// What is wrong.
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            /// A control character other than the tabulator: carriage returns of DOS, mostly.
            case controlCharacter = "control-character"
            /// Bytes that are not UTF-8.
            case notUTF8 = "not-utf-8"
            /// No `NAME=VALUE`.
            case notAnAssignment = "not-an-assignment"
            /// A value of several words, or quoted in part, or with characters that mean something to a shell.
            case notOneWord = "not-one-word"
            /// A backslash at the end of the line.
            case continuation
            /// `$` or a backquote.
            case substitution
            /// A name in lower case: no setting is called so. Only a warning.
            case ignoredName = "ignored-name"
        }

        /// The line, from 1.
        public var line: Int
        /// What is wrong.
        public var kind: Kind
        /// The part of the line that is meant.
        public var found: String

        /// Whether the scripts still use the file.
        public var isWarning: Bool { kind == .ignoredName }

        /// One line for people, without the file's name.
        public var description: String {
            switch kind {
            case .controlCharacter: "line \(line): control character (does the file have DOS line ends?)"
            case .notUTF8: "line \(line): expected UTF-8, found other bytes"
            case .notAnAssignment: "line \(line): expected NAME=VALUE, found '\(found)'"
            case .notOneWord: "line \(line): expected one word or a value quoted as a whole, found '\(found)'"
            case .continuation:
                "line \(line): a line cannot continue in the next one, found '\\' at the end of '\(found)'"
            case .substitution: "line \(line): '$' and '`' are not substituted, found '\(found)'"
            case .ignoredName: "line \(line): '\(found)' is ignored: names of settings are in upper case"
            }
        }
    }

    /// The settings in the order of their lines.
    public private(set) var assignments: [Assignment] = []
    /// What is wrong, in the order of the lines.
    public private(set) var problems: [Problem] = []

    /// Reads the bytes of a file.
    public init(_ bytes: some Collection<UInt8>) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() { read(Array(line)[...], number: index + 1) }
    }

    /// Reads a text.
    public init(_ text: some StringProtocol) { self.init(Array(text.utf8)) }

    /// Whether the scripts use the file.
    public var isValid: Bool { problems.allSatisfy(\.isWarning) }

    /// The value of a setting: the last one counts.
    public subscript(name: String) -> String? { assignments.last { $0.name == name }?.value }

    /// The settings by name.
    public var values: [String: String] {
        Dictionary(assignments.map { ($0.name, $0.value) }) { _, last in last }
    }

    /// The names that some line exports.
    public var exportedNames: Set<String> { Set(assignments.filter(\.isExported).map(\.name)) }

    private mutating func read(_ line: ArraySlice<UInt8>, number: Int) {
        let content = line.drop(while: Ascii.isHorizontalBlank)
        if content.isEmpty || content.first == UInt8(ascii: "#") { return }
        if line.contains(where: { $0 != UInt8(ascii: "\t") && ($0 < 0x20 || $0 == 0x7f) }) {
            problems.append(Problem(line: number, kind: .controlCharacter, found: ""))
            return
        }
        guard String(validating: line, as: UTF8.self) != nil else {
            problems.append(Problem(line: number, kind: .notUTF8, found: Ascii.text(line)))
            return
        }
        guard let (name, rest, isExported) = Self.assignment(content) else {
            problems.append(Problem(line: number, kind: .notAnAssignment, found: Ascii.text(line)))
            return
        }
        let mark: (UInt8) -> Bool = { $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "`") }
        let value = Self.value(rest)
        if (value ?? rest).contains(where: mark) {
            problems.append(Problem(line: number, kind: .substitution, found: Ascii.text(rest)))
            return
        }
        guard let value else {
            let kind: Problem.Kind = rest.last == UInt8(ascii: "\\") ? .continuation : .notOneWord
            problems.append(Problem(line: number, kind: kind, found: Ascii.text(rest)))
            return
        }
        guard !name.contains(where: Ascii.isLower) else {
            problems.append(Problem(line: number, kind: .ignoredName, found: Ascii.text(name)))
            return
        }
        assignments.append(
            Assignment(name: Ascii.text(name), value: Ascii.text(value), isExported: isExported, line: number))
    }

    /// `[export ]NAME=REST` as name, rest and whether it is exported.
    private static func assignment(_ line: ArraySlice<UInt8>) -> (ArraySlice<UInt8>, ArraySlice<UInt8>, Bool)? {
        var rest = line
        var isExported = false
        let word = "export".utf8
        let behind = rest.dropFirst(word.count)
        if rest.starts(with: word), let next = behind.first, Ascii.isHorizontalBlank(next) {
            isExported = true
            rest = behind.drop(while: Ascii.isHorizontalBlank)
        }
        guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let name = rest[..<equals]
        guard let first = name.first, isNameByte(first), !Ascii.isDigit(first), name.allSatisfy(isNameByte) else {
            return nil
        }
        return (name, rest[(equals + 1)...], isExported)
    }

    /// The value that stands in the text behind `=`; nil unless it is one word or quoted as a whole.
    private static func value(_ rest: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        if let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") {
            let inner = rest.dropFirst()
            guard let end = inner.firstIndex(of: quote), isEnd(inner[(end + 1)...]) else { return nil }
            let value = inner[..<end]
            // Between double quotes a backslash would mean something to sh.
            if quote == UInt8(ascii: "\""), value.contains(UInt8(ascii: "\\")) { return nil }
            return value
        }
        let value = rest.prefix { !Ascii.isHorizontalBlank($0) }
        guard !value.contains(where: { "\"'\\;&|<>()".utf8.contains($0) }), isEnd(rest[value.endIndex...]) else {
            return nil
        }
        return value
    }

    /// Whether nothing but a comment follows, which begins behind a blank.
    private static func isEnd(_ rest: ArraySlice<UInt8>) -> Bool {
        let content = rest.drop(while: Ascii.isHorizontalBlank)
        return content.isEmpty || (content.startIndex > rest.startIndex && content.first == UInt8(ascii: "#"))
    }

    private static func isNameByte(_ byte: UInt8) -> Bool { Ascii.isAlphanumeric(byte) || byte == UInt8(ascii: "_") }
}
