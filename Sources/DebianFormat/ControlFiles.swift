/// The maintainer scripts of a binary package (Policy 6, deb-config in debconf).
public enum MaintainerScriptName: String, CaseIterable, Hashable, Sendable {
    case preinst, postinst, prerm, postrm, config
}

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

    /// Reads the file by dpkg-deb's rules.
    public init(parsing text: String) throws(FormatError) {
        entries = []
        let bytes = Array(text.utf8)
        var seen: Set<String> = []
        var offset = 0
        while offset < bytes.count {
            let start = offset
            let end = bytes[offset...].firstIndex(of: 0x0a)
            let line = bytes[offset..<(end ?? bytes.count)]
            func fault(_ expected: String) -> FormatError {
                FormatError(
                    subject: "conffiles line", found: Ascii.text(line), expected: expected, offset: start,
                    source: "deb-conffiles(5)")
            }
            guard let end else { throw fault("a newline at the end") }
            offset = end + 1
            guard let first = line.first else { throw fault("no empty line") }
            guard !Ascii.isBlank(first) else { throw fault("no blank in front") }
            if let last = line.last, Ascii.isBlank(last) { throw fault("no blank at the end") }
            var path = line
            var removes = false
            if first != 0x2f {
                guard line.starts(with: "remove-on-upgrade ".utf8) else {
                    throw fault("an absolute path, or 'remove-on-upgrade' before it")
                }
                removes = true
                path = Ascii.trimmed(line.dropFirst("remove-on-upgrade ".utf8.count))
                guard path.first == 0x2f else { throw fault("an absolute path behind 'remove-on-upgrade'") }
            }
            let pathText = Ascii.text(path)
            guard seen.insert(pathText).inserted else { throw fault("each path once") }
            entries.append(Entry(path: pathText, removeOnUpgrade: removes))
        }
    }

    /// The file.
    public var text: String {
        entries.map { ($0.removeOnUpgrade ? "remove-on-upgrade " : "") + $0.path + "\n" }.joined()
    }
}

/// The `md5sums` control file (deb-md5sums(5)).
public struct MD5Sums: Hashable, Sendable {
    /// One line.
    public struct Entry: Hashable, Sendable {
        /// 32 hexadecimal digits.
        public var digest: String
        /// The path without a leading slash.
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

    /// Reads the file.
    public init(parsing text: String) throws(FormatError) {
        entries = []
        var offset = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            defer { offset += line.utf8.count + 1 }
            if line.isEmpty { continue }
            let bytes = Array(line.utf8)
            guard bytes.count > 34, bytes[..<32].allSatisfy({ Ascii.isDigit($0) || ($0 >= 0x61 && $0 <= 0x66) }),
                bytes[32] == 0x20, bytes[33] == 0x20 || bytes[33] == 0x2a
            else {
                throw FormatError(
                    subject: "md5sums line", found: String(line), expected: "32 hexadecimal digits, two blanks, a path",
                    offset: offset, source: "deb-md5sums(5)")
            }
            entries.append(Entry(digest: Ascii.text(bytes[..<32]), path: Ascii.text(bytes[34...])))
        }
    }

    /// The file, sorted by path.
    public var text: String {
        entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            .map { "\($0.digest)  \($0.path)\n" }.joined()
    }
}

/// A line of the `triggers` control file (deb-triggers(5)).
public struct Trigger: Hashable, Sendable, CustomStringConvertible {
    /// The directives.
    public static let directives = [
        "interest", "interest-await", "interest-noawait", "activate", "activate-await", "activate-noawait",
    ]
    /// What happens.
    public let directive: String
    /// A trigger's name, or a path.
    public let name: String

    /// Reads `DIRECTIVE NAME`.
    public init(_ text: String) throws(FormatError) {
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(subject: "trigger", found: text, expected: expected, offset: offset, source: "deb-triggers(5)")
        }
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2 else { throw fault("a directive and a name", 0) }
        guard Self.directives.contains(String(words[0])) else {
            throw fault("one of " + Self.directives.joined(separator: ", "), 0)
        }
        guard words[1].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw fault("a name of printable ASCII", words[0].utf8.count + 1)
        }
        directive = String(words[0])
        name = String(words[1])
    }

    /// `DIRECTIVE NAME`.
    public var description: String { "\(directive) \(name)" }
}

/// `Installed-Size` (deb-substvars(5)).
public enum InstalledSize {
    /// KiB: each file rounded up, and one for each directory, link or other object.
    public static func kibibytes(files: some Sequence<Int64>, others: Int) -> Int64 {
        files.reduce(Int64(others)) { sum, size in sum &+ (size / 1024) &+ (size % 1024 == 0 ? 0 : 1) }
    }
}
