import Platform

/// Reads TOML 1.0 as the same tree that YAML is read as, each key and value with its place.
///
/// Numbers, booleans and dates are scalars with their text, as in YAML; what a document may be is bounded like there.
public enum TOMLLoader {
    /// The document, a mapping, or nil after a diagnostic.
    public static func load(_ source: SourceText, diagnostics: inout Diagnostics) -> YAMLNode? {
        guard source.bytes.count <= YAMLLoader.fileLimit, String(validating: source.bytes, as: UTF8.self) != nil else {
            diagnostics.error(
                "toml", "the file '\(source.path)' is not UTF-8 or has more than \(YAMLLoader.fileLimit) bytes", at: nil
            )
            return nil
        }
        var parser = TOMLParser(source)
        do throws(TOMLParser.Fault) {
            return try parser.document()
        } catch {
            diagnostics.error(
                "toml", error.message, at: parser.range(from: min(error.offset, source.bytes.count)),
                help: "see https://toml.io/en/v1.0.0")
            return nil
        }
    }
}

/// One pass over a document.
private struct TOMLParser {
    struct Fault: Error {
        var message: String
        var offset: Int
    }

    /// A table that is still open for more keys.
    private final class Table {
        var pairs: [(key: YAMLNode, value: Value)] = []
        /// Whether a header or an inline table has said that it is this one.
        var isDefined = false
        /// Whether nothing may be added: it was written as `{…}`.
        var isClosed = false
        var offset = 0

        subscript(name: String) -> Value? { pairs.first { $0.key.scalarText == name }?.value }
    }

    /// A list of tables that `[[…]]` appends to.
    private final class Tables {
        var items: [Table] = []
    }

    private enum Value {
        case table(Table)
        case tables(Tables)
        case node(YAMLNode)
    }

    private let source: SourceText
    private let bytes: [UInt8]
    private var position: Int
    private var nodes = 0

    init(_ source: SourceText) {
        self.source = source
        bytes = source.bytes
        position = source.markLength
    }

    mutating func document() throws(Fault) -> YAMLNode {
        let root = Table()
        var current = root
        while true {
            skip(newlines: true)
            guard let byte = peek else { break }
            if byte == UInt8(ascii: "[") {
                current = try header(root)
            } else {
                try pair(into: current)
            }
            skip(newlines: false)
            if let next = peek, next != 0x0a, next != 0x0d { throw fault("expected the end of the line") }
        }
        return node(of: root)
    }

    // MARK: - tables

    private mutating func header(_ root: Table) throws(Fault) -> Table {
        let start = position
        position += 1
        let isList = peek == UInt8(ascii: "[")
        if isList { position += 1 }
        let path = try keys()
        for _ in 0..<(isList ? 2 : 1) { try expect("]") }
        guard let last = path.last else { throw fault("expected a key") }
        let parent = try descend(path.dropLast(), from: root)
        let name = last.scalarText ?? ""
        let table = Table()
        table.offset = start
        table.isDefined = true
        switch parent[name] {
        case nil:
            if isList {
                let tables = Tables()
                tables.items = [table]
                parent.pairs.append((last, .tables(tables)))
            } else {
                parent.pairs.append((last, .table(table)))
            }
        case .tables(let tables)? where isList: tables.items.append(table)
        case .table(let present)? where !isList && !present.isDefined:
            present.isDefined = true
            return present
        default: throw Fault(message: "'\(DisplayText.inline(name))' is there twice", offset: start)
        }
        return table
    }

    private mutating func descend(_ path: ArraySlice<YAMLNode>, from table: Table) throws(Fault) -> Table {
        var table = table
        for key in path {
            let name = key.scalarText ?? ""
            switch table[name] {
            case nil:
                let next = Table()
                next.offset = position
                table.pairs.append((key, .table(next)))
                table = next
            case .table(let next)? where !next.isClosed: table = next
            case .tables(let list)?: table = list.items.last ?? table
            default: throw fault("'\(DisplayText.inline(name))' is not a table that keys can be added to")
            }
        }
        return table
    }

    private mutating func pair(into table: Table, depth: Int = 0) throws(Fault) {
        let start = position
        let path = try keys()
        try expect("=")
        skip(newlines: false)
        let value = try self.value(depth: depth)
        guard let last = path.last else { throw fault("expected a key") }
        let parent = try descend(path.dropLast(), from: table)
        let name = last.scalarText ?? ""
        guard parent[name] == nil else {
            throw Fault(message: "'\(DisplayText.inline(name))' is there twice", offset: start)
        }
        parent.pairs.append((last, value))
    }

