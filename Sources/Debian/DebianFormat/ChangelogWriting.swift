import Platform

extension ChangelogEntry {
    /// The last column of a line, as lintian wants it.
    private static let width = 80

    /// An entry as dch(1) writes it: each change behind a star and folded, the lines below its first one indented.
    ///
    /// - Parameters:
    ///   - changes: texts of one or more lines; control characters in them are left out, and so are blank ones.
    ///   - timestamp: seconds since 1970-01-01T00:00:00Z, not negative; the entry has them in UTC.
    public init(
        package: String, version: DebianVersion, distributions: [String], urgency: String, changes: [String],
        maintainer: Maintainer, timestamp: Int64
    ) {
        self.init(
            package: package, version: version, distributions: distributions,
            metadata: [Metadata(keyword: "urgency", value: urgency)], changes: changes.flatMap(Self.lines),
            maintainer: maintainer.description, date: MailDate.text(timestamp), timestamp: timestamp,
            isWeekdayRight: true)
    }

    /// The lines of a change without the two blanks that an entry has before each.
    private static func lines(of change: String) -> [String] {
        var lines: [String] = []
        for text in change.utf8.split(whereSeparator: { $0 == Ascii.newline || $0 == UInt8(ascii: "\r") }) {
            var line = lines.isEmpty ? "*" : " "
            for word in words(of: text) {
                // The two blanks before the line count, and so does the one before the word.
                if line.count + word.count + 3 > width, line.count > 1 {
                    lines.append(line)
                    line = " "
                }
                line += " " + word
            }
            if line.count > 1 { lines.append(line) }
        }
        return lines
    }

    private static func words(of line: Substring.UTF8View) -> [String] {
        String(Substring(line)).unicodeScalars
            .split { $0.properties.isWhitespace }
            .map { word in String(String.UnicodeScalarView(word.filter { DisplayText.isShown($0) })) }
            .filter { !$0.isEmpty }
    }
}

extension Changelog {
    /// The entries as a file, the newest first.
    public static func text(_ entries: [ChangelogEntry]) -> String {
        entries.sorted { $0.version > $1.version }.map(\.description).joined(separator: "\n")
    }
}
