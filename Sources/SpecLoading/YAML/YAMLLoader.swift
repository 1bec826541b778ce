import CYAML

/// Reads one YAML document with the place of every node (YAML 1.1 as libyaml parses it, without merge keys).
public enum YAMLLoader {
    /// The deepest nesting.
    static let depthLimit = 64
    /// Nodes after aliases have been put in, so that a few lines cannot stand for millions.
    static let nodeLimit = 100_000

    /// The document, or nil after a diagnostic. Duplicate keys are all reported, and the first value of each is kept.
    public static func load(_ source: SourceText, diagnostics: inout Diagnostics) -> YAMLNode? {
        guard String(validating: source.bytes, as: UTF8.self) != nil else {
            let (line, column) = source.position(ofByte: invalidByte(source.bytes))
            diagnostics.error(
                "utf-8", "the file is not UTF-8", at: point(source, line, column), help: "save it as UTF-8")
            return nil
        }
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            diagnostics.error("yaml", "libyaml has not enough memory", at: nil)
            return nil
        }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        return source.bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            var builder = TreeBuilder(source: source)
            let node = builder.document(&parser)
            for item in builder.diagnostics.all {
                diagnostics.error(item.code, item.message, at: item.range, notes: item.notes, help: item.help)
            }
            return node
        }
    }

    static func point(_ source: SourceText, _ line: Int, _ column: Int) -> SourceRange {
        SourceRange(source: source, line: line, column: column, endLine: line, endColumn: column + 1)
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

/// Turns events into nodes.
private struct TreeBuilder {
    let source: SourceText
    var diagnostics = Diagnostics()
    private var anchors: [String: (node: YAMLNode, weight: Int)] = [:]
    private var nodeCount = 0

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
            report(parser)
            throw Stop()
        }
        return event
    }

    private mutating func report(_ parser: yaml_parser_t) {
        var line = Int(parser.problem_mark.line) + 1
        var column = Int(parser.problem_mark.column) + 1
        if parser.error == YAML_READER_ERROR {
            (line, column) = source.position(ofByte: Int(parser.problem_offset))
        }
        let text = source.line(line)
        // Decided from the user's text: a tab where blanks are counted is the most common mistake.
        if let tab = text.unicodeScalars.prefix(while: { $0 == " " || $0 == "\t" }).firstIndex(of: "\t") {
            let place = text.unicodeScalars.distance(from: text.unicodeScalars.startIndex, to: tab) + 1
            diagnostics.error(
                "tab", "the line is indented with a tab", at: YAMLLoader.point(source, line, place),
                help: "YAML counts blanks: replace the tab by blanks")
            return
        }
        let problem = parser.problem.map { String(cString: $0) } ?? "the document ends too early"
        var notes: [String] = []
        if let context = parser.context {
            notes.append(
                "\(String(cString: context)) that begins in line \(parser.context_mark.line + 1), column "
                    + "\(parser.context_mark.column + 1)")
        }
        diagnostics.error(
            "yaml", problem, at: YAMLLoader.point(source, line, column), notes: notes,
            help: "check indentation, colons and quotes here and in the lines above")
    }

    private mutating func count(_ nodes: Int, at range: SourceRange?) throws(Stop) {
        nodeCount += nodes
        if nodeCount > YAMLLoader.nodeLimit {
            diagnostics.error(
                "too-many-nodes", "the document has more than \(YAMLLoader.nodeLimit) nodes", at: range,
                help: "aliases count with everything that they stand for")
            throw Stop()
        }
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
        let before = nodeCount
        try count(1, at: place)
        switch event.type {
        case YAML_ALIAS_EVENT:
            let name = Self.text(event.data.alias.anchor)
            guard let anchor = anchors[name] else {
                diagnostics.error(
                    "alias", "alias '*\(name)' has no anchor before it", at: place,
                    help: NearestMatch.of(name, among: anchors.keys.sorted()).map { "did you mean '*\($0)'?" })
                throw Stop()
            }
            try count(anchor.weight, at: place)
            return anchor.node
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let style: YAMLNode.Style
            switch scalar.style {
            case YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE: style = .quoted
            case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: style = .block
            default: style = .plain
            }
            let text = String(decoding: bytes, as: UTF8.self)
            var exact = place
            // Escapes and folds make the text shorter than what is written; then columns cannot be told.
            let written = place.endColumn - place.column
            let length = text.unicodeScalars.count
            if place.line == place.endLine {
                if style == .plain, written == length { exact.textStart = 0 }
                if style == .quoted, written == length + 2 { exact.textStart = 1 }
            }
            let node = YAMLNode(content: .scalar(text: text, style: style), range: exact)
            remember(scalar.anchor, node, weight: 0)
            return node
        case YAML_SEQUENCE_START_EVENT:
            let anchor = Self.text(event.data.sequence_start.anchor)
            let tag = Self.text(event.data.sequence_start.tag)
            var items: [YAMLNode] = []
            var end = place
            while true {
                var inner = try next(&parser)
                defer { yaml_event_delete(&inner) }
                if inner.type == YAML_SEQUENCE_END_EVENT {
                    end = range(inner)
                    break
                }
                items.append(try self.node(inner, &parser, depth: depth + 1))
            }
            let node = YAMLNode(
                content: .sequence(items), range: spanning(place, end, items.last?.range), replaces: tag == "!replace")
            remember(anchor, node, weight: nodeCount - before)
            return node
        default:
            return try mapping(event, &parser, depth: depth, place: place, before: before)
        }
    }

    private mutating func mapping(
        _ event: yaml_event_t, _ parser: inout yaml_parser_t, depth: Int, place: SourceRange, before: Int
    ) throws(Stop) -> YAMLNode {
        let anchor = Self.text(event.data.mapping_start.anchor)
        let tag = Self.text(event.data.mapping_start.tag)
        var pairs: [YAMLNode.Pair] = []
        var first: [String: SourceRange?] = [:]
        var end = place
        while true {
            var keyEvent = try next(&parser)
            defer { yaml_event_delete(&keyEvent) }
            if keyEvent.type == YAML_MAPPING_END_EVENT {
                end = range(keyEvent)
                break
            }
            let key = try node(keyEvent, &parser, depth: depth + 1)
            var valueEvent = try next(&parser)
            defer { yaml_event_delete(&valueEvent) }
            let value = try node(valueEvent, &parser, depth: depth + 1)
            guard let name = key.scalarText else {
                diagnostics.error(
                    "key", "\(key.kindName) stands where a key is expected", at: key.range,
                    help: "a value in braces or brackets needs quotes")
                continue
            }
            if name == "<<", case .scalar(_, .plain) = key.content {
                diagnostics.error(
                    "merge-key", "merge keys are not understood", at: key.range,
                    help: "use 'include', 'defaults' or 'overrides'")
                continue
            }
            if let earlier = first[name] {
                diagnostics.error(
                    "duplicate-key", "key '\(name)' stands twice in one mapping", at: key.range,
                    notes: earlier.map { ["it stands in \($0.place) already"] } ?? [], help: "keep one of them")
                continue
            }
            first[name] = .some(key.range)
            pairs.append(YAMLNode.Pair(key: key, value: value))
        }
        let node = YAMLNode(
            content: .mapping(pairs), range: spanning(place, end, pairs.last?.value.range),
            replaces: tag == "!replace")
        remember(anchor, node, weight: nodeCount - before)
        return node
    }

    private mutating func remember(_ anchor: UnsafeMutablePointer<yaml_char_t>?, _ node: YAMLNode, weight: Int) {
        remember(Self.text(anchor), node, weight: weight)
    }

    private mutating func remember(_ anchor: String, _ node: YAMLNode, weight: Int) {
        if !anchor.isEmpty { anchors[anchor] = (node, weight) }
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }

    private func range(_ event: yaml_event_t) -> SourceRange {
        SourceRange(
            source: source, line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1,
            endLine: Int(event.end_mark.line) + 1, endColumn: Int(event.end_mark.column) + 1)
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
