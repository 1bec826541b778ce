import DebianFormat
import Documents
import Platform

/// An entry of a changelog in YAML.
struct ChangelogItem: Sendable {
    /// The version as it is written.
    var version: Located<String>
    /// Seconds since 1970.
    var time: Int64
    /// What changed, each a text of one or more lines.
    var changes: [Located<String>]
    /// The distributions; none where nothing is said.
    var distributions: [Located<String>]
    /// How urgent an upgrade is; nil where nothing is said.
    var urgency: Urgency?
    /// Who made it; nil for the package's maintainer.
    var author: Located<Maintainer>?
}

/// How urgent an upgrade is (Policy 5.6.17).
public enum Urgency: String, Sendable, CaseIterable {
    case low, medium, high, emergency, critical
}

/// Changelogs in YAML: a list of versions, with keys of our own or those of chglog (github.com/goreleaser/chglog).
package enum ChangelogDocument {
    /// Why a file is not such a changelog; nil for one that is.
    package static func fault(_ source: SourceText) -> String? {
        var diagnostics = Diagnostics()
        if let node = YAMLLoader.load(source, diagnostics: &diagnostics),
            let items = shape.decode(node, &diagnostics), !items.isEmpty
        {
            return nil
        }
        guard let first = diagnostics.all.first(where: { $0.severity == .error }) else { return "it has no entries" }
        return (first.range.map { "\($0.place): " } ?? "") + first.message
    }

    /// The whole file.
    static let shape: Shape<[ChangelogItem]> = .list(of: .keyed(by: [("version", own), ("semver", chglog)]))

    private static let own: Shape<ChangelogItem> = .object(
        "ChangelogEntry", "A version and what changed with it.", as: ChangelogItem.init
    ) {
        required("version", SpecShapes.text, "The version, read as the package's own.", example: "1.2.0")
        required("date", date, "When it was released.", example: "2026-11-23T12:00:00Z")
        required("changes", .list(of: SpecShapes.text), "What changed.", example: "[The first release.]")
        optional(
            "distribution", .list(of: SpecShapes.distribution), default: [],
            "Where it was uploaded to (default unstable).")
        optional("urgency", .enumeration(Urgency.self), "How urgent an upgrade is (default medium).")
        optional("author", SpecShapes.maintainer, "Who made it (default: the package's maintainer).")
    }

    private static let chglog: Shape<ChangelogItem> = .object(
        "ChglogEntry", "The same as chglog writes it.",
        as: { version, date, author, changes, deb, _ in
            ChangelogItem(
                version: version, time: date, changes: changes, distributions: deb?.distributions ?? [],
                urgency: deb?.urgency, author: author)
        }
    ) {
        required("semver", SpecShapes.text, "The version.")
        required("date", date, "When it was released.")
        optional("packager", SpecShapes.maintainer, "Who made it.")
        optional("changes", .list(of: note), default: [], "What changed.")
        optional("deb", debian, "What only Debian's changelogs have.")
        optional("notes", .node, "Texts around the changes, for other formats.")
    }

    private static let note: Shape<Located<String>> = .object(
        "ChglogChange", "A change.", as: { note, _, _ in note }
    ) {
        required("note", SpecShapes.text, "The message of the commit.")
        optional("commit", .node, "The commit.")
        optional("conventional_commit", .node, "The parts of the message.")
    }

    private static let debian: Shape<(distributions: [Located<String>], urgency: Urgency?)> = .object(
        "ChglogDeb", "What only Debian's changelogs have.", as: { ($0, $1) }
    ) {
        optional("distributions", .list(of: SpecShapes.distribution), default: [], "Where it was uploaded to.")
        optional("urgency", .enumeration(Urgency.self), "How urgent an upgrade is.")
    }

    private static let date: Shape<Int64> = .parsed("date") { text in
        let seconds = seconds(text)
        if let seconds, (0...253_402_300_799).contains(seconds) { return .success(seconds) }
        return .failure(
            ShapeFault(
                message: "'\(DisplayText.shortened(text))' is not a date since 1970",
                help: "write '2026-11-23T12:00:00Z', '2026-11-23' or 'Mon, 23 Nov 2026 12:00:00 +0000'"))
    }

    private static func seconds(_ text: String) -> Int64? {
        if let day = RFC3339.nanoseconds(text + "T00:00:00Z") ?? RFC3339.nanoseconds(text) {
            // The fraction of a second is cut off.
            return day >= 0 ? day / 1_000_000_000 : nil
        }
        do throws(FormatError) { return try MailDate(text).timestamp } catch { return nil }
    }
}
