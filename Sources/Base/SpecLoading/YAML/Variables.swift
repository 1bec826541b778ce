import Platform

/// The variables that scalars may mention as `${NAME}`, `${NAME:-default}` or `${env:NAME}`; `$$` is a dollar sign.
public struct VariableScope: Sendable {
    struct Definition: Sendable {
        var text: String
        var range: SourceRange?
    }

    private(set) var definitions: [String: Definition] = [:]
    let environment: [String: String]

    /// A scope that knows the environment alone.
    public init(environment: [String: String]) {
        self.environment = environment
    }

    /// Defines a variable; a later definition wins.
    public mutating func define(_ name: String, _ text: String, range: SourceRange?) {
        definitions[name] = Definition(text: text, range: range)
    }

    /// Defines the scalars of a mapping.
    public mutating func define(_ mapping: YAMLNode?) {
        guard case .mapping(let pairs) = mapping?.content else { return }
        for pair in pairs {
            guard let name = pair.key.scalarText, let text = pair.value.scalarText else { continue }
            define(name, text, range: pair.value.range)
        }
    }

    /// Defines the scalars of a mapping and reports what cannot be a variable: a name that `${…}` cannot mention, a
    /// list, a mapping, nothing.
    public mutating func define(_ mapping: YAMLNode?, diagnostics: inout Diagnostics) {
        guard let mapping else { return }
        guard case .mapping(let pairs) = mapping.content else {
            diagnostics.error(
                "type", "expected a mapping of names to texts, found \(mapping.kindName)", at: mapping.range)
            return
        }
        for pair in pairs {
            let name = pair.key.scalarText ?? ""
            if !VariableTemplate.isName(name) {
                diagnostics.error(
                    "variable-name", "'\(DisplayText.shortened(name))' is no name of a variable", at: pair.key.range,
                    help: "letters, digits, '_' and '-'")
            } else if let text = pair.value.text(for: "a text", isText: true, &diagnostics) {
                define(name, text, range: pair.value.range)
            }
        }
    }
}

/// Puts variables into the scalars of a tree. Keys are left as they are.
public struct VariableExpansion {
    private let scope: VariableScope
    private var diagnostics = Diagnostics()
    private var inProgress: [String] = []
    /// Each variable is worked out once: definitions that mention others twice would take exponential time.
    private var known: [String: String] = [:]
    private var produced = 0
    /// Bytes of one scalar.
    static let lengthLimit = 1 << 20
    /// Variables that mention one another.
    static let depthLimit = 32

    private init(scope: VariableScope) { self.scope = scope }

    /// The expanded tree, or nil after a diagnostic.
    public static func expand(
        _ node: YAMLNode, scope: VariableScope, diagnostics: inout Diagnostics
    ) -> YAMLNode? {
        var expansion = VariableExpansion(scope: scope)
        let result = expansion.expand(node)
        diagnostics.append(expansion.diagnostics)
        return expansion.diagnostics.hasErrors ? nil : result
    }

    private mutating func expand(_ node: YAMLNode) -> YAMLNode {
        var copy = node
        switch node.content {
        case .scalar(let text, let style):
            guard text.utf8.contains(UInt8(ascii: "$")), produced <= YAMLLoader.textLimit else { return node }
            let expanded = expand(text, range: node.range)
            if expanded != text {
                copy.content = .scalar(text: expanded, style: style == .plain ? .quoted : style)
                copy.original = text
                copy.range?.textStart = nil
                copy.range?.expansion = expanded
            }
            produced += expanded.utf8.count
            if produced > YAMLLoader.textLimit {
                diagnostics.error(
                    "variable-length", "the expanded texts have more than \(YAMLLoader.textLimit) bytes together",
                    at: node.range)
            }
        case .sequence(let items): copy.content = .sequence(items.map { expand($0) })
        case .mapping(let pairs):
            copy.content = .mapping(pairs.map { YAMLNode.Pair(key: $0.key, value: expand($0.value)) })
        }
        return copy
    }

    private mutating func expand(_ text: String, range: SourceRange?) -> String {
        switch VariableTemplate.parse(text) {
        case .success(let template): return expand(template.pieces, text: text, range: range)
        case .failure(let fault):
            diagnostics.error(
                "variable-syntax", fault.message, at: place(fault.offset, fault.length, text, range), help: fault.help)
            return ""
        }
    }

    private mutating func expand(
        _ pieces: [VariableTemplate.Piece], text: String, range: SourceRange?
    ) -> String {
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let literal): result += literal
            case .reference(let reference): result += value(of: reference, text: text, range: range)
            }
            if result.utf8.count > Self.lengthLimit {
                diagnostics.error(
                    "variable-length", "the expanded text has more than \(Self.lengthLimit) bytes", at: range)
                return ""
            }
        }
        return result
    }

    private func place(_ offset: Int, _ length: Int, _ text: String, _ range: SourceRange?) -> SourceRange? {
        range?.narrowed(to: offset, length: length, searching: "$", in: text)
    }

    private mutating func value(
        of reference: VariableTemplate.Reference, text: String, range: SourceRange?
    ) -> String {
        let found =
            reference.isEnvironment
            ? scope.environment[reference.name]
            : scope.definitions[reference.name].map { value(of: $0, named: reference.name, from: range) }
        // As in sh(1), ':-' stands in for a variable that is not set and for one that is empty.
        if let fallback = reference.fallback, found?.isEmpty ?? true {
            return expand(fallback, text: text, range: range)
        }
        if let found { return found }
        let place = place(reference.offset, reference.length, text, range)
        let name = DisplayText.shortened(reference.name)
        if reference.isEnvironment {
            diagnostics.error(
                "undefined-variable", "the environment has no variable '\(name)'", at: place,
                help: "set it, or give a default: ${env:\(name):-…}")
        } else {
            let nearest =
                diagnostics.wantsSuggestions
                ? SpellingSuggestion.of(reference.name, among: scope.definitions.keys.sorted(), budget: 200_000) : nil
            diagnostics.error(
                "undefined-variable", "there is no variable '\(name)'", at: place,
                help: nearest.map { "did you mean '${\($0)}'?" }
                    ?? "define it under 'variables', or give a default: ${\(name):-…}")
        }
        return ""
    }

    private mutating func value(
        of definition: VariableScope.Definition, named name: String, from range: SourceRange?
    ) -> String {
        guard definition.text.utf8.contains(UInt8(ascii: "$")) else { return definition.text }
        if let value = known[name] { return value }
        if inProgress.contains(name) {
            diagnostics.error(
                "variable-cycle", "variable '\(name)' is defined by itself", at: definition.range ?? range,
                notes: [(inProgress + [name]).joined(separator: " → ")])
            return ""
        }
        if inProgress.count >= Self.depthLimit {
            diagnostics.error(
                "variable-depth", "more than \(Self.depthLimit) variables mention one another",
                at: definition.range ?? range, notes: [(inProgress + [name]).joined(separator: " → ")],
                help: "define the last ones without the others")
            return ""
        }
        inProgress.append(name)
        let value = expand(definition.text, range: definition.range)
        inProgress.removeLast()
        known[name] = value
        return value
    }
}
