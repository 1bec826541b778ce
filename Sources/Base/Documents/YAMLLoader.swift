import CYAML
import Platform

/// Reads one YAML document with the place of every node (YAML 1.1 as libyaml parses it, without merge keys).
public enum YAMLLoader {
    /// The deepest nesting.
    static let depthLimit = 64
    /// Nodes after aliases have been put in, so that a few lines cannot stand for millions.
    static let nodeLimit = 100_000
    /// Bytes of all scalars after aliases have been put in.
    static let textLimit = 32 << 20
    /// Bytes of a file.
    static let fileLimit = 8 << 20
    /// Lines that begin with `%`; libyaml compares each directive with all before it.
    static let directiveLimit = 1000

    /// The document, or nil after a diagnostic. Duplicate keys are all reported, and the first value of each is kept.
    public static func load(_ source: SourceText, diagnostics: inout Diagnostics) -> YAMLNode? {
        guard source.bytes.count <= fileLimit else {
            diagnostics.error(
                "file-too-large",
                "the file '\(source.path)' has \(source.bytes.count) bytes (must be <=\(fileLimit))", at: nil)
            return nil
        }
        guard String(validating: source.bytes, as: UTF8.self) != nil else {
            let (line, column) = source.position(ofByte: invalidByte(source.bytes))
            let isUTF16 = source.bytes.starts(with: [0xff, 0xfe]) || source.bytes.starts(with: [0xfe, 0xff])
            diagnostics.error(
                "utf-8", isUTF16 ? "the file is UTF-16, not UTF-8" : "the file is not UTF-8",
                at: point(source, line, column), help: "save it as UTF-8")
            return nil
        }
        if let line = surplusDirective(source) {
            diagnostics.error(
                "yaml", "the file has more than \(directiveLimit) lines that begin with '%'",
                at: point(source, line, 1), help: "remove the directives")
            return nil
        }
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            diagnostics.error("yaml", "libyaml has not enough memory", at: nil)
            return nil
        }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        // libyaml would count a byte order mark as the first column.
        return source.bytes.dropFirst(source.markLength).withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            var builder = TreeBuilder(source: source)
            let node = builder.document(&parser)
            diagnostics.append(builder.diagnostics)
            return node
        }
    }

    /// One character.
    static func point(_ source: SourceText, _ line: Int, _ column: Int) -> SourceRange {
        SourceRange(source: source, line: line, column: column, endLine: line, endColumn: column + 1)
    }

    private static func surplusDirective(_ source: SourceText) -> Int? {
        var count = 0
        var previous: UInt8 = 0x0a
        for (offset, byte) in source.bytes.enumerated() {
            if byte == UInt8(ascii: "%"), previous == 0x0a || previous == 0x0d {
                count += 1
                if count > directiveLimit { return source.position(ofByte: offset).line }
            }
            previous = byte
        }
        return nil
    }

    private static func invalidByte(_ bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): offset += UTF8.width(scalar)
            case .emptyInput, .error: return offset
            }
        }
    }
}

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
                            help: "remove the '---', or put each into a file of its own")
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
                    "key", "\(key.kindName) is where a key is expected", at: key.range,
                    help: "a value in braces or brackets needs quotes")
                continue
            }
            if name == "<<", case .scalar(_, .plain) = key.content {
                diagnostics.error(
                    "merge-key", "merge keys are not supported", at: key.range,
                    help: "write the keys out, or include a file that holds them")
                continue
            }
            if let earlier = first[name] {
                diagnostics.error(
                    "duplicate-key", "key '\(DisplayText.shortened(name))' is in this mapping twice",
                    at: key.range, notes: earlier.map { ["the first one is at \($0.place)"] } ?? [],
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

    /// Types come from the specification, so a tag that asks for another one must not go unnoticed.
    private mutating func checkTag(_ tag: String, standard: String, at place: SourceRange) {
        guard !["", "!", Self.replaceTag, standard].contains(tag) else { return }
        let standardPrefix = "tag:yaml.org,2002:"
        let shown = tag.hasPrefix(standardPrefix) ? "!!" + tag.dropFirst(standardPrefix.count) : tag
        diagnostics.error(
            "tag", "tag '\(DisplayText.shortened(shown))' is not supported", at: place,
            help: "only '!replace' is; a text that begins with '!' needs quotes")
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }

    private func range(_ event: yaml_event_t) -> SourceRange {
        let (start, end) = (place(event.start_mark), place(event.end_mark))
        return SourceRange(
            source: source, line: start.line, column: start.column, endLine: end.line, endColumn: end.column)
    }

    /// libyaml counts a line after a comment that the file ends in, where there is none.
    private func place(_ mark: yaml_mark_t) -> (line: Int, column: Int) {
        let line = Int(mark.line) + 1
        guard line > source.lineCount else { return (line, Int(mark.column) + 1) }
        return (source.lineCount, source.line(source.lineCount).unicodeScalars.count + 1)
    }

    /// Where a value is: an alias has the range of what it stands for, which is somewhere before it.
    private func written(_ event: yaml_event_t, _ found: SourceRange?) -> SourceRange? {
        event.type == YAML_ALIAS_EVENT ? range(event) : found
    }

    /// libyaml ends a block collection where the next thing begins; we end it after its last value.
    private func spanning(_ start: SourceRange, _ end: SourceRange, _ last: SourceRange?) -> SourceRange {
        var range = start
        let closing = end.endLine > end.line || end.endColumn > end.column ? end : last ?? end
        range.endLine = closing.endLine
        range.endColumn = closing.endColumn
        return range
    }
}
