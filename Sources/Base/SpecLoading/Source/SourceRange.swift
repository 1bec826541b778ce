/// A stretch of a ``SourceText``; lines and columns count from 1, columns in characters (Unicode scalars).
public struct SourceRange: Sendable, Hashable {
    /// The file.
    public let source: SourceText
    /// First line.
    public var line: Int
    /// First column.
    public var column: Int
    /// The line behind the last character.
    public var endLine: Int
    /// The column behind the last character.
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

    /// The part from a character of the value's text on, where that can be told.
    public func narrowed(to offset: Int) -> SourceRange {
        guard let textStart, line == endLine, offset >= 0,
            column + textStart + offset < endColumn || offset == 0
        else { return self }
        var copy = self
        copy.column = column + textStart + offset
        copy.textStart = nil
        return copy
    }

    /// Some characters of the value's text, where that can be told.
    public func narrowed(to offset: Int, length: Int) -> SourceRange {
        var copy = narrowed(to: offset)
        if copy.column != column || copy.textStart != textStart {
            copy.endColumn = min(copy.endColumn, copy.column + max(1, length))
        }
        return copy
    }

    /// The part from a byte of the value's text on, where that can be told: for parsers that count in UTF-8.
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

    /// Two ranges are equal when they are the same stretch of the same file.
    public static func == (left: SourceRange, right: SourceRange) -> Bool {
        left.source === right.source && left.line == right.line && left.column == right.column
            && left.endLine == right.endLine && left.endColumn == right.endColumn
    }

    /// Feeds the place into a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(source))
        hasher.combine(line)
        hasher.combine(column)
    }
}

/// A value with the place where the user wrote it.
public struct Located<Value> {
    /// The value.
    public var value: Value
    /// Where it stands; nil for one that no file has.
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
