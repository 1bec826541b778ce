import DebianFormat
import Documents
import Patterns
import Platform
import Probes

/// Makes matchers of a user's nodes, each checked against the type of what it will look at.
struct MatcherReader {
    private static let depthLimit = 16

    /// Puts in variables.
    var expressions: ExpressionReader
    private var depth = 0

    init(expressions: ExpressionReader) { self.expressions = expressions }

    /// The matchers that a node stands for: a bare value means that it is equal.
    ///
    /// - Returns: one matcher for each key, or nil after a diagnostic.
    mutating func matchers(
        _ node: YAMLNode, for type: MatchedType, _ diagnostics: inout Diagnostics
    ) -> [Matcher]? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else {
            diagnostics.error(
                "matcher-depth", "matchers are nested deeper than \(Self.depthLimit) levels", at: node.range)
            return nil
        }
        guard case .mapping(let pairs) = node.content else {
            return equality(node, type, &diagnostics).map { [$0] }
        }
        guard !pairs.isEmpty else {
            diagnostics.error(
                "empty-expectation", "nothing is expected here", at: node.range,
                help: "write a value, or a matcher such as {equals: …}")
            return nil
        }
        var matchers: [Matcher] = []
        var isComplete = true
        for pair in pairs {
            if let matcher = matcher(pair, type, &diagnostics) {
                matchers.append(matcher)
            } else {
                isComplete = false
            }
        }
        return isComplete ? matchers : nil
    }

    /// The matchers as one.
    private mutating func combined(
        _ node: YAMLNode, _ type: MatchedType, _ diagnostics: inout Diagnostics
    ) -> Matcher? {
        guard let all = matchers(node, for: type, &diagnostics) else { return nil }
        return all.count == 1 ? all[0] : .all(all)
    }

    private mutating func matcher(
        _ pair: YAMLNode.Pair, _ type: MatchedType, _ diagnostics: inout Diagnostics
    ) -> Matcher? {
        let name = pair.key.scalarText ?? ""
        guard let key = MatcherKey(rawValue: name) else {
            let known = MatcherKey.allCases.map(\.rawValue)
            diagnostics.error(
                "unknown-matcher", "unknown matcher '\(ValueText.shortened(name, to: 80))'", at: pair.key.range,
                help: SpellingSuggestion.of(name, among: known).map { "did you mean '\($0)'?" }
                    ?? "of a \(type.name): "
                    + MatcherKey.allCases.filter { $0.applies(to: type) }.map(\.rawValue).joined(separator: ", "))
            return nil
        }
        guard key.applies(to: type) else {
            diagnostics.error(
                "matcher-type", "'\(name)' cannot be asked of a \(type.name)", at: pair.key.range,
                help: "'\(name)' is for \(key.types); of a \(type.name): "
                    + MatcherKey.allCases.filter { $0.applies(to: type) }.map(\.rawValue).joined(separator: ", "))
            return nil
        }
        return read(key, pair.value, type, &diagnostics)
    }

    private mutating func read(
        _ key: MatcherKey, _ node: YAMLNode, _ type: MatchedType, _ diagnostics: inout Diagnostics
    ) -> Matcher? {
        if key.needsOperand, Self.isEmpty(node) {
            diagnostics.error(
                "empty-expectation", "'\(key.rawValue)' has nothing to look for", at: node.range,
                help: "write what is meant, or {empty: true} for a list or text without anything in it")
            return nil
        }
        switch key {
        case .equals: return equality(node, type, &diagnostics)
        case .oneOf: return operand(node, .list(type.operand), &diagnostics).map { .oneOf($0) }
        case .present: return flag(node, &diagnostics).map { .present($0) }
        case .unique: return flag(node, &diagnostics).map { .unique($0) }
        case .empty: return flag(node, &diagnostics).map { .empty($0) }
        case .atLeast, .atMost, .above, .below, .before, .after:
            guard let comparison = Matcher.Comparison(rawValue: key.rawValue) else { return nil }
            return self.comparison(comparison, node, type, &diagnostics)
        case .between: return between(node, type, &diagnostics)
        case .startsWith: return operand(node, .text, &diagnostics).map { .text(.startsWith, $0) }
        case .endsWith: return operand(node, .text, &diagnostics).map { .text(.endsWith, $0) }
        case .contains: return contains(node, type, &diagnostics)
        case .matches: return pattern(node, &diagnostics).map { .matches($0) }
        case .inCIDR: return ranges(node, &diagnostics)
        case .containsAll, .only, .unorderedEquals:
            let wanted: ValueType = if case .value(.list(let item)) = type { .list(item) } else { .list(.any) }
            guard let operand = operand(node, wanted, &diagnostics) else { return nil }
            switch key {
            case .containsAll: return .containsAll(operand)
            case .only: return .only(operand)
            default: return .unorderedEquals(operand)
            }
        case .count: return combined(node, .value(.integer), &diagnostics).map { .count($0) }
        case .each: return combined(node, type.item, &diagnostics).map { .each($0) }
        case .some: return combined(node, type.item, &diagnostics).map { .some($0) }
        case .none: return combined(node, type.item, &diagnostics).map { .none($0) }
        case .not: return combined(node, type, &diagnostics).map { .not($0) }
        case .all: return list(node, type, &diagnostics).map { .all($0) }
        case .any: return list(node, type, &diagnostics).map { .any($0) }
        case .version: return combined(node, .version, &diagnostics).map { .view(.version, $0) }
        case .semver: return semanticRange(node, &diagnostics)
        case .duration: return combined(node, .value(.duration), &diagnostics).map { .view(.duration, $0) }
        case .number: return combined(node, .value(.number), &diagnostics).map { .view(.number, $0) }
        case .time: return combined(node, .value(.time), &diagnostics).map { .view(.time, $0) }
        }
    }

    /// An empty list or text that is written as one, not one that a variable turns out to be.
    private static func isEmpty(_ node: YAMLNode) -> Bool {
        switch node.content {
        case .sequence(let items): items.isEmpty
        case .scalar(let text, _): text.isEmpty && !node.isNull
        case .mapping: false
        }
    }

    private mutating func equality(
        _ node: YAMLNode, _ type: MatchedType, _ diagnostics: inout Diagnostics
    ) -> Matcher? {
        guard let operand = operand(node, type.operand, &diagnostics) else { return nil }
        if type == .version, !checkVersion(operand, node, &diagnostics) { return nil }
        return type == .version ? .compare(.same, operand, .version) : .equals(operand)
    }

    private mutating func comparison(
        _ comparison: Matcher.Comparison, _ node: YAMLNode, _ type: MatchedType, _ diagnostics: inout Diagnostics
    ) -> Matcher? {
        guard let order = order(type, comparison, node) else { return nil }
        guard let operand = operand(node, operandType(of: order), &diagnostics) else { return nil }
        if order == .version, !checkVersion(operand, node, &diagnostics) { return nil }
        return .compare(comparison, operand, order)
    }

    private mutating func between(
        _ node: YAMLNode, _ type: MatchedType, _ diagnostics: inout Diagnostics
    ) -> Matcher? {
        guard case .sequence(let nodes) = node.content, nodes.count == 2 else {
            diagnostics.error(
                "type", "expected a list of two values, found \(node.kindName)", at: node.range,
                help: "write it such as between: [10s, 1m]")
            return nil
        }
        guard let order = order(type, nil, nodes[0]) else { return nil }
        let low = operand(nodes[0], operandType(of: order), &diagnostics)
        let high = operand(nodes[1], operandType(of: order), &diagnostics)
        guard let low, let high else { return nil }
        if order == .version {
            guard checkVersion(low, nodes[0], &diagnostics), checkVersion(high, nodes[1], &diagnostics) else {
                return nil
            }
        }
        if let first = Self.literal(low), let second = Self.literal(high), order != .version,
            MatcherEvaluation.isAscending(second, first), first != second
        {
            diagnostics.error(
                "between", "nothing is between \(ValueText.shown(first)) and \(ValueText.shown(second))",
                at: node.range, help: "write the smaller value first")
            return nil
        }
        return .between(low, high, order)
    }

    private static func literal(_ operand: Operand) -> Value? {
        if case .literal(let value) = operand.expression { value } else { nil }
    }

    /// What decides on the order; of a value of any type the operand tells.
    private func order(_ type: MatchedType, _ comparison: Matcher.Comparison?, _ node: YAMLNode) -> Matcher.Order? {
        if let order = type.order { return order }
        if comparison == .before || comparison == .after { return .time }
        guard let text = node.scalarText else { return .number }
        return ScalarText.number(text) == nil && DurationText.parse(text) != nil ? .duration : .number
    }

    private func operandType(of order: Matcher.Order) -> ValueType {
        switch order {
        case .number: .number
        case .duration: .duration
        case .time: .time
        case .version: .text
        }
    }

    private func checkVersion(_ operand: Operand, _ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Bool {
        guard case .text(let text)? = Self.literal(operand) else { return true }
        do throws(FormatError) {
            _ = try DebianVersion(text)
            return true
        } catch {
            diagnostics.error("version", error.description, at: node.range?.narrowed(toByte: error.offset, of: text))
            return false
        }
    }

    private mutating func contains(
        _ node: YAMLNode, _ type: MatchedType, _ diagnostics: inout Diagnostics
    ) -> Matcher? {
        switch type {
        case .value(.list(let item)): return operand(node, item, &diagnostics).map { .contains($0) }
        case .value(.text): return operand(node, .text, &diagnostics).map { .text(.contains, $0) }
        case .value(.map): return operand(node, .text, &diagnostics).map { .contains($0) }
        default: return operand(node, .any, &diagnostics).map { .contains($0) }
        }
    }

    private mutating func ranges(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Matcher? {
        guard let operand = operand(node, .list(.text), &diagnostics) else { return nil }
        if case .list(let items)? = Self.literal(operand) {
            var isComplete = true
            for (index, item) in items.enumerated() {
                if case .text(let text) = item, CIDR(text) != nil { continue }
                let range: SourceRange? =
                    if case .sequence(let nodes) = node.content, nodes.count == items.count { nodes[index].range } else
                    {
                        node.range
                    }
                diagnostics.error(
                    "cidr", "expected a range of addresses, found \(ValueText.shown(item))", at: range,
                    help: "write it such as 10.63.240.0/20")
                isComplete = false
            }
            if !isComplete { return nil }
        }
        return .inCIDR(operand)
    }

    private mutating func semanticRange(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Matcher? {
        guard let operand = operand(node, .text, &diagnostics) else { return nil }
        if case .text(let text)? = Self.literal(operand), SemanticRange(text) == nil {
            diagnostics.error(
                "semver", "expected a range of versions, found '\(ValueText.shortened(text, to: 80))'", at: node.range,
                help: "write it such as '>=1.2.0 <2', ^1.4 or 1.x")
            return nil
        }
        return .semver(operand)
    }

    /// The pattern of a node. Variables in it stand for their own text; one that is all of it is a pattern itself.
    mutating func pattern(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Pattern? {
        guard let text = expressions.text(node, encode: Pattern.escaped, &diagnostics) else { return nil }
        return Self.pattern(text, node, &diagnostics)
    }

    /// Compiles an expression that stands at a node; nil after a diagnostic.
    static func pattern(_ text: String, _ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Pattern? {
        do throws(PatternSyntaxError) {
            return try Pattern(text)
        } catch {
            diagnostics.error(
                "regular-expression", "'\(ValueText.shortened(text))' is not a regular expression: \(error.reason)",
                at: node.scalarText == text
                    ? node.range?.narrowed(toByte: error.offset, of: text) ?? node.range : node.range,
                help:
                    "put '\\' before ( ) [ ] { } . * + ? | ^ $ that stand for themselves, and single quotes around all")
            return nil
        }
    }

    private mutating func list(
        _ node: YAMLNode, _ type: MatchedType, _ diagnostics: inout Diagnostics
    ) -> [Matcher]? {
        guard case .sequence(let nodes) = node.content, !nodes.isEmpty else {
            diagnostics.error(
                "type", "expected a list of matchers, found \(node.kindOrEmpty)", at: node.range,
                help: "write it such as [{at-least: 1}, {at-most: 5}]")
            return nil
        }
        var matchers: [Matcher] = []
        for node in nodes {
            if let matcher = combined(node, type, &diagnostics) { matchers.append(matcher) }
        }
        return matchers.count == nodes.count ? matchers : nil
    }

    private mutating func operand(
        _ node: YAMLNode, _ type: ValueType, _ diagnostics: inout Diagnostics
    ) -> Operand? {
        expressions.operand(node, as: type, &diagnostics)
    }

    private mutating func flag(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Bool? {
        guard case .bool(let value)? = expressions.value(node, as: .bool, &diagnostics) else { return nil }
        return value
    }
}
