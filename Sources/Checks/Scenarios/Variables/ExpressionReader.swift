import Documents
import Platform
import Probes

/// Makes values of a user's nodes: puts variables in, gives each scalar the type that its place wants.
struct ExpressionReader {
    private static let textLimit = 1 << 20

    /// What can be mentioned here.
    let table: VariableTable
    /// Facts that were mentioned and that this host does not have.
    private(set) var missing: [String: String] = [:]
    /// Captured values that were mentioned, with their places.
    private(set) var captures: [Located<String>] = []
    /// The names that were mentioned.
    private(set) var used: Set<String> = []

    init(table: VariableTable) { self.table = table }

    /// The operand that a node stands for; nil after a diagnostic.
    mutating func operand(_ node: YAMLNode, as type: ValueType, _ diagnostics: inout Diagnostics) -> Operand? {
        guard let expression = expression(node, as: type, &diagnostics) else { return nil }
        return Operand(expression, as: type, source: source(of: node))
    }

    /// The value that a node stands for where checks do not run yet, so that captures have no value.
    mutating func value(_ node: YAMLNode, as type: ValueType, _ diagnostics: inout Diagnostics) -> Value? {
        switch expression(node, as: type, &diagnostics) {
        case .literal(let value)?: return value
        case nil: return nil
        default:
            diagnostics.error(
                "capture", "a captured value is not known before the checks run", at: node.range,
                help: "use it in parameters and expectations only")
            return nil
        }
    }

    private func source(of node: YAMLNode) -> String {
        node.scalarText.map { ValueText.shortened($0) } ?? node.kindName
    }

    private mutating func expression(
        _ node: YAMLNode, as type: ValueType, _ diagnostics: inout Diagnostics
    ) -> Expression? {
        switch node.content {
        case .scalar(let text, let style):
            if node.isNull {
                diagnostics.error(
                    "missing-value", "a value is missing", at: node.range, help: "write \(ValueText.name(type))")
                return nil
            }
            return scalar(text, isPlain: style == .plain, node, type, &diagnostics)
        case .sequence(let nodes): return list(nodes, node, type, &diagnostics)
        case .mapping(let pairs):
            let inner: ValueType
            switch type {
            case .map(let item): inner = item
            case .any: inner = .any
            default:
                diagnostics.error("type", "expected \(ValueText.name(type)), found a mapping", at: node.range)
                return nil
            }
            var entries: [String: Expression] = [:]
            var isComplete = true
            for pair in pairs {
                if let entry = expression(pair.value, as: inner, &diagnostics) {
                    entries[pair.key.scalarText ?? ""] = entry
                } else {
                    isComplete = false
                }
            }
            guard isComplete else { return nil }
            let values = entries.compactMapValues { if case .literal(let value) = $0 { value } else { nil } }
            return values.count == entries.count ? .literal(.map(values)) : .map(entries)
        }
    }

    private mutating func list(
        _ nodes: [YAMLNode], _ node: YAMLNode, _ type: ValueType, _ diagnostics: inout Diagnostics
    ) -> Expression? {
        let inner: ValueType
        switch type {
        case .list(let item): inner = item
        case .any: inner = .any
        default:
            diagnostics.error("type", "expected \(ValueText.name(type)), found a list", at: node.range)
            return nil
        }
        var items: [Expression] = []
        var isComplete = true
        for node in nodes {
            // A variable that is a list puts its items here.
            let isSpread = spreads(node)
            guard let item = expression(node, as: isSpread ? .list(inner) : inner, &diagnostics) else {
                isComplete = false
                continue
            }
            if isSpread, case .literal(.list(let values)) = item {
                items += values.map { .literal($0) }
            } else {
                items.append(item)
            }
        }
        guard isComplete else { return nil }
        let values = items.compactMap { if case .literal(let value) = $0 { value } else { nil } }
        return values.count == items.count ? .literal(.list(values)) : .list(items)
    }

    private func spreads(_ node: YAMLNode) -> Bool {
        guard let text = node.scalarText, text.utf8.starts(with: "${".utf8) else { return false }
        do throws(VariableText.Fault) {
            guard let name = try VariableText(text).only?.name, case .value(let variable) = table.lookup(name),
                case .list = variable.value
            else { return false }
            return true
        } catch {
            // Whoever reads the node as a scalar reports it.
            return false
        }
    }

    /// A text in which variables stand as they are, but for those that an encoder changes; nil after a diagnostic.
    ///
    /// - Parameter encode: what becomes of a variable that is only a part of the text.
    mutating func text(
        _ node: YAMLNode, encode: (String) -> String, _ diagnostics: inout Diagnostics
    ) -> String? {
        guard let text = node.scalarText, !node.isNull, text.utf8.contains(UInt8(ascii: "{")) else {
            guard case .text(let text)? = value(node, as: .text, &diagnostics) else { return nil }
            return text
        }
        let template: VariableText
        do throws(VariableText.Fault) {
            template = try VariableText(text)
        } catch {
            diagnostics.error(
                "variable-syntax", error.message,
                at: node.range?.narrowed(to: error.offset, length: error.length), help: error.help)
            return nil
        }
        if template.references.isEmpty { return text }
        if template.only != nil {
            guard case .text(let text)? = value(node, as: .text, &diagnostics) else { return nil }
            return text
        }
        var result = ""
        for piece in template.pieces {
            switch piece {
            case .text(let text): result += text
            case .reference(let reference):
                guard case .literal(let value)? = self.reference(reference, node, .text, &diagnostics) else {
                    return nil
                }
                result += encode(ValueText.plain(value))
            }
        }
        return result
    }