    /// `a.b."c d"`.
    private mutating func keys() throws(Fault) -> [YAMLNode] {
        var result: [YAMLNode] = []
        while true {
            skip(newlines: false)
            let start = position
            let text: String
            if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") {
                text = try string(allowsLines: false)
            } else {
                while let byte = peek,
                    Ascii.isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                {
                    position += 1
                }
                guard position > start else { throw fault("expected a key") }
                text = String(decoding: bytes[start..<position], as: UTF8.self)
            }
            result.append(scalar(text, .plain, from: start))
            guard result.count <= YAMLLoader.depthLimit else { throw fault("the keys are nested too deeply") }
            skip(newlines: false)
            guard peek == UInt8(ascii: ".") else { return result }
            position += 1
        }
    }

    // MARK: - values

    private mutating func value(depth: Int) throws(Fault) -> Value {
        guard depth < YAMLLoader.depthLimit else { throw fault("the values are nested too deeply") }
        nodes += 1
        guard nodes <= YAMLLoader.nodeLimit else { throw fault("the file has too many values") }
        let start = position
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            return .node(scalar(try string(allowsLines: true), .quoted, from: start))
        case UInt8(ascii: "["):
            position += 1
            var items: [YAMLNode] = []
            while true {
                skip(newlines: true)
                if peek == UInt8(ascii: "]") { break }
                items.append(node(of: try value(depth: depth + 1), from: start))
                skip(newlines: true)
                if peek == UInt8(ascii: ",") {
                    position += 1
                } else if peek != UInt8(ascii: "]") {
                    throw fault("expected ',' or ']'")
                }
            }
            position += 1
            return .node(YAMLNode(content: .sequence(items), range: range(from: start)))
        case UInt8(ascii: "{"):
            position += 1
            let table = Table()
            table.offset = start
            while true {
                skip(newlines: false)
                if peek == UInt8(ascii: "}") { break }
                try pair(into: table, depth: depth + 1)
                skip(newlines: false)
                if peek == UInt8(ascii: ",") {
                    position += 1
                } else if peek != UInt8(ascii: "}") {
                    throw fault("expected ',' or '}'")
                }
            }
            position += 1
            table.isDefined = true
            table.isClosed = true
            return .table(table)
        default:
            while let byte = peek, Ascii.isAlphanumeric(byte) || "+-._:".utf8.contains(byte) { position += 1 }
            // A date and a time may have a blank between them.
            guard position > start else { throw fault("expected a value") }
            return .node(scalar(String(decoding: bytes[start..<position], as: UTF8.self), .plain, from: start))
        }
    }

    private mutating func string(allowsLines: Bool) throws(Fault) -> String {
        let start = position
        guard let mark = peek else { throw fault("expected a string") }
        let isLong = allowsLines && bytes[position...].prefix(3).elementsEqual([mark, mark, mark])
        position += isLong ? 3 : 1
        if isLong {
            if peek == 0x0d { position += 1 }
            if peek == 0x0a { position += 1 }
        }
        var result: [UInt8] = []
        while let byte = peek {
            if byte == mark, !isLong || bytes[position...].prefix(3).elementsEqual([mark, mark, mark]) {
                position += isLong ? 3 : 1
                // Up to two quotes may stand before the closing three.
                while isLong, peek == mark {
                    result.append(mark)
                    position += 1
                }
                return String(decoding: result, as: UTF8.self)
            }
            if byte == 0x0a, !isLong { break }
            position += 1
            if byte == UInt8(ascii: "\\"), mark == UInt8(ascii: "\"") {
                result += try escape(isLong: isLong)
            } else {
                result.append(byte)
            }
        }
        throw Fault(message: "the string does not end", offset: start)
    }

    private mutating func escape(isLong: Bool) throws(Fault) -> [UInt8] {
        guard let byte = peek else { throw fault("the string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): return [byte]
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let count = byte == UInt8(ascii: "u") ? 4 : 8
            let digits = bytes[position...].prefix(count)
            guard digits.count == count, digits.allSatisfy(Ascii.isHexadecimal),
                let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
                let scalar = Unicode.Scalar(value)
            else { throw fault("expected \(count) hexadecimal digits of a character") }
            position += count
            return Array(String(Character(scalar)).utf8)
        case 0x0a, 0x0d, 0x20, 0x09:
            // A backslash at the end of a line takes the line end and the blanks after it away.
            guard isLong else { throw fault("unknown escape") }
            while let next = peek, Ascii.isBlank(next) { position += 1 }
            return []
        default: throw fault("unknown escape")
        }
    }

    // MARK: - helpers

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skip(newlines: Bool) {
        while let byte = peek {
            if byte == UInt8(ascii: "#") {
                while let next = peek, next != 0x0a { _ = next; position += 1 }
            } else if Ascii.isHorizontalBlank(byte) || (newlines && (byte == 0x0a || byte == 0x0d)) {
                position += 1
            } else {
                return
            }
        }
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(Fault) {
        skip(newlines: false)
        guard peek == UInt8(ascii: character) else { throw fault("expected '\(character)'") }
        position += 1
    }

    private func fault(_ message: String) -> Fault { Fault(message: message, offset: position) }

    private func scalar(_ text: String, _ style: YAMLNode.Style, from start: Int) -> YAMLNode {
        YAMLNode(content: .scalar(text: text, style: style), range: range(from: start))
    }

    func range(from start: Int) -> SourceRange {
        let from = source.position(ofByte: start)
        let to = source.position(ofByte: max(start + 1, min(position, bytes.count)))
        return SourceRange(
            source: source, line: from.line, column: from.column, endLine: to.line, endColumn: to.column)
    }

    private func node(of value: Value, from start: Int) -> YAMLNode {
        switch value {
        case .node(let node): node
        case .table(let table): node(of: table)
        case .tables(let tables):
            YAMLNode(content: .sequence(tables.items.map { node(of: $0) }), range: range(from: start))
        }
    }

    private func node(of table: Table) -> YAMLNode {
        let pairs = table.pairs.map { YAMLNode.Pair(key: $0.key, value: node(of: $0.value, from: table.offset)) }
        return YAMLNode(content: .mapping(pairs), range: range(from: table.offset))
    }
}
