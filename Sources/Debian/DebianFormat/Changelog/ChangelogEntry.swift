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
    /// What the heading says behind the distributions, in its order.
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
