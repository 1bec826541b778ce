import HostProbes
import Platform
import SpecLoading

/// A scenario as its file has it, before variables are put in.
struct ScenarioOutline {
    let path: String
    var name = ""
    var nameRange: SourceRange?
    var title = ""
    var tags: [String] = []
    var profiles: [Located<String>] = []
    var variables: [YAMLNode.Pair] = []
    var checks: [YAMLNode] = []
    /// All nodes, for the variables that they mention.
    let document: YAMLNode

    private static let checkLimit = 10_000

    /// Reads the outline of a document; nil after a diagnostic that leaves nothing to go on with.
    init?(_ document: YAMLNode, path: String, _ diagnostics: inout Diagnostics) {
        self.document = document
        self.path = path
        guard let pairs = MappingReader.pairs(document, "a mapping with 'name' and 'checks'", &diagnostics) else {
            return nil
        }
        for pair in pairs {
            guard let key = ScenarioKey(rawValue: pair.key.scalarText ?? "") else {
                MappingReader.reportUnknown(
                    pair.key, among: ScenarioKey.allCases.map(\.rawValue), &diagnostics)
                continue
            }
            read(key, pair.value, &diagnostics)
        }
        for key in ScenarioKey.allCases where key.isRequired && document[pair: key.rawValue] == nil {
            diagnostics.error(
                "missing-key", "key '\(key.rawValue)' is missing", at: document.range, help: key.summary)
        }
        if title.isEmpty { title = name }
    }

    private mutating func read(_ key: ScenarioKey, _ node: YAMLNode, _ diagnostics: inout Diagnostics) {
        switch key {
        case .name:
            name = MappingReader.identifier(node, "name of a scenario", &diagnostics) ?? ""
            nameRange = node.range
        case .title: title = MappingReader.text(node, &diagnostics) ?? ""
        case .tags: tags = Self.identifiers(node, "tag", &diagnostics).map(\.value)
        case .profiles: profiles = Self.identifiers(node, "profile", &diagnostics)
        case .variables:
            if node.isNull { return }
            variables = MappingReader.pairs(node, "a mapping of names to values", &diagnostics) ?? []
        case .checks:
            guard case .sequence(let nodes) = node.content, !nodes.isEmpty else {
                diagnostics.error(
                    "no-checks", "expected a list of checks, found \(node.kindOrEmpty)", at: node.range,
                    help: "write at least one: - id: …")
                return
            }
            guard nodes.count <= Self.checkLimit else {
                diagnostics.error(
                    "too-many-checks", "the scenario has \(nodes.count) checks (must be <=\(Self.checkLimit))",
                    at: node.range)
                return
            }
            checks = nodes
        }
    }

    /// Names in a list, each checked.
    static func identifiers(
        _ node: YAMLNode, _ what: String, _ diagnostics: inout Diagnostics
    ) -> [Located<String>] {
        let nodes: [YAMLNode] = if case .sequence(let items) = node.content { items } else { [node] }
        return nodes.compactMap { node in
            MappingReader.identifier(node, what, &diagnostics).map { Located(value: $0, range: node.range) }
        }
    }

    /// The names that a node mentions as `${name}`; what cannot be read is reported when it is put in.
    static func mentioned(in node: YAMLNode, into names: inout Set<String>) {
        switch node.content {
        case .scalar(let text, _):
            guard text.utf8.contains(UInt8(ascii: "$")) else { return }
            do throws(VariableText.Fault) {
                for reference in try VariableText(text).references { names.insert(reference.name) }
            } catch {
                return
            }
        case .sequence(let items):
            for item in items { mentioned(in: item, into: &names) }
        case .mapping(let pairs):
            for pair in pairs {
                // Conditions name variables in their keys.
                if let key = pair.key.scalarText, let name = key.suffix(behind: "variable.") {
                    names.insert(name)
                }
                mentioned(in: pair.value, into: &names)
            }
        }
    }
}

/// The keys that a mapping may have, checked against what it has.
enum MappingReader {
    /// The pairs of a mapping; nil after a diagnostic.
    static func pairs(
        _ node: YAMLNode, _ name: String, _ diagnostics: inout Diagnostics
    ) -> [YAMLNode.Pair]? {
        guard case .mapping(let pairs) = node.content else {
            diagnostics.error("type", "expected \(name), found \(node.kindName)", at: node.range)
            return nil
        }
        return pairs
    }

    /// Reports an unknown key with what it could have been.
    static func reportUnknown(
        _ key: YAMLNode, among known: [String], code: String = "unknown-key", what: String = "key",
        _ diagnostics: inout Diagnostics
    ) {
        let name = ValueText.shortened(key.scalarText ?? "", to: 80)
        diagnostics.error(
            code, "unknown \(what) '\(name)'", at: key.range,
            help: SpellingSuggestion.of(name, among: known).map { "did you mean '\($0)'?" }
                ?? "known here: " + known.joined(separator: ", "))
    }