    private mutating func scalar(
        _ text: String, isPlain: Bool, _ node: YAMLNode, _ type: ValueType, _ diagnostics: inout Diagnostics
    ) -> Expression? {
        guard text.utf8.contains(UInt8(ascii: "$")) else {
            let value: Value = isPlain && type == .any ? ScalarText.value(text) : .text(text)
            return typed(value, type, node, &diagnostics)
        }
        let template: VariableText
        do throws(VariableText.Fault) {
            template = try VariableText(text)
        } catch {
            diagnostics.error(
                "variable-syntax", error.message,
                at: node.range?.narrowed(to: error.offset, length: error.length), help: error.help)
            return nil
        }
        if let only = template.only {
            return reference(only, node, type, &diagnostics)
        }
        var parts: [Expression.Part] = []
        guard append(template.pieces, to: &parts, node, &diagnostics) else { return nil }
        if parts.allSatisfy({ if case .text = $0 { true } else { false } }) {
            let joined = parts.reduce(into: "") { if case .text(let text) = $1 { $0 += text } }
            return typed(.text(joined), type, node, &diagnostics)
        }
        return .text(parts)
    }

    /// A variable that is the whole of a scalar keeps its type.
    private mutating func reference(
        _ reference: VariableText.Reference, _ node: YAMLNode, _ type: ValueType, _ diagnostics: inout Diagnostics
    ) -> Expression? {
        used.insert(reference.name)
        let found = table.lookup(reference.name)
        if case .value(let variable) = found, !Self.isEmpty(variable.value) || reference.fallback == nil {
            return typed(type == .any ? variable.typedByItself : variable.value, type, node, &diagnostics)
        }
        if case .capture = found {
            captures.append(Located(value: reference.name, range: place(reference, node)))
            return .capture(reference.name)
        }
        if let fallback = reference.fallback {
            var parts: [Expression.Part] = []
            guard append(fallback, to: &parts, node, &diagnostics) else { return nil }
            let joined = parts.reduce(into: "") { if case .text(let text) = $1 { $0 += text } }
            guard parts.allSatisfy({ if case .text = $0 { true } else { false } }) else { return .text(parts) }
            return typed(type == .any ? ScalarText.value(joined) : .text(joined), type, node, &diagnostics)
        }
        if case .missing(let reason) = found {
            missing[reference.name] = reason
            return .literal(.null)
        }
        reportUndefined(reference, node, &diagnostics)
        return nil
    }

    private mutating func append(
        _ pieces: [VariableText.Piece], to parts: inout [Expression.Part], _ node: YAMLNode,
        _ diagnostics: inout Diagnostics
    ) -> Bool {
        var isComplete = true
        for piece in pieces {
            switch piece {
            case .text(let text): parts.append(.text(text))
            case .reference(let reference):
                used.insert(reference.name)
                switch table.lookup(reference.name) {
                case .value(let variable) where !Self.isEmpty(variable.value) || reference.fallback == nil:
                    parts.append(.text(ValueText.plain(variable.value)))
                case .capture:
                    captures.append(Located(value: reference.name, range: place(reference, node)))
                    parts.append(.capture(reference.name))
                case .missing(let reason) where reference.fallback == nil:
                    missing[reference.name] = reason
                case _ where reference.fallback != nil:
                    isComplete = append(reference.fallback ?? [], to: &parts, node, &diagnostics) && isComplete
                default:
                    reportUndefined(reference, node, &diagnostics)
                    isComplete = false
                }
            }
        }
        let length = parts.reduce(0) { if case .text(let text) = $1 { $0 + text.utf8.count } else { $0 } }
        guard length <= Self.textLimit else {
            diagnostics.error(
                "variable-length", "the text with its variables has \(length) bytes (must be <=\(Self.textLimit))",
                at: node.range)
            return false
        }
        return isComplete
    }

    private static func isEmpty(_ value: Value) -> Bool { value == .null || value == .text("") }

    private func typed(
        _ value: Value, _ type: ValueType, _ node: YAMLNode, _ diagnostics: inout Diagnostics
    ) -> Expression? {
        do throws(ShapeError) {
            let result = try OperandText.value(value, as: type, now: 0)
            // A time may move with the clock, so only its form is checked now.
            return .literal(type == .time ? value : result)
        } catch {
            diagnostics.error(
                code(of: type), error.description, at: node.range, notes: notes(value, node), help: error.help)
            return nil
        }
    }

    private func notes(_ value: Value, _ node: YAMLNode) -> [String] {
        guard let text = node.scalarText, text.utf8.contains(UInt8(ascii: "$")) else { return [] }
        return ["with its variables it is \(ValueText.shown(value))"]
    }

    private func code(of type: ValueType) -> String {
        switch type {
        case .duration: "duration"
        case .time: "time"
        default: "type"
        }
    }

    private func place(_ reference: VariableText.Reference, _ node: YAMLNode) -> SourceRange? {
        node.range?.narrowed(to: reference.offset, length: reference.length)
    }

    private func reportUndefined(
        _ reference: VariableText.Reference, _ node: YAMLNode, _ diagnostics: inout Diagnostics
    ) {
        let nearest = SpellingSuggestion.of(reference.name, among: table.names)
        diagnostics.error(
            "undefined-variable", "there is no variable '\(ValueText.shortened(reference.name, to: 80))'",
            at: place(reference, node),
            help: nearest.map { "did you mean '${\($0)}'?" }
                ?? "define it under 'variables', or give a default: ${\(ValueText.shortened(reference.name, to: 80)):-…}"
        )
    }
}
