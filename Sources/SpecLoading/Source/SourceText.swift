/// A file that the user wrote, kept to show its lines in diagnostics.
public final class SourceText: Sendable {
    /// The path as it is shown to the user.
    public let path: String
    /// The bytes of the file.
    public let bytes: [UInt8]
    private let lineStarts: [Int]

    /// Keeps a file's bytes.
    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
        var starts = [0]
        for (index, byte) in bytes.enumerated() where byte == 0x0a { starts.append(index + 1) }
        lineStarts = starts
    }

    /// The text of a line, counted from 1, without its end; bytes that are not UTF-8 become replacement characters.
    public func line(_ number: Int) -> String {
        guard number >= 1, number <= lineStarts.count else { return "" }
        let start = lineStarts[number - 1]
        var end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
        if end > start, bytes[end - 1] == 0x0d { end -= 1 }
        return String(decoding: bytes[start..<max(start, end)], as: UTF8.self)
    }

    /// The line and column, both from 1, of a byte.
    public func position(ofByte offset: Int) -> (line: Int, column: Int) {
        var low = 0
        var high = lineStarts.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle - 1 }
        }
        let before = bytes[lineStarts[low]..<min(max(offset, lineStarts[low]), bytes.count)]
        return (low + 1, String(decoding: before, as: UTF8.self).unicodeScalars.count + 1)
    }
}

/// A stretch of a ``SourceText``; lines and columns count from 1, columns in characters.
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
        guard let textStart, line == endLine, column + textStart + offset < endColumn || offset == 0 else {
            return self
        }
        var copy = self
        copy.column = column + textStart + offset
        copy.textStart = nil
        return copy
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
