import Documents
import Probes

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
