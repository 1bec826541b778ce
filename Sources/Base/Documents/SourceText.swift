/// A file that the user wrote, kept to show its lines in diagnostics.
public final class SourceText: Sendable {
    /// The path as it is shown to the user.
    public let path: String
    /// The bytes of the file.
    public let bytes: [UInt8]
    /// Bytes of a byte order mark, which is not part of the first line.
    let markLength: Int
    /// The bytes of each line without its end.
    private let lines: [Range<Int>]

    /// Keeps a file's bytes.
    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
        markLength = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
        lines = Self.lines(of: bytes, from: markLength)
    }

    /// Lines end where YAML 1.1 ends them (section 5.4), or libyaml's places would be off: after a line
    /// feed, a carriage return, both, a next line, a line separator or a paragraph separator.
    private static func lines(of bytes: [UInt8], from first: Int) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = first
        var index = first
        while index < bytes.count {
            let length: Int
            switch bytes[index] {
            case 0x0a: length = 1
            case 0x0d: length = index + 1 < bytes.count && bytes[index + 1] == 0x0a ? 2 : 1
            case 0xc2: length = index + 1 < bytes.count && bytes[index + 1] == 0x85 ? 2 : 0
            case 0xe2:
                let isSeparator =
                    index + 2 < bytes.count && bytes[index + 1] == 0x80
                    && (bytes[index + 2] == 0xa8 || bytes[index + 2] == 0xa9)
                length = isSeparator ? 3 : 0
            default: length = 0
            }
            if length > 0 {
                lines.append(start..<index)
                start = index + length
                index = start
            } else {
                index += 1
            }
        }
        lines.append(start..<bytes.count)
        return lines
    }

    /// How many lines there are; a line feed at the end begins one more.
    var lineCount: Int { lines.count }

    /// The text of a line, counted from 1, without its end; bytes that are not UTF-8 become replacement characters.
    public func line(_ number: Int) -> String {
        guard number >= 1, number <= lines.count else { return "" }
        return String(decoding: bytes[lines[number - 1]], as: UTF8.self)
    }

    /// The line and column, both from 1, of a byte.
    public func position(ofByte offset: Int) -> (line: Int, column: Int) {
        var low = 0
        var high = lines.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if lines[middle].lowerBound <= offset { low = middle } else { high = middle - 1 }
        }
        let start = lines[low].lowerBound
        let before = bytes[start..<min(max(offset, start), bytes.count)]
        return (low + 1, String(decoding: before, as: UTF8.self).unicodeScalars.count + 1)
    }

    /// The character at a line and column, both from 1; nil after the end of the line.
    func character(line: Int, column: Int) -> Unicode.Scalar? {
        guard column >= 1 else { return nil }
        return self.line(line).unicodeScalars.dropFirst(column - 1).first
    }
}

/// A stretch of a ``SourceText``; lines and columns count from 1, columns in characters (Unicode scalars).
public struct SourceRange: Sendable, Hashable {
    /// The file.
    public let source: SourceText
    /// First line.
    public var line: Int
    /// First column.
    public var column: Int
    /// The line after the last character.
    public var endLine: Int
    /// The column after the last character.
    public var endColumn: Int
    /// Characters between the beginning and the value's text (1 for a quote); nil when the text cannot be found by
    /// counting, because it was folded or a variable was put in.
    public var textStart: Int?
    /// What the text has become, when variables have been put in.
    public var expansion: String?

    /// Creates a range.
    public init(
        source: SourceText, line: Int, column: Int, endLine: Int, endColumn: Int, textStart: Int? = nil
    ) {
        self.source = source
        self.line = line
        self.column = column
        self.endLine = endLine
        self.endColumn = endColumn
        self.textStart = textStart
    }

    /// `file:line:column`.
    public var place: String { "\(source.path):\(line):\(column)" }

    /// The part from a character of the value's text on; the whole where its place is unknown.
    public func narrowed(to offset: Int) -> SourceRange {
        guard let textStart, line == endLine, offset >= 0,
            column + textStart + offset < endColumn || offset == 0
        else { return self }
        var copy = self
        copy.column = column + textStart + offset
        copy.textStart = nil
        return copy
    }

    /// Some characters of the value's text; the whole where their place is unknown.
    public func narrowed(to offset: Int, length: Int) -> SourceRange {
        var copy = narrowed(to: offset)
        if copy.column != column || copy.textStart != textStart {
            copy.endColumn = min(copy.endColumn, copy.column + max(1, length))
        }
        return copy
    }

    /// The part from a byte of the value's text on, for parsers that count in UTF-8.
    public func narrowed(toByte offset: Int, of text: String) -> SourceRange {
        let bytes = text.utf8.prefix(max(0, offset))
        return narrowed(to: String(decoding: bytes, as: UTF8.self).unicodeScalars.count)
    }

    /// Narrowed to a character of a scalar whose text cannot be found by counting, by looking for the same character
    /// in the user's text: the scalar may be folded, indented or escaped, but the n-th `$` of it is the n-th written.
    func narrowed(to offset: Int, length: Int, searching scalar: Unicode.Scalar, in text: String) -> SourceRange {
        if textStart != nil { return narrowed(to: offset, length: length) }
        // A diagnostic is not worth reading megabytes again.
        guard text.utf8.count <= 1 << 16, endLine - line <= 1 << 12 else { return self }
        let before = text.unicodeScalars.prefix(offset).count { $0 == scalar }
        let wanted = text.unicodeScalars.count { $0 == scalar }
        var found: [(line: Int, column: Int)] = []
        for number in line...max(line, endLine) {
            for (index, candidate) in source.line(number).unicodeScalars.enumerated() where candidate == scalar {
                let isInside =
                    (number > line || index + 1 >= column) && (number < endLine || index + 1 < endColumn)
                if isInside { found.append((number, index + 1)) }
            }
        }
        guard found.count == wanted, before < found.count else { return self }
        let place = found[before]
        return SourceRange(
            source: source, line: place.line, column: place.column, endLine: place.line,
            endColumn: place.column + max(1, length))
    }

    /// Two ranges are equal when they are the same stretch of the same file, which may have been read twice.
    public static func == (left: SourceRange, right: SourceRange) -> Bool {
        left.source.path == right.source.path && left.line == right.line && left.column == right.column
            && left.endLine == right.endLine && left.endColumn == right.endColumn
    }

    /// Feeds the place into a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(source.path)
        hasher.combine(line)
        hasher.combine(column)
    }
}

/// A value with the place where the user wrote it.
public struct Located<Value> {
    /// The value.
    public var value: Value
    /// Where it is; nil for one that no file has.
    public var range: SourceRange?

    /// Puts a value at a place.
    public init(value: Value, range: SourceRange?) {
        self.value = value
        self.range = range
    }
}

extension Located: Sendable where Value: Sendable {}
extension Located: Equatable where Value: Equatable {}
extension Located: Hashable where Value: Hashable {}
