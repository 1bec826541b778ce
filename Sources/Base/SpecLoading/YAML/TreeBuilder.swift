import CYAML
import Platform

/// Turns libyaml's events into nodes.
struct TreeBuilder {
    /// What a node costs with all that its aliases stand for.
    private struct Weight {
        var nodes = 0
        var bytes = 0
    }

    let source: SourceText
    private(set) var diagnostics = Diagnostics()
    private var anchors: [String: (node: YAMLNode, weight: Weight)] = [:]
    private var spent = Weight()

    init(source: SourceText) { self.source = source }

    /// Ends the walk; what is wrong has been reported.
    private struct Stop: Error {}

    mutating func document(_ parser: inout yaml_parser_t) -> YAMLNode? {
        do throws(Stop) {
            var root: YAMLNode?
            while true {
                var event = try next(&parser)
                defer { yaml_event_delete(&event) }
                switch event.type {
                case YAML_STREAM_END_EVENT:
                    return root
                        ?? YAMLNode(
                            content: .scalar(text: "", style: .plain), range: YAMLLoader.point(source, 1, 1))
                case YAML_DOCUMENT_START_EVENT:
                    if root != nil {
                        diagnostics.error(
                            "documents", "the file has several documents", at: range(event),
                            help: "take the '---' out, or put each into a file of its own")
                        return nil
                    }
                case YAML_STREAM_START_EVENT, YAML_DOCUMENT_END_EVENT, YAML_NO_EVENT: break
                default: root = try node(event, &parser, depth: 0)
                }
            }
        } catch {
            return nil
        }
    }

    private mutating func next(_ parser: inout yaml_parser_t) throws(Stop) -> yaml_event_t {
        var event = yaml_event_t()
        guard yaml_parser_parse(&parser, &event) == 1 else {
            SyntaxProblem(parser, source).report(to: &diagnostics)
            throw Stop()
        }
        return event
    }

    private mutating func spend(_ weight: Weight, at range: SourceRange?) throws(Stop) {
        spent.nodes += weight.nodes
        spent.bytes += weight.bytes
        if spent.nodes > YAMLLoader.nodeLimit {
            diagnostics.error(
                "too-many-nodes", "the document has more than \(YAMLLoader.nodeLimit) nodes", at: range,
                help: "aliases count with everything that they stand for")
            throw Stop()
        }
        if spent.bytes > YAMLLoader.textLimit {
            diagnostics.error(
                "too-much-text", "the texts of the document have more than \(YAMLLoader.textLimit) bytes", at: range,
                help: "aliases count with everything that they stand for")
            throw Stop()
        }
    }

    private func spent(since before: Weight) -> Weight {
        Weight(nodes: spent.nodes - before.nodes, bytes: spent.bytes - before.bytes)
    }

    private mutating func node(
        _ event: yaml_event_t, _ parser: inout yaml_parser_t, depth: Int
    ) throws(Stop) -> YAMLNode {
        let place = range(event)
        guard depth <= YAMLLoader.depthLimit else {
            diagnostics.error(
                "too-deep", "the document is nested deeper than \(YAMLLoader.depthLimit) levels", at: place)
            throw Stop()
        }
        let before = spent
        try spend(Weight(nodes: 1), at: place)
        let anchor: String
        let node: YAMLNode
        switch event.type {
        case YAML_ALIAS_EVENT:
            let name = Self.text(event.data.alias.anchor)
            guard let anchor = anchors[name] else {
                diagnostics.error(
                    "alias", "alias '*\(name)' has no anchor before it", at: place,
                    help: SpellingSuggestion.of(name, among: anchors.keys.sorted(), budget: 200_000).map {
                        "did you mean '*\($0)'?"
                    }
                        ?? "a text that begins with '*' needs quotes")
                throw Stop()
            }
            try spend(anchor.weight, at: place)
            return anchor.node
        case YAML_SCALAR_EVENT:
            anchor = Self.text(event.data.scalar.anchor)
            node = try scalar(event, place: place)
        case YAML_SEQUENCE_START_EVENT:
            anchor = Self.text(event.data.sequence_start.anchor)
            let tag = Self.text(event.data.sequence_start.tag)
            checkTag(tag, standard: "tag:yaml.org,2002:seq", at: place)
            var items: [YAMLNode] = []
            var end = place
            var last: SourceRange?
            while true {
                var inner = try next(&parser)
                defer { yaml_event_delete(&inner) }
                if inner.type == YAML_SEQUENCE_END_EVENT {
                    end = range(inner)
                    break
                }
                items.append(try self.node(inner, &parser, depth: depth + 1))
                last = written(inner, items.last?.range)
            }
            node = YAMLNode(
                content: .sequence(items), range: spanning(place, end, last),
                replaces: tag == Self.replaceTag)
        default:
            anchor = Self.text(event.data.mapping_start.anchor)
            let tag = Self.text(event.data.mapping_start.tag)
            checkTag(tag, standard: "tag:yaml.org,2002:map", at: place)
            let (pairs, end, last) = try pairs(&parser, depth: depth, place: place)
            node = YAMLNode(
                content: .mapping(pairs), range: spanning(place, end, last),
                replaces: tag == Self.replaceTag)
        }
        if !anchor.isEmpty { anchors[anchor] = (node, spent(since: before)) }
        return node
    }

