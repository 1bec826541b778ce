import Platform

/// An entry of a Debian changelog (deb-changelog(5)).
public struct ChangelogEntry: Hashable, Sendable, CustomStringConvertible {
    /// A `keyword=value` of the heading.
    public struct Metadata: Hashable, Sendable {
        /// The keyword as written; case does not count.
        public var keyword: String
        /// The value.
        public var value: String
    }

    /// The source package.
    public var package: String
    /// The version.
    public var version: DebianVersion
    /// The distributions, such as `unstable`.
    public var distributions: [String]
    /// What the heading says after the distributions, in its order.
    public var metadata: [Metadata]
    /// The lines of changes without the two blanks in front, without empty ones before the first and after the last.
    public var changes: [String]
    /// Who made it, `Name <address>`.
    public var maintainer: String
    /// The date as written.
    public var date: String
    /// The date in seconds since 1970.
    public var timestamp: Int64
    /// Whether the named day of the week is that of the date; nil where none is named.
    public var isWeekdayRight: Bool?

    /// How urgent an upgrade is, such as `medium`; nil where the heading does not say.
    public var urgency: String? { self[metadata: "urgency"] }

    /// Whether it stands for a rebuild of binary packages alone.
    public var isBinaryOnly: Bool { self[metadata: "binary-only"] == "yes" }

    /// The value of a keyword of the heading.
    public subscript(metadata keyword: String) -> String? {
        metadata.first { ControlParagraph.same($0.keyword, keyword) }?.value
    }

    /// The entry as text, which reads as the same entry.
    public var description: String {
        let details = metadata.map { "\($0.keyword)=\($0.value)" }.joined(separator: ", ")
        let heading = "\(package) (\(version)) \(distributions.joined(separator: " "));"
        let body = changes.map { $0.isEmpty ? "\n" : "  \($0)\n" }.joined()
        return heading + (details.isEmpty ? "" : " " + details) + "\n\n" + body + "\n -- \(maintainer)  \(date)\n"
    }
}

/// Reads Debian changelogs (deb-changelog(5)).
public enum Changelog {
    /// All entries, the newest first; none where the text is blank.
    ///
    /// Comments and RCS keywords between the lines are passed over, and reading stops at Emacs's local variables and at
    /// a modeline of Vim, as in dpkg-parsechangelog(1). The entry formats of before 1996 are refused.
    public static func parse(_ text: String) throws(FormatError) -> [ChangelogEntry] {
        var entries: [ChangelogEntry] = []
        var open: Heading?
        var changes: [String] = []
        var lines = Lines(text)
        while let line = lines.next() {
            if line.isBlank {
                if open != nil, !changes.isEmpty { changes.append("") }
                continue
            }
            if let null = line.bytes.firstIndex(of: 0) { throw fault("no NUL bytes", line, at: null) }
            if isEndOfEntries(line.bytes) { break }
            if isComment(line.bytes) { continue }
            if line.bytes.starts(with: " --".utf8) {
                guard let heading = open else { throw fault("a heading before it", line, at: line.start) }
                while changes.last?.isEmpty == true { changes.removeLast() }
                guard !changes.isEmpty else { throw fault("a change before it", line, at: line.start) }
                entries.append(try entry(heading, changes: changes, trailer: line))
                open = nil
                changes = []
            } else if line.bytes.prefix(2).allSatisfy({ Ascii.isHorizontalBlank($0) }) {
                guard open != nil else { throw fault("a heading before it", line, at: line.start) }
                changes.append(Ascii.text(Ascii.trimmedAtEnd(line.bytes.dropFirst(2))))
            } else if let first = line.bytes.first, Ascii.isBlank(first) {
                throw fault("two blanks before a change, ' -- ' before the name", line, at: line.start)
            } else {
                guard open == nil else {
                    throw fault("' -- Name <address>  date' before the next heading", line, at: line.start)
                }
                open = try heading(line)
            }
        }
        if open != nil {
            throw FormatError(
                subject: "changelog", found: "", expected: "' -- Name <address>  date' at the end of the last entry",
                offset: lines.count, source: "deb-changelog(5)")
        }
        return entries
    }

    private struct Heading {
        let package: String
        let version: DebianVersion
        let distributions: [String]
        let metadata: [ChangelogEntry.Metadata]
    }

    private static func fault(_ expected: String, _ line: Lines.Line, at offset: Int) -> FormatError {
        FormatError(
            subject: "changelog line", found: line.text, expected: expected, offset: offset,
            source: "deb-changelog(5)")
    }

    private static func isEndOfEntries(_ line: ArraySlice<UInt8>) -> Bool {
        let start = line.prefix(64).map { Ascii.lowercased($0) }[...]
        let content = start.starts(with: ";;".utf8) ? Ascii.trimmed(start.dropFirst(2)) : start
        return content.starts(with: "local variables:".utf8) || start.starts(with: "vim:".utf8)
    }

