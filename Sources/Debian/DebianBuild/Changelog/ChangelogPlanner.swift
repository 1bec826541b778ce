import Archive
import DebianFormat
import Documents
import Files
import Platform

/// Reads a package's changelog, or makes one of what is written elsewhere.
struct ChangelogPlanner {
    let spec: PackageSpec
    let version: DebianVersion
    let sources: SourceFiles
    /// The tags of the repository, where the changelog is made of them; nil where they could not be read, which has been
    /// reported.
    let tags: [GitTag]?

    /// The changelog; nil where the package has none, and after a diagnostic.
    func load(diagnostics: inout Diagnostics) -> LoadedChangelog? {
        switch spec.changelog {
        case nil: nil
        case .git(let git)?: tags.flatMap { made(of: $0, git, diagnostics: &diagnostics) }
        case .file(let file)? where file.value.hasSuffix(".yaml") || file.value.hasSuffix(".yml"):
            read(yaml: file, diagnostics: &diagnostics)
        case .file(let file)?: read(file, diagnostics: &diagnostics)
        }
    }

    // MARK: - Debian's format

    private func read(_ file: Located<String>, diagnostics: inout Diagnostics) -> LoadedChangelog? {
        var compressed: [UInt8]?
        var bytes: [UInt8]
        if file.value.hasSuffix(".gz") {
            guard let stored = sources.script(file, diagnostics: &diagnostics) else { return nil }
            do throws(ArchiveError) {
                bytes = try GzipFile.decompress(stored, limit: SourceFiles.textLimit)
            } catch {
                diagnostics.error("changelog-compressed", "changelog '\(file.value)': \(error)", at: file.range)
                return nil
            }
            compressed = stored
        } else {
            guard let text = sources.text(file, diagnostics: &diagnostics)?.bytes else { return nil }
            bytes = text
        }
        do throws(FormatError) {
            let entries = try Changelog.parse(String(decoding: bytes, as: UTF8.self))
            guard let newest = entries.first else {
                diagnostics.error("changelog-empty", "changelog '\(file.value)' has no entry", at: file.range)
                return nil
            }
            if ![spec.name.value.description, source].contains(newest.package) {
                diagnostics.error(
                    "changelog-package",
                    "changelog '\(file.value)' is of package '\(newest.package)', not '\(source)'", at: file.range)
            }
            return LoadedChangelog(bytes: bytes, newest: newest, compressed: compressed)
        } catch {
            let (line, _) = TextPosition.of(offset: error.offset, in: bytes)
            diagnostics.error(
                "changelog-syntax", "changelog '\(file.value)' line \(line): \(error)", at: file.range,
                help: "see deb-changelog(5)")
            return nil
        }
    }

    /// The source package, whose changelog it is.
    private var source: String {
        spec.source?.value.split(separator: " ").first.map(String.init) ?? spec.name.value.description
    }

    // MARK: - YAML

    private func read(yaml file: Located<String>, diagnostics: inout Diagnostics) -> LoadedChangelog? {
        guard let (opened, bytes) = sources.text(file, diagnostics: &diagnostics) else { return nil }
        let text = SourceText(path: LexicalPath.shortened(opened.path, in: FileTree.currentDirectory), bytes: bytes)
        guard let node = YAMLLoader.load(text, diagnostics: &diagnostics),
            let items = ChangelogDocument.shape.decode(node, &diagnostics)
        else { return nil }
        var entries: [ChangelogEntry] = []
        var places: [DebianVersion: SourceRange] = [:]
        let before = diagnostics.errorCount
        for item in items {
            guard let version = completed(item.version, diagnostics: &diagnostics),
                let author = author(item.author?.value, at: item.version.range, diagnostics: &diagnostics)
            else { continue }
            if let first = places[version] {
                diagnostics.error(
                    "changelog-version", "version \(version) is there twice", at: item.version.range,
                    notes: ["the first one is in \(first.place)"], help: "keep one, with all of its changes")
            }
            places[version] = item.version.range
            let changes = item.changes.isEmpty ? [Self.nothing] : item.changes.map(\.value)
            entries.append(
                ChangelogEntry(
                    package: source, version: version,
                    distributions: item.distributions.isEmpty ? [Self.distribution] : item.distributions.map(\.value),
                    urgency: (item.urgency ?? .medium).rawValue, changes: changes, maintainer: author,
                    timestamp: item.time))
        }
        guard diagnostics.errorCount == before else { return nil }
        return made(of: entries, at: file.range, diagnostics: &diagnostics)
    }

