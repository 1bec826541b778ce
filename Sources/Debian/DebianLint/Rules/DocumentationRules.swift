import Archive
import DebianArchive
import Platform

/// Rules for what Policy 12 wants in /usr/share/doc.
enum DocumentationRules {
    static let all = [copyright, changelog, changelogCompression, manualCompression]

    static let copyright = LintRule(
        "DB0112", .error, "no copyright file", remedy: "ship /usr/share/doc/PACKAGE/copyright",
        reference: "Debian Policy 12.5"
    ) { subject in
        let folder = "/usr/share/doc/" + subject.name
        if hasLinkedFolder(subject) || isFile(subject.entries[folder + "/copyright"]) { return [] }
        return [.init(folder + "/copyright", "is not shipped")]
    }

    static let changelog = LintRule(
        "DB0113", .warning, "no changelog",
        remedy: "ship /usr/share/doc/PACKAGE/changelog.gz, or changelog.Debian.gz for a version with a revision",
        reference: "Debian Policy 12.7"
    ) { subject in
        let folder = "/usr/share/doc/" + subject.name
        let names = ["changelog.Debian.gz", "changelog.gz", "changelog.Debian.xz", "changelog.Debian", "changelog"]
        if hasLinkedFolder(subject) || names.contains(where: { isFile(subject.entries[folder + "/" + $0]) }) {
            return []
        }
        return [.init(folder + "/changelog.gz", "is not shipped")]
    }

    static let changelogCompression = LintRule(
        "DB0130", .info, "changelog is not compressed", remedy: "compress it with gzip -9n",
        reference: "Debian Policy 12.7"
    ) { subject in
        let folder = "/usr/share/doc/" + subject.name
        return ["changelog", "changelog.Debian"].map { folder + "/" + $0 }.filter { isFile(subject.entries[$0]) }.map {
            .init($0, "is shipped as plain text")
        }
    }

    static let manualCompression = LintRule(
        "DB0138", .info, "manual page is not compressed",
        remedy: "compress it with gzip -9n; debbuild does so for 'manual-pages'", reference: "Debian Policy 12.1"
    ) { entry, _ in
        let folder = "/usr/share/man/"
        guard entry.path.startsBytewise(folder), entry.isRegularFile else { return false }
        let parts = entry.path.dropFirst(folder.count).split(separator: "/")
        guard parts.count >= 2, parts[parts.count - 2].startsBytewise("man") else { return false }
        return ![".gz", ".bz2", ".xz", ".zst"].contains { entry.path.endsBytewise($0) }
    } message: { _ in
        "is shipped as plain text"
    }

    /// Policy 12.5 allows the folder to be a link to that of another package of the same source.
    private static func hasLinkedFolder(_ subject: LintedPackage) -> Bool {
        if case .symbolicLink = subject.entries["/usr/share/doc/" + subject.name]?.kind { return true }
        return false
    }

    private static func isFile(_ entry: ImageEntry?) -> Bool {
        guard let entry else { return false }
        return !entry.isDirectory
    }
}