    private static func isComment(_ line: ArraySlice<UInt8>) -> Bool {
        if line.starts(with: "# ".utf8) { return true }
        if line.starts(with: "/*".utf8) {
            let rest = line.dropFirst(2)
            return zip(rest, rest.dropFirst()).contains { $0 == UInt8(ascii: "*") && $1 == UInt8(ascii: "/") }
        }
        guard line.first == UInt8(ascii: "$") else { return false }
        let rest = line.dropFirst()
        let keyword = rest.prefix { Ascii.isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
        let tail = rest[keyword.endIndex...]
        return !keyword.isEmpty && tail.first == UInt8(ascii: ":") && tail.contains(UInt8(ascii: "$"))
    }

    // MARK: - heading

    private static func isNameByte(_ byte: UInt8) -> Bool {
        Ascii.isAlphanumeric(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".")
    }

    /// `package (version) distributions; metadata`.
    private static func heading(_ line: Lines.Line) throws(FormatError) -> Heading {
        let package = line.bytes.prefix(while: isNameByte)
        guard let first = package.first, Ascii.isAlphanumeric(first) else {
            throw fault("'package (version) distribution; urgency=medium'", line, at: line.start)
        }
        let opening = line.bytes[package.endIndex...]
        guard opening.starts(with: " (".utf8) else {
            throw fault("a space and '(' after the package's name", line, at: package.endIndex)
        }
        let inner = opening.dropFirst(2)
        guard let close = inner.firstIndex(of: UInt8(ascii: ")")) else {
            throw fault("')' after the version", line, at: line.end)
        }
        let version: DebianVersion
        do throws(FormatError) {
            version = try DebianVersion(Ascii.text(inner[..<close]))
        } catch {
            throw fault("a version in parentheses (\(error.expected))", line, at: inner.startIndex + error.offset)
        }
        let rest = line.bytes[(close + 1)...]
        guard let semicolon = rest.firstIndex(of: UInt8(ascii: ";")) else {
            throw fault("';' after the distributions", line, at: line.end)
        }
        let distributions = Ascii.words(rest[..<semicolon])
        guard let nearest = rest.first, Ascii.isBlank(nearest), !distributions.isEmpty else {
            throw fault("a space and a distribution after the version", line, at: close + 1)
        }
        for name in distributions {
            if let wrong = name.firstIndex(where: { !isNameByte($0) }) {
                throw fault("letters, digits, '+', '-' and '.' in a distribution's name", line, at: wrong)
            }
        }
        return Heading(
            package: Ascii.text(package), version: version, distributions: distributions.map { Ascii.text($0) },
            metadata: try metadata(Ascii.trimmedAtEnd(rest[(semicolon + 1)...]), line))
    }

    /// `keyword=value` between commas.
    private static func metadata(
        _ bytes: ArraySlice<UInt8>, _ line: Lines.Line
    ) throws(FormatError) -> [ChangelogEntry.Metadata] {
        if bytes.isEmpty { return [] }
        var result: [ChangelogEntry.Metadata] = []
        var seen: Set<[UInt8]> = []
        for part in bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let item = Ascii.trimmed(part)
            let keyword = item.prefix { Ascii.isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
            guard !keyword.isEmpty, keyword.endIndex < item.endIndex, item[keyword.endIndex] == UInt8(ascii: "=") else {
                throw fault("'keyword=value' after ';'", line, at: keyword.endIndex)
            }
            let value = Ascii.trimmed(item[(keyword.endIndex + 1)...])
            guard !value.isEmpty else { throw fault("a value after '='", line, at: keyword.endIndex + 1) }
            let key = keyword.map { Ascii.lowercased($0) }
            guard seen.insert(key).inserted else { throw fault("each keyword once", line, at: keyword.startIndex) }
            switch Ascii.text(key) {
            case "urgency":
                let level = value.prefix { Ascii.isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
                let next = value[level.endIndex...].first
                guard !level.isEmpty, next.map(Ascii.isBlank) ?? true else {
                    throw fault("an urgency such as 'medium'", line, at: level.endIndex)
                }
            case "binary-only":
                guard value.elementsEqual("yes".utf8) else {
                    throw fault("'binary-only=yes'", line, at: value.startIndex)
                }
            case let other where ["xb-", "xc-", "xs-"].contains { other.startsBytewise($0) }: break
            default: throw fault("the keyword 'urgency' or 'binary-only'", line, at: keyword.startIndex)
            }
            result.append(.init(keyword: Ascii.text(keyword), value: Ascii.text(value)))
        }
        return result
    }

    // MARK: - trailer

    /// ` -- Name <address>  date`.
    private static func entry(
        _ heading: Heading, changes: [String], trailer line: Lines.Line
    ) throws(FormatError) -> ChangelogEntry {
        let content = line.bytes.dropFirst(3)
        guard content.first == Ascii.space else {
            throw fault("' -- ' before the maintainer's name", line, at: content.startIndex)
        }
        guard let close = content.lastIndex(of: UInt8(ascii: ">")) else {
            throw fault("'<address>' after the maintainer's name", line, at: line.end)
        }
        let person = content[(content.startIndex + 1)...close]
        let hasAddress = zip(person, person.dropFirst()).contains { $0 == Ascii.space && $1 == UInt8(ascii: "<") }
        guard hasAddress else { throw fault("' <' before the maintainer's address", line, at: person.startIndex) }
        let tail = Ascii.trimmedAtEnd(line.bytes[(close + 1)...])
        let date = tail.drop { $0 == Ascii.space }
        guard date.startIndex == close + 3, !date.isEmpty else {
            throw fault("two spaces and the date after the address", line, at: close + 1)
        }
        let parsed: MailDate
        do throws(FormatError) {
            parsed = try MailDate.read(date)
        } catch {
            throw fault(error.expected, line, at: error.offset)
        }
        return ChangelogEntry(
            package: heading.package, version: heading.version, distributions: heading.distributions,
            metadata: heading.metadata, changes: changes, maintainer: Ascii.text(person), date: Ascii.text(date),
            timestamp: parsed.timestamp, isWeekdayRight: parsed.isWeekdayRight)
    }
}
