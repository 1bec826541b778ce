import Platform

/// The `conffiles` control file (deb-conffiles(5)).
public struct Conffiles: Hashable, Sendable {
    /// One line.
    public struct Entry: Hashable, Sendable {
        /// The absolute path.
        public var path: String
        /// Whether dpkg removes the file on upgrade; it must not be in the package then.
        public var removeOnUpgrade: Bool

        /// Creates a line.
        public init(path: String, removeOnUpgrade: Bool) {
            self.path = path
            self.removeOnUpgrade = removeOnUpgrade
        }
    }

    /// The lines.
    public var entries: [Entry]

    /// Creates the file from its lines.
    public init(entries: [Entry]) { self.entries = entries }

    /// Longer lines are cut by dpkg-deb(1).
    private static let longestLine = 9_998

    /// Reads the file by dpkg-deb's rules; a repeated path, of which it only warns, and blanks at the end of a path,
    /// with which it looks for another file, are refused.
    public init(parsing text: String) throws(FormatError) {
        entries = []
        var seen: Set<[UInt8]> = []
        for line in Lines(text) {
            func fault(_ expected: String, _ offset: Int) -> FormatError {
                FormatError(
                    subject: "conffiles line", found: line.text, expected: expected, offset: offset,
                    source: "deb-conffiles(5)")
            }
            guard line.isEnded else { throw fault("a newline at the end", line.end) }
            guard let first = line.bytes.first else { throw fault("no empty line", line.start) }
            guard !Ascii.isBlank(first) else { throw fault("no blank in front", line.start) }
            let trimmed = Ascii.trimmedAtEnd(line.bytes)
            if let null = line.bytes.firstIndex(of: 0) { throw fault("no NUL bytes", null) }
            guard line.bytes.count <= Self.longestLine else {
                throw fault("\(Self.longestLine) bytes at the most", line.start + Self.longestLine)
            }
            var path = line.bytes
            if first != UInt8(ascii: "/") {
                let flag = line.bytes.prefix { $0 != Ascii.space }
                guard flag.count < line.bytes.count else {
                    throw fault("an absolute path, or 'remove-on-upgrade' before it", line.start)
                }
                guard flag.elementsEqual("remove-on-upgrade".utf8) else {
                    throw fault("no flag but 'remove-on-upgrade'", line.start)
                }
                path = line.bytes[(flag.endIndex + 1)...]
                guard path.first == UInt8(ascii: "/") else {
                    throw fault("an absolute path behind 'remove-on-upgrade' and one space", path.startIndex)
                }
            }
            guard trimmed.endIndex == line.end else { throw fault("no blank at the end", trimmed.endIndex) }
            guard seen.insert(Array(path)).inserted else { throw fault("each path once", path.startIndex) }
            entries.append(Entry(path: Ascii.text(path), removeOnUpgrade: first != UInt8(ascii: "/")))
        }
    }

    /// The file.
    public var text: String {
        entries.map { ($0.removeOnUpgrade ? "remove-on-upgrade " : "") + $0.path + "\n" }.joined()
    }
}