    private mutating func pairs(
        _ parser: inout yaml_parser_t, depth: Int, place: SourceRange
    ) throws(Stop) -> (pairs: [YAMLNode.Pair], end: SourceRange, last: SourceRange?) {
        var pairs: [YAMLNode.Pair] = []
        var last: SourceRange?
        var first: [String: SourceRange?] = [:]
        while true {
            var keyEvent = try next(&parser)
            defer { yaml_event_delete(&keyEvent) }
            if keyEvent.type == YAML_MAPPING_END_EVENT { return (pairs, range(keyEvent), last) }
            let key = try node(keyEvent, &parser, depth: depth + 1)
            var valueEvent = try next(&parser)
            defer { yaml_event_delete(&valueEvent) }
            let value = try node(valueEvent, &parser, depth: depth + 1)
            last = written(valueEvent, value.range)
            guard let name = key.scalarText else {
                diagnostics.error(
                    "key", "\(key.kindName) stands where a key is expected", at: key.range,
                    help: "a value in braces or brackets needs quotes")
                continue
            }
            if name == "<<", case .scalar(_, .plain) = key.content {
                diagnostics.error(
                    "merge-key", "merge keys are not understood", at: key.range,
                    help: "write the keys out, or include a file that holds them")
                continue
            }
            if let earlier = first[name] {
                diagnostics.error(
                    "duplicate-key", "key '\(DisplayText.shortened(name))' stands twice in one mapping",
                    at: key.range, notes: earlier.map { ["it stands in \($0.place) already"] } ?? [],
                    help: "keep one of them")
                continue
            }
            first[name] = .some(key.range)
            pairs.append(YAMLNode.Pair(key: key, value: value))
        }
    }

    private mutating func scalar(
        _ event: yaml_event_t, place: SourceRange
    ) throws(Stop) -> YAMLNode {
        let scalar = event.data.scalar
        try spend(Weight(bytes: scalar.length), at: place)
        var style: YAMLNode.Style
        switch scalar.style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE: style = .quoted
        case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: style = .block
        default: style = .plain
        }
        let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        var exact = place
        // Escapes and folds make the text shorter than what is written; then columns cannot be told.
        if place.line == place.endLine {
            let written = place.endColumn - place.column
            let length = text.unicodeScalars.count
            if style == .plain, written == length { exact.textStart = 0 }
            if style == .quoted, written == length + 2 { exact.textStart = 1 }
        }
        let tag = Self.text(scalar.tag)
        checkTag(tag, standard: "tag:yaml.org,2002:str", at: place)
        // '!!str null' is the text "null", not the absence of a value.
        if style == .plain, tag == "!" || tag == "tag:yaml.org,2002:str" { style = .quoted }
        return YAMLNode(
            content: .scalar(text: text, style: style), range: exact, replaces: tag == Self.replaceTag)
    }

    private static let replaceTag = "!replace"

    /// Types come from the specification, so a tag that asks for another one must not pass unheard.
    private mutating func checkTag(_ tag: String, standard: String, at place: SourceRange) {
        guard !["", "!", Self.replaceTag, standard].contains(tag) else { return }
        let standardPrefix = "tag:yaml.org,2002:"
        let shown = tag.hasPrefix(standardPrefix) ? "!!" + tag.dropFirst(standardPrefix.count) : tag
        diagnostics.error(
            "tag", "tag '\(DisplayText.shortened(shown))' is not understood here", at: place,
            help: "'!replace' is; a text that begins with '!' needs quotes")
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }

    private func range(_ event: yaml_event_t) -> SourceRange {
        let (start, end) = (place(event.start_mark), place(event.end_mark))
        return SourceRange(
            source: source, line: start.line, column: start.column, endLine: end.line, endColumn: end.column)
    }

    /// libyaml counts a line behind a comment that the file ends in, where there is none.
    private func place(_ mark: yaml_mark_t) -> (line: Int, column: Int) {
        let line = Int(mark.line) + 1
        guard line > source.lineCount else { return (line, Int(mark.column) + 1) }
        return (source.lineCount, source.line(source.lineCount).unicodeScalars.count + 1)
    }

    /// Where a value stands: an alias has the range of what it stands for, which is somewhere before it.
    private func written(_ event: yaml_event_t, _ found: SourceRange?) -> SourceRange? {
        event.type == YAML_ALIAS_EVENT ? range(event) : found
    }

    /// libyaml ends a block collection where the next thing begins; we end it behind its last value.
    private func spanning(_ start: SourceRange, _ end: SourceRange, _ last: SourceRange?) -> SourceRange {
        var range = start
        let closing = end.endLine > end.line || end.endColumn > end.column ? end : last ?? end
        range.endLine = closing.endLine
        range.endColumn = closing.endColumn
        return range
    }
}
