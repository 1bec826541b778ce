import HostProbes
import Platform
import Documents

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
            return found.map { Expectation(path: path, matcher: $0) }
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
                help: "write such as {pilot.pod: 'json.hosts[0].ip_address'}, or take 'capture' out")
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
        let path: ValuePath
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
        guard let type = path.type(from: attribute.type) else {
            diagnostics.error(
                "path", "'\(path)' leads nowhere: '\(attribute.name)' is a \(ValueText.name(attribute.type))",
                at: node.range)
            return nil
        }
        return (path, type)
    }
}
