import Documents
import Platform
import Probes

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
