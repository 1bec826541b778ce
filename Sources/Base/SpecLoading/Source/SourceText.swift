/// A file that the user wrote, kept to show its lines in diagnostics.
public final class SourceText: Sendable {
    /// The path as it is shown to the user.
    public let path: String
    /// The bytes of the file.
    public let bytes: [UInt8]
    /// Bytes of a byte order mark, which is no part of the first line.
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

    /// Lines end where they do for YAML 1.1 (section 5.4), or places that libyaml tells would be off: behind a line
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

    /// The character at a line and column, both from 1; nil behind the end of the line.
    func character(line: Int, column: Int) -> Unicode.Scalar? {
        guard column >= 1 else { return nil }
        return self.line(line).unicodeScalars.dropFirst(column - 1).first
    }
}
