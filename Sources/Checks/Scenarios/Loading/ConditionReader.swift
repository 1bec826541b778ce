import Documents
import Platform
import Probes

/// Reads the conditions of a check.
struct ConditionReader {
    let kinds: KindCatalogue
    let table: VariableTable
    /// Captured values that conditions mention, with their places.
    private(set) var captures: [Located<String>] = []

    init(kinds: KindCatalogue, table: VariableTable) {
        self.kinds = kinds
        self.table = table
    }

    /// What a condition can be about, for the schema and the reference.
    struct Form {
        /// The key, with a part in capitals for a name.
        let key: String
        /// The words that it can have.
        let words: [String]
        let summary: String
    }

    /// All of them.
    static let forms: [Form] = [
        Form(key: "root", words: ["true", "false"], summary: "Whether meshcheck runs as root."),
        Form(key: "package.NAME", words: ["installed", "absent"], summary: "Whether a package is installed."),
        Form(key: "unit.NAME", words: ["exists", "absent"], summary: "Whether systemd knows a unit."),
        Form(key: "file./PATH", words: ["exists", "absent"], summary: "Whether there is a file."),
        Form(key: "user.NAME", words: ["exists", "absent"], summary: "Whether there is a user."),
        Form(
            key: "variable.NAME", words: ["set", "unset"],
            summary: "Whether a variable has a value that is not empty; or matchers of the value."),
    ]

    /// The conditions of a mapping.
    mutating func read(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> [CheckCondition] {
        guard let pairs = MappingReader.pairs(node, "a mapping of conditions", &diagnostics) else { return [] }
        if pairs.isEmpty {
            diagnostics.error(
                "empty-condition", "there is no condition", at: node.range, help: "write one, or remove 'when'")
        }
        return pairs.compactMap { condition($0, &diagnostics) }
    }

    private mutating func condition(_ pair: YAMLNode.Pair, _ diagnostics: inout Diagnostics) -> CheckCondition? {
        let key = pair.key.scalarText ?? ""
        if key == "root" {
            return MappingReader.word(pair.value, ["true", "false"], &diagnostics).map { .root($0 == "true") }
        }
        for (prefix, parameter, attribute) in [
            ("package.", "name", "installed"), ("unit.", "name", "exists"), ("file.", "path", "exists"),
            ("user.", "name", "exists"),
        ] {
            guard let name = key.suffix(behind: prefix) else { continue }
            let kind = String(decoding: prefix.utf8.dropLast(), as: UTF8.self)
            guard kinds.kind(kind) != nil else {
                diagnostics.error("unknown-condition", "nothing here can look at a \(kind)", at: pair.key.range)
                return nil
            }
            if kind == "unit", let fault = ParameterForm.unit.fault(of: .text(name)) {
                diagnostics.error(
                    "parameter", "expected \(fault.expected), found '\(ValueText.shortened(name))'", at: pair.key.range,
                    help: "write it such as unit.ssh.service: exists")
                return nil
            }
            if kind == "file", let fault = ParameterForm.path.fault(of: .text(name)) {
                diagnostics.error(
                    "parameter", "expected \(fault.expected), found '\(ValueText.shortened(name))'", at: pair.key.range,
                    help: "write it such as file./etc/passwd: exists")
                return nil
            }
            let words = kind == "package" ? ["installed", "absent"] : ["exists", "absent"]
            guard let word = MappingReader.word(pair.value, words, &diagnostics) else { return nil }
            return .subject(
                kind: kind, parameter: parameter, name: name, attribute: attribute, wanted: word != "absent")
        }
        if let name = key.suffix(behind: "variable.") {
            return variable(name, pair, &diagnostics)
        }
        MappingReader.reportUnknown(
            pair.key, among: Self.forms.map(\.key), code: "unknown-condition", what: "condition", &diagnostics)
        return nil
    }

    private mutating func variable(
        _ name: String, _ pair: YAMLNode.Pair, _ diagnostics: inout Diagnostics
    ) -> CheckCondition? {
        let lookup = table.lookup(name)
        let expression: Expression
        switch lookup {
        case .unknown:
            diagnostics.error(
                "undefined-variable", "there is no variable '\(name)'", at: pair.key.range,
                help: SpellingSuggestion.of(name, among: table.names).map {
                    "did you mean '\($0)'?"
                }
                    ?? "define it under 'variables'; an empty text is ''")
            return nil
        case .value(let variable): expression = .literal(variable.typedByItself)
        case .capture:
            captures.append(Located(value: name, range: pair.key.range))
            expression = .capture(name)
        case .missing: expression = .literal(.null)
        }
        guard case .mapping = pair.value.content else {
            guard let word = MappingReader.word(pair.value, ["set", "unset"], &diagnostics) else { return nil }
            return .isSet(name, Operand(expression, as: .any, source: "${\(name)}"), word == "set")
        }
        var reader = MatcherReader(expressions: ExpressionReader(table: table))
        guard let matchers = reader.matchers(pair.value, for: .value(.any), &diagnostics) else { return nil }
        return .variable(
            name, Operand(expression, as: .any, source: "${\(name)}"),
            matchers.count == 1 ? matchers[0] : .all(matchers))
    }
}
