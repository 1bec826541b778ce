import Documents
import Patterns
import Platform
import Probes

/// Reads what a check is about.
struct SubjectReader {
    let kinds: KindCatalogue

    /// A kind with parameters whose names and types are right.
    struct Subject {
        let kind: SubjectKind
        let parameters: [String: Operand]
    }

    /// The subject of a check; nil after a diagnostic, or when no key names a kind.
    func read(
        _ node: YAMLNode, _ expressions: inout ExpressionReader, _ diagnostics: inout Diagnostics
    ) -> Subject? {
        guard case .mapping(let pairs) = node.content else { return nil }
        let named = pairs.filter { kinds.has($0.key.scalarText ?? "") }
        guard let pair = named.first, let kind = kinds.kind(pair.key.scalarText ?? "") else { return nil }
        if named.count > 1 {
            let names = named.compactMap(\.key.scalarText).map { "'\($0)'" }.joined(separator: " and ")
            diagnostics.error(
                "several-subjects", "the check is about \(names)", at: named[1].key.range,
                help: "keep one of them and make another check of the other")
        }
        let before = diagnostics.errorCount
        var parameters: [String: Operand] = [:]
        switch pair.value.content {
        case .mapping(let pairs):
            for pair in pairs { read(pair, kind, &parameters, &expressions, &diagnostics) }
            if kind.parameters.contains(where: { $0.name == "patterns" }) { checkAfter(pairs, &diagnostics) }
        case _ where pair.value.isNull: break
        default:
            if let parameter = kind.parameters.first(where: { $0.name == kind.mainParameter }) {
                parameters[parameter.name] = value(pair.value, parameter, &expressions, &diagnostics)
            }
        }
        for parameter in kind.parameters where parameter.isRequired {
            let isThere: Bool
            switch pair.value.content {
            case .mapping: isThere = pair.value[pair: parameter.name] != nil
            default: isThere = !pair.value.isNull && parameter.name == kind.mainParameter
            }
            if !isThere {
                diagnostics.error(
                    "missing-parameter", "'\(kind.name)' needs '\(parameter.name)'", at: pair.key.range,
                    help: parameter.summary)
            }
        }
        return diagnostics.errorCount == before ? Subject(kind: kind, parameters: parameters) : nil
    }

    private func read(
        _ pair: YAMLNode.Pair, _ kind: SubjectKind, _ parameters: inout [String: Operand],
        _ expressions: inout ExpressionReader, _ diagnostics: inout Diagnostics
    ) {
        let name = pair.key.scalarText ?? ""
        guard let parameter = kind.parameters.first(where: { $0.name == name }) else {
            let isAttribute = kind.attributes.contains { $0.name == name }
            guard !isAttribute else {
                diagnostics.error(
                    "unknown-parameter", "'\(name)' is an attribute of '\(kind.name)', not a parameter",
                    at: pair.key.range,
                    help: "write it under 'expect'")
                return
            }
            MappingReader.reportUnknown(
                pair.key, among: kind.parameters.map(\.name), code: "unknown-parameter",
                what: "parameter of '\(kind.name)':", &diagnostics)
            return
        }
        parameters[name] = value(pair.value, parameter, &expressions, &diagnostics)
    }

    private func value(
        _ node: YAMLNode, _ parameter: SubjectKind.Parameter, _ expressions: inout ExpressionReader,
        _ diagnostics: inout Diagnostics
    ) -> Operand? {
        guard let operand = expressions.operand(node, as: parameter.type, &diagnostics) else { return nil }
        if parameter.name == "patterns", !checkPatterns(node, &diagnostics) { return nil }
        if let form = parameter.form, case .literal(let value) = operand.expression, Self.isWritten(node),
            let fault = form.fault(of: value)
        {
            diagnostics.error(
                "parameter", "expected \(fault.expected), found \(ValueText.shown(value))", at: node.range,
                help: "'\(parameter.name)': \(parameter.summary)")
            return nil
        }
        guard !parameter.choices.isEmpty, case .literal(let value) = operand.expression, value != .null else {
            return operand
        }
        for item in MatcherEvaluation.items(value) where !parameter.choices.contains(ValueText.plain(item)) {
            let found = ValueText.plain(item)
            diagnostics.error(
                "enumeration",
                "expected one of \(parameter.choices.joined(separator: ", ")), found '\(ValueText.shortened(found))'",
                at: node.range,
                help: SpellingSuggestion.of(found, among: parameter.choices).map { "did you mean '\($0)'?" })
            return nil
        }
        return operand
    }

