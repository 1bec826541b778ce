import CYAML

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
                at: point(source, line, 1), help: "take the directives out")
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
