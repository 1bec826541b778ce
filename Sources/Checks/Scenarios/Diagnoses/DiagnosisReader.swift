import Documents
import Platform
import Probes

/// The keys of a cause.
enum DiagnosisKey: String, CaseIterable {
    case code, severity, cause, explanation, when, unless, explains, independent, evidence, remedy, documentation

    /// What it means.
    var summary: String {
        switch self {
        case .code: "`MX` and four digits, never used for another cause again."
        case .severity: "`error`, `warning` or `info`."
        case .cause: "The cause in one sentence. `${attribute}` stands for what was seen of the check."
        case .explanation: "What is behind it."
        case .when: "Conditions that all hold; the first one is about the check that is explained."
        case .unless: "Conditions of which none holds."
        case .explains:
            """
            Ids of checks that fail for the same cause (`*` matches any characters), codes of causes that follow from it, \
            and names from `groups`.
            """
        case .independent:
            "`true` if other causes may explain this one only by its code, because two faults can show in one check."
        case .evidence: "Lines with what was seen."
        case .remedy: "What to do: commands, one per line."
        case .documentation: "The section of the documents; that of `docs/diagnoses.md` when it is missing."
        }
    }

    /// Whether a cause has to have it.
    var isRequired: Bool { [.code, .cause, .remedy, .explanation].contains(self) }
}

/// The keys of a condition of a cause.
enum DiagnosisConditionKey: String, CaseIterable {
    case check
    case `is`
    case error
    case `where`

    /// What it means.
    var summary: String {
        switch self {
        case .check: "The id of a check, or a list of ids of which one will do; `*` stands for any characters."
        case .is: "What became of it: failed (when nothing is said), passed, skipped, error, not-permitted or any."
        case .error: "Why nothing could be seen: a reason or a list of them."
        case .where: "What was seen of its subject: attributes, each with a value or with matchers."
        }
    }
}

/// Reads a catalogue of causes.
struct DiagnosisReader {
    private var codes: [String: SourceRange?] = [:]
    private var retired: Set<String> = []
    private var groups: [String: [IdentifierPattern]] = [:]

    /// The keys of a catalogue.
    static let keys = ["retired", "groups", "diagnoses"]

    /// The catalogue, with everything wrong reported.
    mutating func read(_ document: YAMLNode, _ diagnostics: inout Diagnostics) -> DiagnosisCatalogue {
        let none = DiagnosisCatalogue(entries: [], places: [:], groups: [:])
        guard let pairs = MappingReader.pairs(document, "a mapping with 'diagnoses'", &diagnostics) else { return none }
        for pair in pairs where !Self.keys.contains(pair.key.scalarText ?? "") {
            MappingReader.reportUnknown(pair.key, among: Self.keys, &diagnostics)
        }
        if let node = document[key: "retired"] {
            retired = Set((MappingReader.texts(node, &diagnostics) ?? []).map(\.value))
        }
        if let node = document[key: "groups"] { readGroups(node, &diagnostics) }
        guard case .sequence(let nodes)? = document[key: "diagnoses"]?.content, !nodes.isEmpty else {
            diagnostics.error("missing-key", "there is no list 'diagnoses'", at: document.range)
            return none
        }
        let entries = nodes.compactMap { entry($0, &diagnostics) }
        if !entries.contains(where: \.isGeneric) {
            diagnostics.error(
                "no-generic-diagnosis", "no cause stands for what the others do not explain", at: document.range,
                help: "add one without 'when'")
        }
        return DiagnosisCatalogue(entries: entries, places: codes, groups: groups)
    }

    /// Names for lists that many causes explain. A group may contain the groups above it.
    private mutating func readGroups(_ node: YAMLNode, _ diagnostics: inout Diagnostics) {
        let expected = "a mapping of names to lists of ids and codes"
        for pair in MappingReader.pairs(node, expected, &diagnostics) ?? [] {
            guard let name = MappingReader.text(pair.key, &diagnostics) else { continue }
            groups[name] = explained(pair.value, &diagnostics)
        }
    }

