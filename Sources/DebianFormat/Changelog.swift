/// An entry of a Debian changelog (deb-changelog(5)).
public struct ChangelogEntry: Hashable, Sendable {
    /// The source package.
    public var package: String
    /// The version.
    public var version: DebianVersion
    /// The distributions, such as `unstable`.
    public var distributions: [String]
    /// The lines of changes.
    public var changes: [String]
    /// Who made it.
    public var maintainer: String
    /// The date as written.
    public var date: String
    /// The date in seconds since 1970.
    public var timestamp: Int64
}

/// Reads Debian changelogs.
public enum Changelog {
    /// All entries, the newest first.
    public static func parse(_ text: String) throws(FormatError) -> [ChangelogEntry] {
        var entries: [ChangelogEntry] = []
        var header: (package: String, version: DebianVersion, distributions: [String])?
        var changes: [String] = []
        var offset = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let start = offset
            offset += line.utf8.count + 1
            func fault(_ expected: String) -> FormatError {
                FormatError(
                    subject: "changelog line", found: String(line), expected: expected, offset: start,
                    source: "deb-changelog(5)")
            }
            if line.allSatisfy({ $0 == " " || $0 == "\t" || $0 == "\r" }) {
                if header != nil { changes.append("") }
                continue
            }
            if line.hasPrefix(" -- ") {
                guard let (package, version, distributions) = header else { throw fault("a heading before it") }
                guard let close = line.lastIndex(of: ">"), line[line.index(after: close)...].hasPrefix("  ") else {
                    throw fault("' -- Name <address>  date' with two blanks before the date")
                }
                let date = line[line.index(close, offsetBy: 3)...]
                guard let timestamp = MailDateParser.timestamp(date) else {
                    throw fault("a date such as 'Mon, 23 Nov 2026 12:00:00 +0000'")
                }
                while changes.last?.isEmpty == true { changes.removeLast() }
                entries.append(
                    ChangelogEntry(
                        package: package, version: version, distributions: distributions,
                        changes: Array(changes.drop(while: \.isEmpty)),
                        maintainer: String(line[line.index(line.startIndex, offsetBy: 4)...close]), date: String(date),
                        timestamp: timestamp))
                header = nil
                changes = []
            } else if line.hasPrefix("  ") {
                guard header != nil else { throw fault("a heading before it") }
                changes.append(String(line.dropFirst(2)))
            } else if line.first == " " || line.first == "\t" {
                throw fault("two blanks before a change, ' -- ' before the name")
            } else {
                guard header == nil else { throw fault("' -- Name <address>  date' before the next heading") }
                header = try heading(line, fault: fault)
            }
        }
        if header != nil {
            throw FormatError(
                subject: "changelog", found: "", expected: "' -- Name <address>  date' at the end of the last entry",
                offset: text.utf8.count, source: "deb-changelog(5)")
        }
        return entries
    }

    private static func heading(
        _ line: Substring, fault: (String) -> FormatError
    ) throws(FormatError) -> (String, DebianVersion, [String]) {
        guard let open = line.firstIndex(of: "("), let close = line.firstIndex(of: ")"), open < close,
            let semicolon = line[close...].firstIndex(of: ";")
        else { throw fault("'package (version) distribution; urgency=medium'") }
        let package = line[..<open].split(separator: " ")
        guard package.count == 1 else { throw fault("one package name before the version") }
        let version: DebianVersion
        do throws(FormatError) {
            version = try DebianVersion(String(line[line.index(after: open)..<close]))
        } catch {
            throw fault("a version in parentheses (\(error.expected))")
        }
        let distributions = line[line.index(after: close)..<semicolon].split(separator: " ").map(String.init)
        guard !distributions.isEmpty else { throw fault("a distribution behind the version") }
        return (String(package[0]), version, distributions)
    }
}

/// Dates of RFC 5322 as Debian changelogs have them.
enum MailDateParser {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since 1970, or nil.
    static func timestamp(_ text: Substring) -> Int64? {
        var words = text.split(separator: " ")[...]
        if words.first?.hasSuffix(",") == true { words = words.dropFirst() }
        let parts = Array(words)
        guard parts.count == 5, let day = number(parts[0], 1...31), let month = months.firstIndex(of: String(parts[1])),
            parts[2].utf8.count == 4, let year = number(parts[2], 1970...9999)
        else { return nil }
        let clock = parts[3].split(separator: ":", omittingEmptySubsequences: false)
        guard clock.count == 3, let hour = number(clock[0], 0...23), let minute = number(clock[1], 0...59),
            let second = number(clock[2], 0...60)
        else { return nil }
        let zone = parts[4]
        guard zone.utf8.count == 5, let sign = zone.first, sign == "+" || sign == "-",
            let zoneHours = number(zone.dropFirst().prefix(2), 0...14), let zoneMinutes = number(zone.suffix(2), 0...59)
        else { return nil }
        // Days from the civil calendar, counted in years that begin in March.
        let march = month >= 2 ? Int64(month - 2) : Int64(month + 10)
        let shiftedYear = month >= 2 ? year : year - 1
        let days =
            shiftedYear * 365 + shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400 + (march * 153 + 2) / 5 + day
            - 1 - 719_468
        let offset = (zoneHours * 60 + zoneMinutes) * 60 * (sign == "+" ? 1 : -1)
        return days * 86_400 + hour * 3600 + minute * 60 + second - offset
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int64>) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ Ascii.isDigit($0) }), let value = Int64(text),
            range.contains(value)
        else { return nil }
        return value
    }
}
