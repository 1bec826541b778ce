import Documents
import Platform

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