    /// A text that is not empty; nil after a diagnostic.
    static func text(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> String? {
        guard case .scalar(let text, _) = node.content, !node.isNull, !text.isEmpty else {
            diagnostics.error(
                node.isNull || node.scalarText != nil ? "missing-value" : "type",
                "expected a text, found \(node.scalarText == nil ? node.kindName : "nothing")", at: node.range)
            return nil
        }
        return text
    }

    /// One of some words; nil after a diagnostic.
    static func word(_ node: YAMLNode, _ words: [String], _ diagnostics: inout Diagnostics) -> String? {
        guard let text = text(node, &diagnostics) else { return nil }
        if words.contains(text) { return text }
        let expected = words.count == 2 ? words.joined(separator: " or ") : "one of " + words.joined(separator: ", ")
        diagnostics.error(
            "enumeration", "expected \(expected), found '\(ValueText.shortened(text))'", at: node.range,
            help: SpellingSuggestion.of(text, among: words).map { "did you mean '\($0)'?" })
        return nil
    }

    /// One of the words of an enumeration; nil after a diagnostic.
    static func word<Word: RawRepresentable<String>>(
        _ node: YAMLNode, _ words: [Word], _ diagnostics: inout Diagnostics
    ) -> Word? {
        word(node, words.map(\.rawValue), &diagnostics).flatMap { Word(rawValue: $0) }
    }

    /// A list of texts, or one in place of a list; nil after a diagnostic.
    static func texts(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> [Located<String>]? {
        let nodes: [YAMLNode] = if case .sequence(let items) = node.content { items } else { [node] }
        var texts: [Located<String>] = []
        for node in nodes {
            if let text = text(node, &diagnostics) { texts.append(Located(value: text, range: node.range)) }
        }
        return texts.count == nodes.count ? texts : nil
    }

    /// A name of letters, digits, `.`, `_` and `-` that begins with a letter or digit; nil after a diagnostic.
    static func identifier(_ node: YAMLNode, _ what: String, _ diagnostics: inout Diagnostics) -> String? {
        guard let text = text(node, &diagnostics) else { return nil }
        let isAllowed = text.unicodeScalars.allSatisfy(VariableText.isNameCharacter)
        let first = text.utf8.first ?? 0
        guard isAllowed, text.utf8.count <= 100,
            ![UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains(first)
        else {
            diagnostics.error(
                "identifier", "'\(ValueText.shortened(text, to: 100))' is not a valid \(what)", at: node.range,
                help: "at most 100 letters, digits, '.', '_' and '-', a letter or digit first")
            return nil
        }
        return text
    }
}

extension YAMLNode {
    /// What it is, in words; an empty list is called one.
    var kindOrEmpty: String {
        if case .sequence(let items) = content, items.isEmpty { return "an empty list" }
        return kindName
    }
}

/// Works out the variables of a scenario, which may mention one another and facts of the host.
struct VariableResolver {
    private static let depthLimit = 32

    private let nodes: [String: YAMLNode]
    private let order: [YAMLNode.Pair]
    private var inProgress: [String] = []
    private var done: Set<String> = []
    /// What is known so far.
    private(set) var table: VariableTable

    /// - Parameters:
    ///   - base: the facts of the host.
    ///   - external: what wins over the scenario's own.
    ///   - mentioned: the names that the scenario mentions, which the environment may set.
    init(
        _ outline: ScenarioOutline, base: VariableTable, external: ExternalVariables, mentioned: Set<String>,
        _ diagnostics: inout Diagnostics
    ) {
        table = base
        order = outline.variables.filter {
            VariableNames.check($0.key.scalarText ?? "", at: $0.key.range, &diagnostics)
        }
        nodes = Dictionary(
            order.map { ($0.key.scalarText ?? "", $0.value) }, uniquingKeysWith: { first, _ in first })
        for name in mentioned.union(nodes.keys) {
            guard let value = external.values[name] ?? external.fromEnvironment(name) else { continue }
            table.values[name] = value
            table.missing[name] = nil
            done.insert(name)
        }
        for pair in order { resolve(pair.key.scalarText ?? "", at: pair.key.range, &diagnostics) }
    }

    private mutating func resolve(_ name: String, at range: SourceRange?, _ diagnostics: inout Diagnostics) {
        guard let node = nodes[name], !done.contains(name) else { return }
        guard !inProgress.contains(name), inProgress.count < Self.depthLimit else {
            diagnostics.error(
                "variable-cycle",
                inProgress.contains(name)
                    ? "variable '\(name)' is defined by itself"
                    : "more than \(Self.depthLimit) variables mention one another", at: node.range ?? range,
                notes: [(inProgress + [name]).joined(separator: " → ")],
                help: "give one of them a value without variables")
            // Not reported again at every place that mentions it.
            table.missing[name] = "it is defined by itself"
            done.insert(name)
            return
        }
        inProgress.append(name)
        var mentioned: Set<String> = []
        ScenarioOutline.mentioned(in: node, into: &mentioned)
        for other in mentioned.sorted() { resolve(other, at: node.range, &diagnostics) }
        inProgress.removeLast()
        guard done.insert(name).inserted else { return }
        define(name, node, mentioned, &diagnostics)
    }

    private mutating func define(
        _ name: String, _ node: YAMLNode, _ mentioned: Set<String>, _ diagnostics: inout Diagnostics
    ) {
        if mentioned.isEmpty {
            let isQuoted: Bool = if case .scalar(_, let style) = node.content { style != .plain } else { false }
            let value = ExternalVariables.value(of: node)
            table.values[name] = isQuoted ? Variable(value) : Variable(untyped: value)
            return
        }
        var reader = ExpressionReader(table: table)
        let value = reader.value(node, as: .any, &diagnostics)
        if let (fact, reason) = reader.missing.min(by: { $0.key < $1.key }) {
            table.missing[name] = "${\(fact)}: \(reason)"
        } else if let value {
            table.values[name] = Variable(value)
        } else {
            table.missing[name] = "its definition is wrong"
        }
    }
}
