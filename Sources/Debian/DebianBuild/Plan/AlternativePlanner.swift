import DebianArchive
import Documents
import Platform

/// Checks the choices that a package offers to update-alternatives(1).
struct AlternativePlanner {
    let collector: EntryCollector

    func alternatives(_ spec: PackageSpec, diagnostics: inout Diagnostics) -> [Alternative] {
        var offered: Set<[String]> = []
        return spec.alternatives.compactMap { item in
            guard let main = check(item.name, item.link, item.path, &offered, diagnostics: &diagnostics) else {
                return nil
            }
            var alternative = Alternative(
                name: main.name, link: main.link, path: main.path, priority: item.priority)
            alternative.followers = item.followers.compactMap { follower in
                check(follower.name, follower.link, follower.path, &offered, diagnostics: &diagnostics)
            }
            return alternative
        }
    }

    /// Name, generic path and file of a choice or follower; nil after a diagnostic.
    private func check(
        _ name: Located<String>, _ link: Located<String>, _ path: Located<String>, _ offered: inout Set<[String]>,
        diagnostics: inout Diagnostics
    ) -> Alternative.Follower? {
        guard let linkPath = InstalledPath.parse(link, diagnostics: &diagnostics),
            let filePath = InstalledPath.parse(path, diagnostics: &diagnostics)
        else { return nil }
        guard ShellWord.isPlain(name.value), !name.value.utf8.contains(UInt8(ascii: "/")) else {
            diagnostics.error(
                "alternative-name", "'\(DisplayText.inline(name.value))' is not a name for an alternative",
                at: name.range, help: "letters, digits and '._+-', which is the name of a file in /etc/alternatives")
            return nil
        }
        guard offered.insert([name.value, linkPath, filePath]).inserted else {
            diagnostics.error("alternative-twice", "'\(filePath)' is offered twice for '\(linkPath)'", at: path.range)
            return nil
        }
        if collector.contains(linkPath) {
            diagnostics.error(
                "alternative-shipped", "the link '\(linkPath)' is in the package, and update-alternatives makes it",
                at: link.range, help: "leave it out of 'contents', or give the alternative another link")
            return nil
        }
        if !collector.contains(filePath) {
            diagnostics.error(
                "alternative-missing", "alternative '\(filePath)' is not in the package", at: path.range,
                help: SpellingSuggestion.of(filePath, among: collector.sorted().map(\.installedPath))
                    .map { "did you mean '\($0)'?" })
            return nil
        }
        return Alternative.Follower(name: name.value, link: linkPath, path: filePath)
    }
}
