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
}

/// Puts variables into the scalars of a tree. Keys are left as they are.
public struct VariableExpansion {
    private let scope: VariableScope
    private var inProgress: [String] = []
    private var diagnostics = Diagnostics()
    private static let lengthLimit = 1 << 20

    private init(scope: VariableScope) { self.scope = scope }

    /// The expanded tree, or nil after a diagnostic.
    public static func expand(
        _ node: YAMLNode, scope: VariableScope, diagnostics: inout Diagnostics
    ) -> YAMLNode? {
        var expansion = VariableExpansion(scope: scope)
        let result = expansion.expand(node)
        for item in expansion.diagnostics.all {
            diagnostics.error(item.code, item.message, at: item.range, notes: item.notes, help: item.help)
        }
        return expansion.diagnostics.hasErrors ? nil : result
    }

    private mutating func expand(_ node: YAMLNode) -> YAMLNode {
        var copy = node
        switch node.content {
        case .scalar(let text, let style):
            guard text.contains("$") else { return node }
            let expanded = expand(text, range: node.range)
            if expanded != text {
                copy.content = .scalar(text: expanded, style: style == .plain ? .quoted : style)
                copy.original = text
                copy.range?.textStart = nil
            }
        case .sequence(let items): copy.content = .sequence(items.map { expand($0) })
        case .mapping(let pairs):
            copy.content = .mapping(pairs.map { YAMLNode.Pair(key: $0.key, value: expand($0.value)) })
        }
        return copy
    }

    private mutating func expand(_ text: String, range: SourceRange?) -> String {
        var result = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let offset = text.unicodeScalars.distance(from: text.startIndex, to: dollar)
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                result += "$"
                rest = rest.dropFirst()
            } else if rest.first == "{" {
                guard let close = rest.firstIndex(of: "}") else {
                    diagnostics.error(
                        "variable-syntax", "'${' has no '}'", at: range?.narrowed(to: offset),
                        help: "write '$$' for a dollar sign")
                    return result
                }
                let body = rest[rest.index(after: rest.startIndex)..<close]
                rest = rest[rest.index(after: close)...]
                result += value(of: body, range: range?.narrowed(to: offset))
            } else {
                // A lone dollar sign means itself: passwords and regular expressions have them.
                result += "$"
            }
            if result.utf8.count > Self.lengthLimit {
                diagnostics.error("variable-length", "the expanded text has more than 1 MiB", at: range)
                return result
            }
        }
        return result + rest
    }

    private mutating func value(of body: Substring, range: SourceRange?) -> String {
        var name = body
        var fallback: Substring?
        if let mark = body.range(ofText: ":-") {
            name = body[..<mark.lowerBound]
            fallback = body[mark.upperBound...]
        }
        if name.hasPrefix("env:") {
            let key = String(name.dropFirst(4))
            if let value = scope.environment[key], fallback == nil || !value.isEmpty { return value }
            if let fallback { return String(fallback) }
            diagnostics.error(
                "undefined-variable", "the environment has no variable '\(key)'", at: range,
                help: "set it, or give a default: ${env:\(key):-…}")
            return ""
        }
        let key = String(name)
        guard Self.isName(key) else {
            diagnostics.error(
                "variable-syntax", "'${\(body)}' names no variable", at: range,
                help: "letters, digits, '_' and '-'; write '$$' for a dollar sign")
            return ""
        }
        guard let definition = scope.definitions[key] else {
            if let fallback { return String(fallback) }
            let nearest = NearestMatch.of(key, among: scope.definitions.keys.sorted())
            diagnostics.error(
                "undefined-variable", "there is no variable '\(key)'", at: range,
                help: nearest.map { "did you mean '${\($0)}'?" }
                    ?? "define it under 'variables', or give a default: ${\(key):-…}")
            return ""
        }
        if inProgress.contains(key) || inProgress.count > 32 {
            diagnostics.error(
                "variable-cycle", "variable '\(key)' is defined by itself", at: definition.range ?? range,
                notes: [(inProgress + [key]).joined(separator: " → ")])
            return ""
        }
        guard definition.text.contains("$") else { return definition.text }
        inProgress.append(key)
        defer { inProgress.removeLast() }
        return expand(definition.text, range: definition.range)
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

extension Substring {
    /// The first place of a short text.
    fileprivate func range(ofText wanted: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(wanted) { return start..<index(start, offsetBy: wanted.count) }
            start = index(after: start)
        }
        return nil
    }
}
