import HostProbes
import MeshContract
import Platform
import Documents

/// Makes checks of a user's nodes.
struct CheckReader {
    private static let defaultTimeout = Duration.seconds(5)

    let outline: ScenarioOutline
    let kinds: KindCatalogue
    let table: VariableTable

    /// The checks of a node: one, or one for each item of its list.
    mutating func read(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> [ReadCheck] {
        guard MappingReader.pairs(node, "a mapping with 'id', 'title', a subject and 'expect'", &diagnostics) != nil
        else { return [] }
        guard let list = node[key: CheckKey.forEach.rawValue] else {
            return readOne(node, table, item: nil, unavailable: nil, &diagnostics).map { [$0] } ?? []
        }
        var reader = ExpressionReader(table: table)
        guard let value = reader.value(list, as: .list(.any), &diagnostics) else { return [] }
        var reason = reader.missing.min { $0.key < $1.key }.map { "${\($0.key)}: \($0.value)" }
        if case .sequence(let nodes) = list.content, nodes.isEmpty {
            diagnostics.error(
                "empty-list", "there is no item, so the check would never be looked at", at: list.range,
                help: "write items, or take 'for-each' out")
        }
        let items = ItemList(reason == nil ? MatcherEvaluation.items(value) : [])
        if items.isEmpty, reason == nil { reason = "the list \(list.scalarText ?? "of for-each") is empty" }
        guard !items.isEmpty else {
            // With a stand-in for the item all mistakes are found on a machine without items, too.
            var copy = table
            copy.missing["item"] = reason
            for name in ItemList.names(in: node) { copy.missing[name] = reason }
            return readOne(node, copy, item: nil, unavailable: reason, &diagnostics).map { [$0] } ?? []
        }
        return items.entries.compactMap { entry in
            readOne(node, entry.define(in: table), item: entry.label, unavailable: nil, &diagnostics)
        }
    }

    private func readOne(
        _ node: YAMLNode, _ table: VariableTable, item: String?, unavailable: String?,
        _ diagnostics: inout Diagnostics
    ) -> ReadCheck? {
        let before = diagnostics.errorCount
        var matchers = MatcherReader(expressions: ExpressionReader(table: table))
        let subject = SubjectReader(kinds: kinds).read(node, &matchers.expressions, &diagnostics)
        reportUnknownKeys(node, &diagnostics)
        for key in Self.requiredKeys where node[pair: key.rawValue] == nil {
            diagnostics.error(
                key == .expect ? "empty-expectation" : "missing-key", "key '\(key.rawValue)' is missing",
                at: node.range, help: key.summary)
        }
        func value(_ key: CheckKey) -> YAMLNode? { node[key: key.rawValue] }
        let id = value(.id).flatMap { MappingReader.identifier($0, "id of a check", &diagnostics) } ?? ""
        let title = value(.title).flatMap { node -> String? in
            guard MappingReader.text(node, &diagnostics) != nil else { return nil }
            return matchers.expressions.text(node, encode: { $0 }, &diagnostics)
        }
        let needs = value(.needs).map { MappingReader.texts($0, &diagnostics) ?? [] } ?? []
        let after = value(.after).map { MappingReader.texts($0, &diagnostics) ?? [] } ?? []
        let tags = value(.tags).map { ScenarioOutline.identifiers($0, "tag", &diagnostics).map(\.value) } ?? []
        let times = TimesReader(expressions: ExpressionReader(table: table))
        let timeout = value(.timeout).flatMap { times.timeout($0, &diagnostics) } ?? Self.defaultTimeout
        let eventually = value(.eventually).flatMap { times.eventually($0, &diagnostics) }
        let severity = value(.severity).flatMap { Self.severity($0, &diagnostics) } ?? .error
        let user = value(.runAs).flatMap { node -> String? in
            guard MappingReader.text(node, &diagnostics) != nil else { return nil }
            return matchers.expressions.text(node, encode: { $0 }, &diagnostics)
        }
        var conditionReader = ConditionReader(kinds: kinds, table: table)
        let conditions = value(.when).map { conditionReader.read($0, &diagnostics) } ?? []
        var expectations: [Expectation] = []
        var captures: [Capture] = []
        if let kind = subject?.kind {
            let attributes = AttributeReader(kind: kind)
            expectations = value(.expect).map { attributes.expectations($0, &matchers, &diagnostics) } ?? []
            captures = value(.capture).map { attributes.captures($0, &matchers, &diagnostics) } ?? []
        }
        guard diagnostics.errorCount == before, let subject, let title, !expectations.isEmpty else { return nil }
        let missing = matchers.expressions.missing.min { $0.key < $1.key }
        let check = Check(
            id: item.map { "\(id)[\($0)]" } ?? id, family: id, title: title, step: outline.name,
            tags: outline.tags + tags.filter { !outline.tags.contains($0) }, severity: severity,
            kind: subject.kind.name,
            place: "\(outline.path):\(node.range?.line ?? 1)", needs: [], after: [], parameters: subject.parameters,
            expectations: expectations, captures: captures, conditions: conditions, eventually: eventually,
            timeout: timeout, user: user,
            unavailable: unavailable ?? missing.map { "${\($0.key)}: \($0.value)" })
        return ReadCheck(
            check: check, idRange: value(.id)?.range, needs: needs, after: after,
            captures: matchers.expressions.captures + conditionReader.captures,
            sources: table.captures)
    }

    private static let keys = CheckKey.allCases.map(\.rawValue)
    private static let requiredKeys = CheckKey.allCases.filter(\.isRequired)

    private func reportUnknownKeys(_ node: YAMLNode, _ diagnostics: inout Diagnostics) {
        guard case .mapping(let pairs) = node.content else { return }
        let hasKind = pairs.contains { kinds.has($0.key.scalarText ?? "") }
        let unknown = pairs.filter { pair in
            let name = pair.key.scalarText ?? ""
            return CheckKey(rawValue: name) == nil && !kinds.has(name)
        }
        guard !unknown.isEmpty || !hasKind else { return }
        let keys = Self.keys
        let names = kinds.kinds.map(\.name)
        for (index, pair) in unknown.enumerated() {
            // Where no subject is named, the first unknown key was meant to name it.
            let isKind = !hasKind && index == 0 && SpellingSuggestion.of(pair.key.scalarText ?? "", among: keys) == nil
            MappingReader.reportUnknown(
                pair.key, among: isKind ? names : keys + names, code: isKind ? "unknown-kind" : "unknown-key",
                what: isKind ? "kind of subject" : "key", &diagnostics)
        }
        if !hasKind, unknown.isEmpty {
            diagnostics.error(
                "missing-subject", "the check says nothing of what it looks at", at: node.range,
                help: "name one of: " + names.joined(separator: ", "))
        }
    }

    private static func severity(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Severity? {
        let words = Severity.allCases.map(\.rawValue)
        guard let text = MappingReader.text(node, &diagnostics) else { return nil }
        if let severity = Severity(rawValue: text) { return severity }
        diagnostics.error(
            "enumeration", "expected one of \(words.joined(separator: ", ")), found '\(ValueText.shortened(text))'",
            at: node.range, help: SpellingSuggestion.of(text, among: words).map { "did you mean '\($0)'?" })
        return nil
    }
}

/// The items of a list, each with a label for ids.
struct ItemList {
    /// One item.
    struct Entry {
        let value: Value
        let label: String

        /// The variables with the item as `item`, and what is in it as `item.KEY`.
        func define(in table: VariableTable) -> VariableTable {
            var copy = table
            copy.values["item"] = Variable(untyped: value)
            if case .map(let entries) = value {
                for (key, entry) in entries { copy.values["item.\(key)"] = Variable(untyped: entry) }
            }
            return copy
        }
    }

    let entries: [Entry]
    var isEmpty: Bool { entries.isEmpty }

    /// Takes each item once: a list of a machine's settings may have one twice.
    init(_ items: [Value]) {
        var seen: Set<Value> = []
        var labels: Set<String> = []
        entries = items.filter { seen.insert($0).inserted }.enumerated().map { index, value in
            var label = Self.label(value) ?? String(index)
            if !labels.insert(label).inserted {
                label += "#\(index)"
                labels.insert(label)
            }
            return Entry(value: value, label: label)
        }
    }

    private static func label(_ value: Value) -> String? {
        let text: String
        switch value {
        case .map(let entries):
            guard let name = entries["name"] else { return nil }
            text = ValueText.plain(name)
        case .list, .null: return nil
        default: text = ValueText.plain(value)
        }
        let shown = text.unicodeScalars.prefix(60).map { scalar -> Unicode.Scalar in
            scalar.isASCII && scalar.value > 0x20 && scalar.value < 0x7f && scalar != "[" && scalar != "]"
                ? scalar : "_"
        }
        var label = String.UnicodeScalarView()
        label.append(contentsOf: shown)
        return label.isEmpty ? nil : String(label)
    }

    /// The names `item.KEY` that a node mentions.
    static func names(in node: YAMLNode) -> [String] {
        var names: Set<String> = []
        ScenarioOutline.mentioned(in: node, into: &names)
        return names.filter { $0.utf8.starts(with: "item.".utf8) }.sorted()
    }
}
