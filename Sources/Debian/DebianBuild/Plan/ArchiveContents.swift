import Archive
import DebianArchive
import Documents
import Files
import Platform

extension ContentPlanner {
    /// An entry of an archive that was read, whether it is packaged or not: a hard link may need what was left out.
    private struct Found {
        var entry: Entry
        var index: Int
        var facts: ContentFacts?
        var isExcluded: Bool
        /// A directory that is there only if something in it is taken.
        var isHeld = false
    }

    /// Adds the entries of an archive.
    mutating func addArchive(
        _ archive: Located<String>, to destination: Located<String>, _ selection: ContentSpec.Selection,
        stripComponents: Int, item: ContentSpec, diagnostics: inout Diagnostics
    ) {
        guard let prefix = InstalledPath.parse(destination, diagnostics: &diagnostics),
            let file = sources.file(archive, diagnostics: &diagnostics)
        else { return }
        var (includes, excludes) = (PatternList(selection.includes), PatternList(selection.excludes))
        var rules = RuleList(selection.rules, diagnostics: &diagnostics)
        var found: [Found] = []
        var places: [ByteKey: Int] = [:]
        do {
            let reader = try ArchiveReader(path: file.path, limits: sources.archiveLimits)
            var index = -1
            while let entry = try reader.next() {
                index += 1
                guard let inside = entry.normalisedPath else {
                    if [".", "./", "/"].contains(entry.path) { continue }
                    diagnostics.error(
                        "archive-path",
                        "entry '\(DisplayText.inline(entry.path))' of '\(archive.value)' leads out of the archive",
                        at: archive.range, help: "an entry's path has no '..', newline or NUL")
                    continue
                }
                let isDirectory = entry.kind == .directory
                let isExcluded = excludes.excludesWithin(inside, isDirectory: isDirectory)
                let isTaken = includes.includesWithin(inside, isDirectory: isDirectory)
                var item = Found(entry: entry, index: index, facts: nil, isExcluded: isExcluded || !isTaken)
                item.isHeld = isDirectory && !isExcluded && !isTaken
                if case .file(let size) = entry.kind {
                    item.facts = try sources.inspect(reader, size: size, entry: index, of: file.path)
                }
                places[ByteKey(inside)] = found.count
                item.entry.path = inside
                found.append(item)
            }
        } catch {
            diagnostics.error(
                "archive-unreadable", "\(error)", at: archive.range, help: (error as? ArchiveError)?.help)
            return
        }
        var held: [ByteKey: Int] = [:]
        for (position, item) in found.enumerated() where item.isHeld { held[ByteKey(item.entry.path)] = position }
        if !held.isEmpty {
            for item in found where !item.isExcluded {
                for (_, position) in Self.above(item.entry.path, in: &held) { found[position].isExcluded = false }
            }
        }
        for current in found where !current.isExcluded {
            let inside = current.entry.path
            let components = LexicalPath.components(inside).dropFirst(stripComponents)
            if components.isEmpty { continue }
            let relative = components.joined(separator: "/")
            let path = prefix == "/" ? "/" + relative : prefix + "/" + relative
            var holder = current
            if case .hardLink = current.entry.kind {
                guard
                    let target = Self.target(
                        of: current, found, places, archive: archive, diagnostics: &diagnostics)
                else { continue }
                holder = target
            }
            let rule = rules.decision(for: inside, isDirectory: current.entry.kind == .directory)
            var permissions = rule.mode ?? item.mode ?? holder.entry.permissions
            var source = ContentSource.nothing
            var identity: FileIdentity?
            switch holder.entry.kind {
            case .file:
                source = .archiveEntry(archive: file.path, index: holder.index, status: file.status)
                identity = FileIdentity(item: itemCount, device: 0, number: UInt64(holder.index))
            case .directory: permissions = rule.mode ?? holder.entry.permissions
            case .symbolicLink: permissions = 0o777
            case .hardLink: continue
            case .other(let name, _):
                diagnostics.error(
                    "archive-special-file", "entry '\(inside)' of '\(archive.value)' is a \(name)",
                    at: archive.range, help: "leave it out with 'exclude'")
                continue
            }
            collector.add(
                path, kind: holder.entry.kind, permissions: permissions,
                owner: Self.owner(
                    rule.owner ?? item.owner, fallback: holder.entry.owner, table: OwnerTable.user, &diagnostics),
                group: Self.owner(
                    rule.group ?? item.group, fallback: holder.entry.group, table: OwnerTable.group, &diagnostics),
                modificationTime: holder.entry.modificationTime, source: source, facts: holder.facts,
                isConffile: rule.isConffile, identity: identity,
                foreignCode: rule.foreignCode ?? item.ownership.foreignCode, strips: rule.strips ?? item.strips,
                range: archive.range, diagnostics: &diagnostics)
        }
        includes.reportUnused(of: "archive '\(archive.value)'", diagnostics: &diagnostics)
        excludes.reportUnused(of: "archive '\(archive.value)'", diagnostics: &diagnostics)
        rules.reportUnused(of: "archive '\(archive.value)'", diagnostics: &diagnostics)
    }

    private static func owner(
        _ declared: Located<String>?, fallback: Owner, table: (String) -> Owner, _ diagnostics: inout Diagnostics
    ) -> Owner {
        if declared == nil { return table(fallback.name.isEmpty ? "root" : fallback.name) }
        return owner(declared, table: table, diagnostics: &diagnostics)
    }

    /// The file or symbolic link that a hard link is another name for, over any number of links; nil after a diagnostic.
    private static func target(
        of link: Found, _ found: [Found], _ places: [ByteKey: Int], archive: Located<String>,
        diagnostics: inout Diagnostics
    ) -> Found? {
        var current = link
        var steps = 0
        while case .hardLink(let text) = current.entry.kind {
            func fault(_ problem: String) {
                diagnostics.error(
                    "archive-link",
                    "hard link '\(DisplayText.inline(link.entry.path))' of '\(archive.value)' \(problem)",
                    at: archive.range, help: "leave it out with 'exclude', or put its target into the archive")
            }
            guard let inside = Entry.hardLinkTarget(text) else {
                fault("leads out of the archive to '\(DisplayText.inline(text))'")
                return nil
            }
            guard let place = places[ByteKey(inside)] else {
                fault("points to '\(DisplayText.inline(text))', which is not in the archive")
                return nil
            }
            steps += 1
            guard steps <= found.count else {
                fault("points to itself")
                return nil
            }
            current = found[place]
            if current.entry.kind == .directory {
                fault("points to the directory '\(DisplayText.inline(text))'")
                return nil
            }
        }
        return current
    }
}