    /// Whether the value stands here as it is: what the host's own files say cannot be a mistake of the scenario.
    private static func isWritten(_ node: YAMLNode) -> Bool {
        switch node.content {
        case .scalar(let text, _): !text.utf8.contains(UInt8(ascii: "$"))
        case .sequence(let items): items.allSatisfy(isWritten)
        case .mapping: false
        }
    }

    /// The name that `after` means has to be that of a pattern.
    private func checkAfter(_ pairs: [YAMLNode.Pair], _ diagnostics: inout Diagnostics) {
        guard let after = pairs.first(where: { $0.key.scalarText == "after" })?.value, let name = after.scalarText,
            Self.isWritten(after)
        else { return }
        let patterns = pairs.first { $0.key.scalarText == "patterns" }?.value
        var names: [String] = []
        if case .sequence(let nodes)? = patterns?.content { names = nodes.compactMap { $0[key: "name"]?.scalarText } }
        if !names.contains(name) {
            diagnostics.error(
                "unknown-pattern", "there is no pattern '\(ValueText.shortened(name, to: 80))'", at: after.range,
                help: SpellingSuggestion.of(name, among: names).map { "did you mean '\($0)'?" }
                    ?? "'after' is the name of one of 'patterns'")
        }
    }

    /// The patterns of a log, which the probe would refuse only while the checks run.
    private func checkPatterns(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Bool {
        guard case .sequence(let nodes) = node.content, !nodes.isEmpty else {
            diagnostics.error(
                "type", "expected a list of patterns, found \(node.kindOrEmpty)", at: node.range,
                help: "write it such as [{name: start, pattern: 'Starting'}]")
            return false
        }
        let before = diagnostics.errorCount
        var names: Set<String> = []
        for node in nodes {
            guard let pairs = MappingReader.pairs(node, "a mapping with 'name' and 'pattern'", &diagnostics) else {
                continue
            }
            for pair in pairs where !Self.patternKeys.contains(pair.key.scalarText ?? "") {
                MappingReader.reportUnknown(pair.key, among: Self.patternKeys, &diagnostics)
            }
            for key in Self.patternKeys where node[pair: key] == nil {
                diagnostics.error(
                    "missing-key", "key '\(key)' is missing", at: node.range,
                    help: "write it such as {name: start, pattern: 'Starting'}")
            }
            for pair in pairs where Self.patternKeys.contains(pair.key.scalarText ?? "") {
                guard let text = MappingReader.text(pair.value, &diagnostics) else { continue }
                // The probe takes texts alone.
                guard case .scalar(_, .plain) = pair.value.content, !text.utf8.contains(UInt8(ascii: "$")) else {
                    continue
                }
                if case .text = ScalarText.value(text) { continue }
                diagnostics.error(
                    "type", "expected a text, found \(ValueText.shown(ScalarText.value(text)))", at: pair.value.range,
                    help: "put quotes around it")
            }
            if let name = node[key: "name"]?.scalarText, !names.insert(name).inserted {
                diagnostics.error(
                    "duplicate-pattern", "there is another pattern '\(ValueText.shortened(name))'",
                    at: node[key: "name"]?.range, help: "give it a name of its own")
            }
            if let pattern = node[key: "pattern"], let text = pattern.scalarText {
                _ = MatcherReader.pattern(text, pattern, &diagnostics)
            }
        }
        return diagnostics.errorCount == before
    }

    private static let patternKeys = ["name", "pattern"]
}

/// Reads what a check says of its subject's attributes.
struct AttributeReader {
    let kind: SubjectKind

    /// The expectations, one for each attribute and matcher.
    func expectations(
        _ node: YAMLNode, _ matchers: inout MatcherReader, _ diagnostics: inout Diagnostics
    ) -> [Expectation] {
        let pairs: [YAMLNode.Pair]
        if node.isNull {
            pairs = []
        } else {
            guard let found = MappingReader.pairs(node, "a mapping of attributes", &diagnostics) else { return [] }
            pairs = found
        }
        guard !pairs.isEmpty else {
            diagnostics.error(
                "empty-expectation", "nothing is expected, so the check would always pass", at: node.range,
                help: "attributes of '\(kind.name)': " + kind.attributes.map(\.name).joined(separator: ", "))
            return []
        }
        return pairs.flatMap { pair -> [Expectation] in
            guard let (path, type) = path(pair.key, &diagnostics) else { return [] }
            if pair.value.isNull {
                diagnostics.error(
                    "empty-expectation", "nothing is expected of '\(path)'", at: pair.key.range,
                    help: "write a value, or a matcher such as {present: true}")
                return []
            }
            let found = matchers.matchers(pair.value, for: .value(type), &diagnostics) ?? []
            let folds = path.steps.isEmpty && kind.attributes.contains { $0.name == path.attribute && $0.foldsKeys }
            return found.map { Expectation(path: path, matcher: folds ? $0.foldingKeys : $0) }
        }
    }

