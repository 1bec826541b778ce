import Platform

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

    /// Longer lines are cut by dpkg-deb(1).
    private static let longestLine = 9_998

    /// Reads the file by dpkg-deb's rules; a repeated path, of which it only warns, and blanks at the end of a path,
    /// with which it looks for another file, are refused.
    public init(parsing text: String) throws(FormatError) {
        var entries: [Entry] = []
        try Self.forEach(in: Array(text.utf8)) { entries.append($0) }
        self.entries = entries
    }

    /// The lines one after the other, of a file that may have more of them than one wants to keep.
    package static func forEach(in bytes: [UInt8], _ body: (Entry) -> Void) throws(FormatError) {
        var seen = PathSet()
        for line in Lines(bytes) {
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
            guard line.bytes.count <= longestLine else {
                throw fault("at most \(longestLine) bytes", line.start + longestLine)
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
                    throw fault("an absolute path after 'remove-on-upgrade' and one space", path.startIndex)
                }
            }
            guard trimmed.endIndex == line.end else { throw fault("no blank at the end", trimmed.endIndex) }
            let entry = Entry(path: Ascii.text(path), removeOnUpgrade: first != UInt8(ascii: "/"))
            guard seen.insert(entry.path) else { throw fault("each path once", path.startIndex) }
            body(entry)
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
        var entries: [Entry] = []
        try Self.forEach(in: Array(text.utf8)) { entries.append($0) }
        self.entries = entries
    }

    /// The lines one after the other, of a file that may have more of them than one wants to keep.
    package static func forEach(in bytes: [UInt8], _ body: (Entry) -> Void) throws(FormatError) {
        for line in Lines(bytes) {
            func fault(_ expected: String, _ offset: Int) -> FormatError {
                FormatError(
                    subject: "md5sums line", found: line.text, expected: expected, offset: offset,
                    source: "deb-md5sums(5)")
            }
            let digest = line.bytes.prefix(digits)
            let wrong = digest.firstIndex { !Ascii.isHexadecimal($0) }
            guard wrong == nil, digest.count == digits else {
                throw fault("\(digits) hexadecimal digits, two spaces, a path", wrong ?? digest.endIndex)
            }
            let rest = line.bytes[digest.endIndex...]
            guard rest.prefix(2).elementsEqual("  ".utf8) else {
                throw fault("two spaces after the checksum", digest.endIndex)
            }
            if let null = rest.firstIndex(of: 0) { throw fault("no NUL bytes", null) }
            let path = normalised(rest.dropFirst(2))
            guard !path.isEmpty else { throw fault("a path after the checksum", line.end) }
            // Behind slashes that are taken off, a blank would stand at the end again.
            let visible = Ascii.trimmedAtEnd(path).endIndex
            guard visible == path.endIndex else { throw fault("no blank at the end", visible) }
            guard line.isEnded else { throw fault("a newline at the end", line.end) }
            body(Entry(digest: Ascii.text(digest), path: Ascii.text(path)))
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

/// A line of the `triggers` control file (deb-triggers(5)).
public struct Trigger: Hashable, Sendable, CustomStringConvertible {
    /// The directives.
    public static let directives = [
        "interest", "interest-await", "interest-noawait", "activate", "activate-await", "activate-noawait",
    ]
    /// Has the linker read its folders again once all packages are configured (ldconfig(8)).
    public static let ldconfig = Trigger(directive: "activate-noawait", name: "ldconfig")

    /// What happens.
    public let directive: String
    /// A trigger's name, or a path.
    public let name: String

    /// Reads `DIRECTIVE NAME`; blanks around it do not count.
    public init(_ text: String) throws(FormatError) {
        self = try Self.read(Array(text.utf8)[...])
    }

    /// The same of a line in a file.
    package init(_ line: ArraySlice<UInt8>) throws(FormatError) { self = try Self.read(line) }

    /// Reads a whole file: comment lines and empty lines do not count.
    ///
    /// deb-triggers(5) also allows a comment after a name, which dpkg 1.21 takes for a part of it; it is refused.
    public static func parse(_ text: String) throws(FormatError) -> [Trigger] {
        var result: [Trigger] = []
        for line in Lines(text) {
            let isComment = line.bytes.first { !Ascii.isBlank($0) } == UInt8(ascii: "#")
            if !isComment, !line.isBlank { result.append(try read(line.bytes)) }
            guard line.isEnded else {
                throw FormatError(
                    subject: "trigger", found: line.text, expected: "a newline at the end", offset: line.end,
                    source: "deb-triggers(5)")
            }
        }
        return result
    }

    /// The file that holds some triggers.
    public static func text(of triggers: some Sequence<Trigger>) -> String {
        triggers.map { "\($0)\n" }.joined()
    }

    private init(directive: String, name: String) {
        self.directive = directive
        self.name = name
    }

    private static func read(_ line: ArraySlice<UInt8>) throws(FormatError) -> Trigger {
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(
                subject: "trigger", found: Ascii.text(line), expected: expected, offset: offset,
                source: "deb-triggers(5)")
        }
        let first = line.drop(while: Ascii.isBlank).prefix { !Ascii.isBlank($0) }
        guard !first.isEmpty else { throw fault("a directive and a name", line.startIndex) }
        guard let directive = directives.first(where: { first.elementsEqual($0.utf8) }) else {
            throw fault(listOfDirectives, first.startIndex)
        }
        let words = Ascii.words(line)
        guard words.count >= 2 else { throw fault("a name after the directive", first.endIndex) }
        let name = words[1]
        if let wrong = name.firstIndex(where: { !Ascii.isGraphic($0) || $0 == UInt8(ascii: "#") }) {
            throw fault("a name of visible ASCII without '#'", wrong)
        }
        guard words.count == 2 else { throw fault("one name", words[2].startIndex) }
        return Trigger(directive: directive, name: Ascii.text(name))
    }

    private static let listOfDirectives = "one of " + directives.joined(separator: ", ")

    /// `DIRECTIVE NAME`.
    public var description: String { "\(directive) \(name)" }
}

/// `Installed-Size` (deb-substvars(5)).
public enum InstalledSize {
    /// KiB: each file rounded up, and one for each directory, link or other object.
    ///
    /// - Parameters:
    ///   - files: sizes of files in bytes, each hard-linked file once. dpkg takes a symbolic link's target for its
    ///     contents, which is one KiB for each of up to 1024 bytes. A negative size counts as 0.
    ///   - others: the number of further objects.
    /// - Returns: the sum; Int64.max where it would be larger.
    public static func kibibytes(files: some Sequence<Int64>, others: Int) -> Int64 {
        files.reduce(Int64(max(0, others))) { sum, size in
            let bytes = max(0, size)
            let (total, overflow) = sum.addingReportingOverflow(bytes / 1024 + (bytes % 1024 == 0 ? 0 : 1))
            return overflow ? .max : total
        }
    }
}
