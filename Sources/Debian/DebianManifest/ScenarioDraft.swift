import Documents
import Platform

/// A file of checks for meshcheck(1), as text: written by a program, to be read and gone on with by people.
public struct ScenarioDraft: Sendable {
    /// One check.
    public struct Check: Sendable {
        /// The id, unique in a run.
        public var id: String
        /// Why it exists.
        public var title: String
        /// Items for which it is made, one check for each.
        public var items: [JSONValue]
        /// The kind of subject.
        public var kind: String
        /// The parameters; one that is alone and the kind's main one has no name. A text of several lines is written
        /// as it is.
        public var parameters: [(name: String?, value: JSONValue)]
        /// Whether texts of it mention variables; those of a check with items do.
        public var mentionsVariables: Bool
        /// What is expected, by attribute.
        public var expectations: [(attribute: String, value: JSONValue)]
        /// Ids of checks that have to pass first.
        public var needs: [String]
        /// Conditions without which it makes no sense.
        public var conditions: [(name: String, value: String)]
        /// How long it may take to come true.
        public var within: String?
        /// The time limit of one look.
        public var timeout: String?
        /// How much a failure matters, unless it is an error.
        public var severity: String?
        /// What whoever goes on with it should know.
        public var note: String?

        /// Creates a check.
        public init(
            id: String, title: String, items: [JSONValue] = [], kind: String,
            parameters: [(name: String?, value: JSONValue)], mentionsVariables: Bool = false,
            expectations: [(attribute: String, value: JSONValue)],
            needs: [String] = [], conditions: [(name: String, value: String)] = [], within: String? = nil,
            timeout: String? = nil, severity: String? = nil, note: String? = nil
        ) {
            self.id = id
            self.title = title
            self.items = items
            self.kind = kind
            self.parameters = parameters
            self.mentionsVariables = mentionsVariables || !items.isEmpty
            self.expectations = expectations
            self.needs = needs
            self.conditions = conditions
            self.within = within
            self.timeout = timeout
            self.severity = severity
            self.note = note
        }
    }

    /// Comment lines at the top.
    public var comments: [String]
    /// The name of the scenario.
    public var name: String
    /// What it is about.
    public var title: String
    /// Tags of all checks.
    public var tags: [String]
    /// Values that several checks mention, by name.
    public var variables: [(name: String, value: JSONValue)]
    /// The checks.
    public var checks: [Check]

    /// Creates a draft.
    public init(
        comments: [String], name: String, title: String, tags: [String] = [],
        variables: [(name: String, value: JSONValue)] = [], checks: [Check]
    ) {
        self.comments = comments
        self.name = name
        self.title = title
        self.tags = tags
        self.variables = variables
        self.checks = checks
    }

    /// The file. JSON's strings are YAML's double-quoted ones.
    public var yaml: String {
        var text = comments.map { "# \(DisplayText.visible($0, keepsNewlines: false))\n" }.joined()
        text += "name: \(Self.scalar(name))\ntitle: \(Self.scalar(title))\n"
        if !tags.isEmpty { text += "tags: [\(tags.map(Self.scalar).joined(separator: ", "))]\n" }
        if !variables.isEmpty { text += "variables:\n" }
        for (name, value) in variables {
            text += "  \(name): " + Self.block(value, indentation: "    ", keepsVariables: false)
        }
        text += "checks:\n"
        for check in checks { text += Self.text(check) }
        return text
    }

    private static func text(_ check: Check) -> String {
        var text = ""
        if let note = check.note { text += "  # \(DisplayText.visible(note, keepsNewlines: false))\n" }
        text +=
            "  - id: \(scalar(check.id))\n    title: \(scalar(check.title, keepsVariables: check.mentionsVariables))\n"
        if !check.items.isEmpty {
            text += "    for-each:\n" + check.items.map { "      - \(value($0))\n" }.joined()
        }
        let keepsVariables = check.mentionsVariables
        if check.parameters.count == 1, let only = check.parameters.first, only.name == nil {
            text += "    \(check.kind): \(value(only.value, keepsVariables: keepsVariables))\n"
        } else {
            text += "    \(check.kind):\n"
            for (name, parameter) in check.parameters {
                text +=
                    "      \(name ?? "name"): "
                    + block(parameter, indentation: "        ", keepsVariables: keepsVariables)
            }
        }
        if !check.conditions.isEmpty {
            text += "    when: {\(check.conditions.map { "\($0.name): \($0.value)" }.joined(separator: ", "))}\n"
        }
        if !check.needs.isEmpty { text += "    needs: [\(check.needs.map { scalar($0) }.joined(separator: ", "))]\n" }
        if let within = check.within { text += "    eventually: {within: \(within), every: 500ms}\n" }
        if let timeout = check.timeout { text += "    timeout: \(timeout)\n" }
        if let severity = check.severity { text += "    severity: \(severity)\n" }
        text += "    expect:\n"
        for expectation in check.expectations {
            text += "      \(expectation.attribute): \(value(expectation.value, keepsVariables: keepsVariables))\n"
        }
        return text
    }

    private static func block(_ parameter: JSONValue, indentation: String, keepsVariables: Bool) -> String {
        guard case .string(let text) = parameter, text.utf8.last == Ascii.newline else {
            return value(parameter, keepsVariables: keepsVariables) + "\n"
        }
        // A manifest has a line for each of many thousand files.
        let indentation = Array(indentation.utf8)
        var bytes = Array("|\n".utf8) + indentation
        bytes.reserveCapacity(text.utf8.count * 5 / 4)
        for byte in text.utf8.dropLast() {
            if byte == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "$") { bytes.append(UInt8(ascii: "$")) }
            bytes.append(byte)
            if byte == Ascii.newline { bytes += indentation }
        }
        return String(decoding: bytes, as: UTF8.self) + "\n"
    }

    /// A text as people write it: with quotes only where YAML or variables would take it for something else.
    private static func scalar(_ text: String) -> String { scalar(text, keepsVariables: false) }

    private static func scalar(_ text: String, keepsVariables: Bool) -> String {
        let isPlain =
            text.utf8.allSatisfy { byte in
                Ascii.isAlphanumeric(byte) || "/-_. @+".utf8.contains(byte)
            }
        let words = ["true", "false", "yes", "no", "on", "off", "null"]
        let beginsWell = text.utf8.first.map { Ascii.isLetter($0) || $0 == UInt8(ascii: "/") } ?? false
        if isPlain, beginsWell, text.utf8.last != Ascii.space, !words.contains(text.lowercased()) { return text }
        return JSONValue.string(keepsVariables ? text : text.replacing("${", with: "$${")).compact
    }

    private static func value(_ value: JSONValue, keepsVariables: Bool = false) -> String {
        switch value {
        case .string(let text): return scalar(text, keepsVariables: keepsVariables)
        case .array(let items):
            return "[\(items.map { self.value($0, keepsVariables: keepsVariables) }.joined(separator: ", "))]"
        case .list(let count, let element):
            return self.value(.array((0..<count).map(element)), keepsVariables: keepsVariables)
        case .object(let members):
            let pairs = members.map { "\($0.0): \(self.value($0.1, keepsVariables: keepsVariables))" }
            return "{\(pairs.joined(separator: ", "))}"
        case .null, .bool, .int: return value.compact
        }
    }
}