    private func explained(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> [IdentifierPattern] {
        (MappingReader.texts(node, &diagnostics) ?? []).flatMap { groups[$0.value] ?? [IdentifierPattern($0.value)] }
    }

    private mutating func entry(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> DiagnosisEntry? {
        guard let pairs = MappingReader.pairs(node, "a mapping with 'code' and 'cause'", &diagnostics) else {
            return nil
        }
        let before = diagnostics.errorCount
        for pair in pairs where DiagnosisKey(rawValue: pair.key.scalarText ?? "") == nil {
            MappingReader.reportUnknown(pair.key, among: DiagnosisKey.allCases.map(\.rawValue), &diagnostics)
        }
        for key in DiagnosisKey.allCases where key.isRequired && node[pair: key.rawValue] == nil {
            diagnostics.error("missing-key", "key '\(key.rawValue)' is missing", at: node.range, help: key.summary)
        }
        func value(_ key: DiagnosisKey) -> YAMLNode? { node[key: key.rawValue] }
        let code = value(.code).flatMap { self.code($0, &diagnostics) } ?? ""
        let cause = value(.cause).flatMap { template($0, &diagnostics) } ?? ""
        let conditions = value(.when).map { self.conditions($0, &diagnostics) } ?? []
        let entry = DiagnosisEntry(
            code: code,
            severity: value(.severity).flatMap { MappingReader.word($0, Severity.allCases, &diagnostics) } ?? .error,
            cause: cause,
            evidence: value(.evidence).map { templates($0, &diagnostics) } ?? [],
            remedy: value(.remedy).map { templates($0, &diagnostics) } ?? [],
            documentation: value(.documentation).flatMap { MappingReader.text($0, &diagnostics) }
                ?? "docs/diagnoses.md#\(code.lowercased())",
            explanation: value(.explanation).flatMap { MappingReader.text($0, &diagnostics) } ?? "",
            conditions: conditions, exclusions: value(.unless).map { self.conditions($0, &diagnostics) } ?? [],
            explains: value(.explains).map { explained($0, &diagnostics) } ?? [],
            isIndependent: value(.independent).flatMap { MappingReader.word($0, ["true", "false"], &diagnostics) }
                == "true")
        return diagnostics.errorCount == before ? entry : nil
    }

    private mutating func code(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> String? {
        guard let text = MappingReader.text(node, &diagnostics) else { return nil }
        let bytes = Array(text.utf8)
        let isCode =
            bytes.count == 6 && bytes.starts(with: "MX".utf8)
            && bytes[2...].allSatisfy { Ascii.isDigit($0) }
        guard isCode else {
            diagnostics.error(
                "code", "'\(ValueText.shortened(text, to: 40))' is not a code", at: node.range,
                help: "MX, two digits of the family, two digits: MX0401")
            return nil
        }
        if retired.contains(text) {
            diagnostics.error("retired-code", "\(text) was another cause's", at: node.range, help: "take a new number")
        }
        if let other = codes[text] {
            diagnostics.error(
                "duplicate-code", "there is another cause \(text)", at: node.range,
                notes: ["the other one is at \(other?.place ?? "an unknown place")"], help: "take a new number")
            return nil
        }
        codes[text] = node.range
        return text
    }

    private func templates(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> [String] {
        let nodes: [YAMLNode] = if case .sequence(let items) = node.content { items } else { [node] }
        return nodes.compactMap { template($0, &diagnostics) }
    }

    private func template(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> String? {
        guard let text = MappingReader.text(node, &diagnostics) else { return nil }
        do throws(VariableText.Fault) {
            _ = try DiagnosisText.parse(text)
            return text
        } catch {
            diagnostics.error(
                "variable-syntax", error.message,
                at: node.range?.narrowed(to: error.offset, length: error.length), help: error.help)
            return nil
        }
    }

    private func conditions(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> [DiagnosisCondition] {
        let nodes: [YAMLNode] = if case .sequence(let items) = node.content { items } else { [node] }
        if nodes.isEmpty {
            diagnostics.error("empty-condition", "there is no condition", at: node.range)
        }
        return nodes.compactMap { condition($0, &diagnostics) }
    }

    private func condition(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> DiagnosisCondition? {
        guard let pairs = MappingReader.pairs(node, "a mapping with 'check'", &diagnostics) else { return nil }
        var checks: [IdentifierPattern] = []
        var state = DiagnosisCondition.State.failed
        var reasons: [ProbeError.Reason] = []
        var expectations: [Expectation] = []
        for pair in pairs {
            switch DiagnosisConditionKey(rawValue: pair.key.scalarText ?? "") {
            case .check:
                checks = (MappingReader.texts(pair.value, &diagnostics) ?? []).map { IdentifierPattern($0.value) }
            case .is: state = MappingReader.word(pair.value, DiagnosisCondition.State.allCases, &diagnostics) ?? state
            case .error:
                let nodes: [YAMLNode] =
                    if case .sequence(let items) = pair.value.content { items } else { [pair.value] }
                reasons = nodes.compactMap { MappingReader.word($0, ProbeError.Reason.allCases, &diagnostics) }
            case .where: expectations = self.expectations(pair.value, &diagnostics)
            case nil:
                MappingReader.reportUnknown(
                    pair.key, among: DiagnosisConditionKey.allCases.map(\.rawValue), &diagnostics)
            }
        }
        guard !checks.isEmpty else {
            diagnostics.error("missing-key", "key 'check' is missing", at: node.range)
            return nil
        }
        return DiagnosisCondition(checks: checks, state: state, reasons: reasons, expectations: expectations)
    }

    /// Attributes of any kind: which one is known when the catalogue meets a suite.
    private func expectations(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> [Expectation] {
        guard let pairs = MappingReader.pairs(node, "a mapping of attributes", &diagnostics) else { return [] }
        if pairs.isEmpty {
            diagnostics.error("empty-expectation", "nothing is expected here", at: node.range)
        }
        var matchers = MatcherReader(expressions: ExpressionReader(table: VariableTable()))
        return pairs.flatMap { pair -> [Expectation] in
            guard let text = MappingReader.text(pair.key, &diagnostics) else { return [] }
            let path: ValuePath
            do throws(ShapeError) {
                path = try ValuePath(text)
            } catch {
                diagnostics.error("path", error.description, at: pair.key.range, help: error.help)
                return []
            }
            return (matchers.matchers(pair.value, for: .value(.any), &diagnostics) ?? [])
                .map { Expectation(path: path, matcher: $0) }
        }
    }
}
