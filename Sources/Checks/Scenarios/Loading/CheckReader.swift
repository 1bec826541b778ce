import Documents
import Platform
import Probes

/// Makes checks of a user's nodes.
struct CheckReader {
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
                help: "write items, or remove 'for-each'")
        }
        let items = ItemList(reason == nil ? MatcherEvaluation.items(value) : [])
        if items.isEmpty, reason == nil { reason = "the list \(list.scalarText ?? "of for-each") is empty" }
        guard !items.isEmpty else {
            // With a stand-in for the item all mistakes are found on a host without items, too.
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
        let timeout = value(.timeout).flatMap { times.timeout($0, &diagnostics) } ?? Check.defaultTimeout
        let eventually = value(.eventually).flatMap { times.eventually($0, &diagnostics) }
        let severity = value(.severity).flatMap { MappingReader.word($0, Severity.allCases, &diagnostics) } ?? .error
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
                "missing-subject", "the check does not say what it looks at", at: node.range,
                help: "name one of: " + names.joined(separator: ", "))
        }
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

    /// Takes each item once: a list of a host's settings may have one twice.
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

/// Reads the time limits of checks.
struct TimesReader {
    let expressions: ExpressionReader

    private static let longest = Duration.seconds(86_400)
    private static let shortest = Duration.milliseconds(1)

    /// The time limit of one look.
    func timeout(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Duration? {
        duration(node, in: Self.shortest...Duration.seconds(3600), &diagnostics)
    }

    /// `{within: 10s, every: 1s}`.
    func eventually(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Eventually? {
        guard let pairs = MappingReader.pairs(node, "a mapping such as {within: 10s, every: 1s}", &diagnostics) else {
            return nil
        }
        var within: Duration?
        var every = Duration.seconds(1)
        for pair in pairs {
            switch EventuallyKey(rawValue: pair.key.scalarText ?? "") {
            case .within: within = duration(pair.value, in: Self.shortest...Self.longest, &diagnostics)
            case .every:
                every = duration(pair.value, in: .milliseconds(10)...Self.longest, &diagnostics) ?? every
            case nil:
                MappingReader.reportUnknown(pair.key, among: EventuallyKey.allCases.map(\.rawValue), &diagnostics)
            }
        }
        if node[pair: EventuallyKey.within.rawValue] == nil {
            diagnostics.error(
                "missing-key", "key 'within' is missing", at: node.range,
                help: "how long it may take: {within: 10s, every: 1s}")
        }
        if let within, every >= within, let pair = node[pair: EventuallyKey.every.rawValue] {
            diagnostics.error(
                "eventually", "nothing would be looked at again: 'every' is not shorter than 'within'",
                at: pair.value.range, help: "write a shorter pause, such as every: \(GoDuration(within / 10))")
            return nil
        }
        return within.map { Eventually(within: $0, every: every) }
    }

    private func duration(
        _ node: YAMLNode, in bounds: ClosedRange<Duration>, _ diagnostics: inout Diagnostics
    ) -> Duration? {
        var reader = expressions
        guard let value = reader.value(node, as: .duration, &diagnostics), case .duration(let found) = value else {
            if let (name, reason) = reader.missing.first {
                diagnostics.error(
                    "missing-fact", "this host has no '\(name)': \(reason)", at: node.range,
                    help: "give a default: ${\(name):-5s}")
            }
            return nil
        }
        guard bounds.contains(found.duration) else {
            diagnostics.error(
                "duration",
                "expected a duration from \(GoDuration(bounds.lowerBound)) to "
                    + "\(GoDuration(bounds.upperBound)), found '\(found)'", at: node.range)
            return nil
        }
        return found.duration
    }
}