    /// The values that other checks may use.
    func captures(
        _ node: YAMLNode, _ matchers: inout MatcherReader, _ diagnostics: inout Diagnostics
    ) -> [Capture] {
        guard let pairs = MappingReader.pairs(node, "a mapping of names to paths", &diagnostics) else { return [] }
        if pairs.isEmpty {
            diagnostics.error(
                "empty-capture", "nothing is captured", at: node.range,
                help: "write such as {pilot.pod: 'json.hosts[0].ip_address'}, or remove 'capture'")
        }
        return pairs.compactMap { pair in
            let name = pair.key.scalarText ?? ""
            switch pair.value.content {
            case .scalar:
                return path(pair.value, &diagnostics).map { Capture(name: name, path: $0.path, pattern: nil) }
            case .mapping(let keys):
                return capture(name, keys, pair.value, &matchers, &diagnostics)
            case .sequence:
                diagnostics.error(
                    "type", "expected a path or {from: PATH, matches: PATTERN}, found a list", at: pair.value.range)
                return nil
            }
        }
    }

    private func capture(
        _ name: String, _ pairs: [YAMLNode.Pair], _ node: YAMLNode, _ matchers: inout MatcherReader,
        _ diagnostics: inout Diagnostics
    ) -> Capture? {
        var found: (path: ValuePath, type: ValueType)?
        var pattern: Pattern?
        var isComplete = true
        for pair in pairs {
            switch CaptureKey(rawValue: pair.key.scalarText ?? "") {
            case .from:
                found = path(pair.value, &diagnostics)
                if let found, found.type != .text, found.type != .any {
                    diagnostics.error(
                        "matcher-type", "a pattern cannot be looked for in a \(ValueText.name(found.type))",
                        at: pair.value.range)
                    isComplete = false
                }
            case .matches:
                pattern = matchers.pattern(pair.value, &diagnostics)
                if pattern == nil { isComplete = false }
            case nil:
                MappingReader.reportUnknown(pair.key, among: CaptureKey.allCases.map(\.rawValue), &diagnostics)
                isComplete = false
            }
        }
        for key in CaptureKey.allCases where node[pair: key.rawValue] == nil {
            diagnostics.error(
                "missing-key", "key '\(key.rawValue)' is missing", at: node.range,
                help: "write {from: PATH, matches: PATTERN}")
            isComplete = false
        }
        guard let found, isComplete else { return nil }
        return Capture(name: name, path: found.path, pattern: pattern)
    }

    /// The way to a value, and the value's type; nil after a diagnostic.
    private func path(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> (path: ValuePath, type: ValueType)? {
        guard let text = MappingReader.text(node, &diagnostics) else { return nil }
        var path: ValuePath
        do throws(ShapeError) {
            path = try ValuePath(text)
        } catch {
            diagnostics.error(
                "path", error.description,
                at: error.offset.flatMap { node.range?.narrowed(toByte: $0, of: text) } ?? node.range, help: error.help)
            return nil
        }
        guard let attribute = kind.attributes.first(where: { $0.name == path.attribute }) else {
            let names = kind.attributes.map(\.name)
            let isParameter = kind.parameters.contains { $0.name == path.attribute }
            diagnostics.error(
                "unknown-attribute",
                "'\(kind.name)' has no attribute '\(ValueText.shortened(path.attribute, to: 80))'"
                    + (isParameter ? ", it is a parameter" : ""), at: node.range,
                help: SpellingSuggestion.of(path.attribute, among: names).map { "did you mean '\($0)'?" }
                    ?? "attributes: " + names.joined(separator: ", "))
            return nil
        }
        if attribute.foldsKeys { path = path.foldingKey }
        guard let type = path.type(from: attribute.type) else {
            diagnostics.error(
                "path", "'\(path)' leads nowhere: '\(attribute.name)' is a \(ValueText.name(attribute.type))",
                at: node.range)
            return nil
        }
        return (path, type)
    }
}
