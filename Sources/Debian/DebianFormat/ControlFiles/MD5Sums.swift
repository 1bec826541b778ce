import Platform

/// The `md5sums` control file (deb-md5sums(5)).
public struct MD5Sums: Hashable, Sendable {
    /// One line.
    public struct Entry: Hashable, Sendable {
        /// 32 hexadecimal digits.
        public var digest: String
        /// The path without a slash or `./` in front and without slashes at the end.
        public var path: String

        /// Creates a line.
        public init(digest: String, path: String) {
            self.digest = digest
            self.path = path
        }
    }

    /// The lines.
    public var entries: [Entry]

    /// Creates the file from its lines.
    public init(entries: [Entry]) { self.entries = entries }

    private static let digits = 32

    /// Reads the file by dpkg's rules: neither empty lines nor blanks at the end of a line nor a last line without its
    /// newline.
    public init(parsing text: String) throws(FormatError) {
        entries = []
        for line in Lines(text) {
            func fault(_ expected: String, _ offset: Int) -> FormatError {
                FormatError(
                    subject: "md5sums line", found: line.text, expected: expected, offset: offset,
                    source: "deb-md5sums(5)")
            }
            let digest = line.bytes.prefix(Self.digits)
            let wrong = digest.firstIndex { !Ascii.isHexadecimal($0) }
            guard wrong == nil, digest.count == Self.digits else {
                throw fault("\(Self.digits) hexadecimal digits, two spaces, a path", wrong ?? digest.endIndex)
            }
            let rest = line.bytes[digest.endIndex...]
            guard rest.prefix(2).elementsEqual("  ".utf8) else {
                throw fault("two spaces behind the checksum", digest.endIndex)
            }
            if let null = rest.firstIndex(of: 0) { throw fault("no NUL bytes", null) }
            let path = Self.normalised(rest.dropFirst(2))
            guard !path.isEmpty else { throw fault("a path behind the checksum", line.end) }
            // Behind slashes that are taken off, a blank would stand at the end again.
            let visible = Ascii.trimmedAtEnd(path).endIndex
            guard visible == path.endIndex else { throw fault("no blank at the end", visible) }
            guard line.isEnded else { throw fault("a newline at the end", line.end) }
            entries.append(Entry(digest: Ascii.text(digest), path: Ascii.text(path)))
        }
    }

    /// As dpkg compares paths: slashes and `./` in front and slashes at the end do not count.
    private static func normalised(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var result = path
        let slash = UInt8(ascii: "/")
        while result.first == slash || result.prefix(2).elementsEqual("./".utf8) { result = result.dropFirst() }
        while result.last == slash { result = result.dropLast() }
        return result
    }

    /// The file, sorted by path.
    public var text: String {
        entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            .map { "\($0.digest)  \($0.path)\n" }.joined()
    }
}