    /// A version with the package's epoch and revision where it has none of its own.
    private func completed(_ text: Located<String>, diagnostics: inout Diagnostics) -> DebianVersion? {
        do throws(FormatError) {
            return try completed(try spec.versioning.scheme.version(of: text.value))
        } catch {
            diagnostics.error(
                "changelog-version", "\(error)", at: text.range?.narrowed(toByte: error.offset, of: text.value),
                help: "see 'debbuild version map' and deb-version(7)")
            return nil
        }
    }

    private func completed(_ own: DebianVersion) throws(FormatError) -> DebianVersion {
        try own.completed(epoch: version.hasEpoch ? version.epoch : nil, revision: version.revision)
    }

    private func author(
        _ own: Maintainer?, at range: SourceRange?, diagnostics: inout Diagnostics
    ) -> Maintainer? {
        if let author = own ?? spec.maintainer?.value { return author }
        diagnostics.error(
            "changelog-author", "nobody is named who made the entry", at: range,
            help: "add 'author: Name <address>' to it, or 'maintainer' to the package")
        return nil
    }

    private static let distribution = "unstable"
    private static let nothing = "No changes."

    // MARK: - tags

    private func made(
        of tags: [GitTag], _ git: GitChangelogSpec, diagnostics: inout Diagnostics
    ) -> LoadedChangelog? {
        var entries: [ChangelogEntry] = []
        for tag in tags {
            guard let author = author(Self.person(tag.person), at: git.range, diagnostics: &diagnostics) else {
                return nil
            }
            var changes = tag.omitted > 0 ? ["\(tag.omitted) earlier changes."] : []
            // What has nothing that can be shown is no change.
            changes += tag.subjects.filter { $0.unicodeScalars.contains { DisplayText.isShown($0) && $0 != " " } }
            do throws(FormatError) {
                entries.append(
                    ChangelogEntry(
                        package: source, version: try completed(tag.version),
                        distributions: [git.distribution?.value ?? Self.distribution],
                        urgency: (git.urgency ?? .medium).rawValue, changes: changes.isEmpty ? [Self.nothing] : changes,
                        maintainer: author, timestamp: tag.time))
            } catch {
                diagnostics.error("changelog-version", "tag '\(tag.name)': \(error)", at: git.range)
                return nil
            }
        }
        return made(of: entries, at: git.range, diagnostics: &diagnostics)
    }

    /// Who made a tag, if a changelog can name them.
    private static func person(_ text: String) -> Maintainer? {
        do throws(FormatError) { return try Maintainer(text) } catch { return nil }
    }

    private func made(
        of entries: [ChangelogEntry], at range: SourceRange?, diagnostics: inout Diagnostics
    ) -> LoadedChangelog? {
        let text = Changelog.text(entries)
        do throws(FormatError) {
            // What is written can be read again, whatever the values are.
            guard let newest = try Changelog.parse(text).first else {
                diagnostics.error("changelog-empty", "the changelog has no entry", at: range)
                return nil
            }
            return LoadedChangelog(bytes: Array(text.utf8), newest: newest)
        } catch {
            diagnostics.error("changelog-syntax", "\(error)", at: range, help: "see deb-changelog(5)")
            return nil
        }
    }
}

/// A changelog that has been read: its bytes go into the package, its newest entry dates it.
struct LoadedChangelog {
    let bytes: [UInt8]
    let newest: ChangelogEntry
    /// The bytes as they are shipped, where the specification has them compressed.
    var compressed: [UInt8]?
}
