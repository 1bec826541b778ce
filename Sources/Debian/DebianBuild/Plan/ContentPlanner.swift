import Archive
import DebianArchive
import DebianManifest
import Documents
import Files
import Platform

/// Turns `contents` into entries: every file found, every mode and owner decided.
struct ContentPlanner {
    let sources: SourceFiles
    let payloads: [String: ResolvedPayload]
    let unavailablePayloads: Set<String>
    var collector: EntryCollector
    /// The items so far: files of one inode are one file within an item, and copies in two.
    private(set) var itemCount = 0
    /// Profiles of AppArmor that installation loads.
    private(set) var profiles: [String] = []

    init(
        sources: SourceFiles, payloads: [String: ResolvedPayload], unavailablePayloads: Set<String>,
        collector: EntryCollector
    ) {
        self.sources = sources
        self.payloads = payloads
        self.unavailablePayloads = unavailablePayloads
        self.collector = collector
    }

    mutating func addAll(_ items: [ContentSpec], diagnostics: inout Diagnostics) {
        for item in items { add(item, diagnostics: &diagnostics) }
    }

    private mutating func add(_ item: ContentSpec, diagnostics: inout Diagnostics) {
        itemCount += 1
        let owner = Self.owner(item.owner, table: OwnerTable.user, diagnostics: &diagnostics)
        let group = Self.owner(item.group ?? item.owner, table: OwnerTable.group, diagnostics: &diagnostics)
        switch item.kind {
        case .file(let source, let to), .conffile(let source, let to):
            addFiles(source, to: to, item, owner: owner, group: group, diagnostics: &diagnostics)
        case .placed(let source, let place):
            for file in sources.named(by: source, diagnostics: &diagnostics) {
                addPlaced(file.file, place, item, diagnostics: &diagnostics)
            }
        case .payload(let name, let to):
            let last = LexicalPath.components(name.value).last.map(String.init) ?? ""
            guard let path = destination(to, defaultingTo: last, diagnostics: &diagnostics) else { return }
            guard let payload = payloads[name.value] else {
                if !unavailablePayloads.contains(name.value) {
                    diagnostics.error(
                        "payload-unknown", "there is no payload '\(name.value)'", at: name.range,
                        help: SpellingSuggestion.of(name.value, among: payloads.keys.sorted()).map {
                            "did you mean '\($0)'?"
                        }
                            ?? "declare it under 'payloads' in workspace.yaml")
                }
                return
            }
            collector.add(
                path, kind: .file(size: payload.status.size), permissions: item.mode ?? 0o755, owner: owner,
                group: group, modificationTime: payload.status.modificationSeconds,
                source: .file(path: payload.path, status: payload.status), foreignCode: item.ownership.foreignCode,
                strips: item.strips, capabilities: capabilities(of: item, at: path, diagnostics: &diagnostics),
                range: item.range, diagnostics: &diagnostics)
        case .directory(let directory):
            guard let path = InstalledPath.parse(directory, diagnostics: &diagnostics) else { return }
            collector.add(
                path, kind: .directory, permissions: item.mode ?? 0o755, owner: owner, group: group,
                modificationTime: collector.sourceDateEpoch, source: .nothing, range: item.range,
                diagnostics: &diagnostics)
        case .symlink(let link, let target):
            guard let path = InstalledPath.parse(link, diagnostics: &diagnostics) else { return }
            guard !target.value.isEmpty, !target.value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
                diagnostics.error(
                    "link-target", "target of link '\(path)' is empty or has control characters",
                    at: target.range)
                return
            }
            collector.add(
                path, kind: .symbolicLink(target: target.value), permissions: 0o777, owner: owner, group: group,
                modificationTime: collector.sourceDateEpoch, source: .nothing, range: item.range,
                diagnostics: &diagnostics)
        case .tree(let root, let to, let selection):
            addTree(root, to: to, selection, item: item, diagnostics: &diagnostics)
        case .archive(let archive, let to, let selection, let stripComponents):
            addArchive(
                archive, to: to, selection, stripComponents: stripComponents, item: item, diagnostics: &diagnostics)
        }
    }

    private mutating func addFiles(
        _ source: Located<String>, to: Located<String>, _ item: ContentSpec, owner: Owner, group: Owner,
        diagnostics: inout Diagnostics
    ) {
        var isConffile = false
        if case .conffile = item.kind { isConffile = true }
        if SourcePattern(source.value).name == nil, to.value.utf8.last != UInt8(ascii: "/") {
            diagnostics.error(
                "pattern-destination", "'\(source.value)' is a pattern, and 'to' names one file", at: to.range,
                help: "write 'to: \(to.value)/' for a folder; where a name has the '*', write it as '\\*'")
            return
        }
        for named in sources.named(by: source, diagnostics: &diagnostics) {
            guard let path = destination(to, defaultingTo: named.relative, diagnostics: &diagnostics),
                let file = sources.file(named.file, diagnostics: &diagnostics)
            else { continue }
            collector.add(
                path, kind: .file(size: file.status.size), permissions: item.mode ?? 0o644, owner: owner, group: group,
                modificationTime: file.status.modificationSeconds,
                source: .file(path: file.path, status: file.status), facts: file.facts, isConffile: isConffile,
                foreignCode: item.ownership.foreignCode, strips: item.strips,
                capabilities: capabilities(of: item, at: path, diagnostics: &diagnostics), range: item.range,
                diagnostics: &diagnostics)
        }
    }

    private mutating func addPlaced(
        _ source: Located<String>, _ place: SystemPlace, _ item: ContentSpec,
        diagnostics: inout Diagnostics
    ) {
        guard let file = sources.file(source, diagnostics: &diagnostics) else { return }
        let name = LexicalPath.split(source.value).name
        if let suffix = place.suffix, !name.hasSuffix(suffix) {
            diagnostics.error(
                "place-name", "'\(name)' does not end in '\(suffix)', so that nothing would read it",
                at: source.range,
                help: "rename the file")
            return
        }
        let path = place.path(of: name)
        if place == .appArmor {
            guard ShellWord.isPlain(LexicalPath.split(path).name) else {
                diagnostics.error(
                    "place-name", "'\(name)' has characters that a maintainer script would interpret",
                    at: source.range,
                    help: "use letters, digits and ._+- only")
                return
            }
            profiles.append(LexicalPath.split(path).name)
        }
        collector.add(
            path, kind: .file(size: file.status.size), permissions: 0o644, owner: OwnerTable.user("root"),
            group: OwnerTable.group("root"), modificationTime: file.status.modificationSeconds,
            source: .file(path: file.path, status: file.status), facts: file.facts,
            isConffile: place.isConffile,
            range: item.range, diagnostics: &diagnostics)
    }

    /// The capabilities of an item, whose path a maintainer script is going to name.
    private func capabilities(
        of item: ContentSpec, at path: String, diagnostics: inout Diagnostics
    ) -> FileCapabilities? {
        guard let capabilities = item.capabilities else { return nil }
        guard ShellWord.isPlain(path) else {
            diagnostics.error(
                "capabilities-path", "'\(path)' has characters that a maintainer script would interpret",
                at: capabilities.range, help: "use letters, digits and /._+- only")
            return nil
        }
        return capabilities.value
    }

    /// `to`, with a name below it added when it ends in a slash.
    private func destination(
        _ destination: Located<String>, defaultingTo name: String, diagnostics: inout Diagnostics
    ) -> String? {
        guard let path = InstalledPath.parse(destination, diagnostics: &diagnostics) else { return nil }
        guard path == "/" || destination.value.utf8.last == UInt8(ascii: "/") else { return path }
        return InstalledPath.parse(
            Located(value: path == "/" ? "/" + name : path + "/" + name, range: destination.range),
            diagnostics: &diagnostics)
    }

    static func owner(
        _ name: Located<String>?, table: (String) -> Owner, diagnostics: inout Diagnostics
    ) -> Owner {
        guard let name else { return table("root") }
        if let numbered = OwnerTable.numbered(name.value) { return numbered }
        guard OwnerTable.isValidName(name.value) else {
            diagnostics.error(
                "owner-name", "'\(name.value)' is not a user or group name", at: name.range,
                help:
                    "a letter or '_', then letters, digits, '_' and '-', at most 32 (useradd(8)); NAME:NUMBER takes any "
                    + "name, as tar(1) does")
            return table("root")
        }
        return table(name.value)
    }

    // MARK: - trees

    private mutating func addTree(
        _ root: Located<String>, to destination: Located<String>, _ selection: ContentSpec.Selection,
        item: ContentSpec, diagnostics: inout Diagnostics
    ) {
        guard let prefix = InstalledPath.parse(destination, diagnostics: &diagnostics),
            let top = sources.resolve(root, diagnostics: &diagnostics)
        else { return }
        var (includes, excludes) = (PatternList(selection.includes), PatternList(selection.excludes))
        var rules = RuleList(selection.rules, diagnostics: &diagnostics)
        // Directories that are there only if something in them is taken.
        var held: [ByteKey: FileStatus] = [:]
        func addFolder(_ relative: String, _ status: FileStatus) {
            let path = prefix == "/" ? "/" + relative : prefix + "/" + relative
            let rule = rules.decision(for: relative, isDirectory: true)
            // That a tree has a folder does not say that the package is to own it.
            if UnclaimedFolders.paths.contains(path), rule.mode == nil, rule.owner == nil, rule.group == nil { return }
            collector.add(
                path, kind: .directory, permissions: rule.mode.map { $0 | Self.searchable($0) } ?? 0o755,
                owner: Self.owner(rule.owner ?? item.owner, table: OwnerTable.user, diagnostics: &diagnostics),
                group: Self.owner(
                    rule.group ?? rule.owner ?? item.group ?? item.owner, table: OwnerTable.group,
                    diagnostics: &diagnostics),
                modificationTime: status.modificationSeconds, source: .nothing, range: root.range,
                diagnostics: &diagnostics)
        }
        do {
            guard let status = try FileStatus.ofIfExists(top, followLinks: true) else {
                diagnostics.error(
                    "source-missing", "there is no directory '\(root.value)'", at: root.range,
                    help: NearestPath.existing(for: top).map { "'\($0)' exists" })
                return
            }
            guard status.kind == .directory else {
                diagnostics.error(
                    "source-not-directory", "'\(root.value)' is not a directory", at: root.range,
                    help: "use 'file:' for a single file")
                return
            }
            var pending = try FileTree.children(of: top).reversed().map { $0 }
            while let relative = pending.popLast() {
                let file = top + "/" + relative
                let status = try FileStatus.of(file, followLinks: false)
                let isDirectory = status.kind == .directory
                if excludes.excludes(relative, isDirectory: isDirectory) { continue }
                let isTaken = includes.includesWithin(relative, isDirectory: isDirectory)
                if !isTaken, !isDirectory { continue }
                let path = prefix == "/" ? "/" + relative : prefix + "/" + relative
                guard
                    InstalledPath.parse(Located(value: path, range: root.range), diagnostics: &diagnostics) != nil
                else { continue }
                if isDirectory {
                    pending += try FileTree.children(of: file).reversed().map { relative + "/" + $0 }
                    if !isTaken {
                        held[ByteKey(relative)] = status
                        continue
                    }
                }
                if !held.isEmpty {
                    for (folder, status) in Self.above(relative, in: &held) { addFolder(folder, status) }
                }
                if isDirectory {
                    addFolder(relative, status)
                    continue
                }
                let rule = rules.decision(for: relative, isDirectory: false)
                let fileOwner = Self.owner(rule.owner ?? item.owner, table: OwnerTable.user, diagnostics: &diagnostics)
                let fileGroup = Self.owner(
                    rule.group ?? rule.owner ?? item.group ?? item.owner, table: OwnerTable.group,
                    diagnostics: &diagnostics)
                switch status.kind {
                case .directory: break
                case .file:
                    // The umask of the checkout must not decide, so only "executable or not" is taken from the file.
                    let fallback: UInt16 = status.permissions & 0o100 != 0 ? 0o755 : 0o644
                    collector.add(
                        path, kind: .file(size: status.size), permissions: rule.mode ?? item.mode ?? fallback,
                        owner: fileOwner, group: fileGroup, modificationTime: status.modificationSeconds,
                        source: .file(path: file, status: status), isConffile: rule.isConffile,
                        identity: FileIdentity(item: itemCount, device: status.device, number: status.inode),
                        foreignCode: rule.foreignCode ?? item.ownership.foreignCode,
                        strips: rule.strips ?? item.strips, range: root.range, diagnostics: &diagnostics)
                case .symbolicLink:
                    let target = try FileTree.readLink(file)
                    if LexicalPath.isAbsolute(target), !item.keepsAbsoluteLinks {
                        diagnostics.error(
                            "tree-absolute-link",
                            "'\(relative)' in tree '\(root.value)' is an absolute link to '\(target)'", at: root.range,
                            help: "make it relative, exclude it and declare 'symlink: \(path)' with its target, or set "
                                + "'absolute-links: keep'")
                        continue
                    }
                    collector.add(
                        path, kind: .symbolicLink(target: target), permissions: 0o777, owner: fileOwner,
                        group: fileGroup, modificationTime: status.modificationSeconds, source: .nothing,
                        range: root.range, diagnostics: &diagnostics)
                case .other:
                    diagnostics.error(
                        "tree-special-file",
                        "'\(relative)' in tree '\(root.value)' is a device, socket or pipe", at: root.range,
                        help: "leave it out with 'exclude'")
                }
            }
        } catch {
            diagnostics.error("source-unreadable", "\(error)", at: root.range)
        }
        includes.reportUnused(of: "tree '\(root.value)'", diagnostics: &diagnostics)
        excludes.reportUnused(of: "tree '\(root.value)'", diagnostics: &diagnostics)
        rules.reportUnused(of: "tree '\(root.value)'", diagnostics: &diagnostics)
    }

    /// Takes the directories above a path out of those that are held, the outer ones first.
    static func above<Value>(_ path: String, in held: inout [ByteKey: Value]) -> [(path: String, value: Value)] {
        var found: [(String, Value)] = []
        var folder = path[...]
        while let slash = folder.utf8.lastIndex(of: UInt8(ascii: "/")) {
            folder = folder[..<slash]
            if let value = held.removeValue(forKey: ByteKey(String(folder))) { found.append((String(folder), value)) }
        }
        return found.reversed()
    }

    /// A directory that can be read can be searched: a rule for files such as 0640 must not lock it.
    private static func searchable(_ mode: UInt16) -> UInt16 { (mode & 0o444) >> 2 }
}
