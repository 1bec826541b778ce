import Archive
import DebianFormat
import Files

/// Rules for symbolic and hard links.
enum LinkRules {
    static let all = [absoluteOrRelative, dangling, aboveRoot, hardLinkTarget]

    static let absoluteOrRelative = LintRule(
        "DB0206", .warning, "link is absolute within a top-level directory, or relative across two",
        remedy: "make it relative within one top-level directory and absolute otherwise",
        reference: "Debian Policy 10.5"
    ) { subject in
        subject.image.entries.compactMap { entry in
            guard case .symbolicLink(let target) = entry.kind,
                let resolved = EntryPaths.target(of: target, at: entry.path)
            else { return nil }
            let top = LexicalPath.components(entry.path).first
            let isSameTop = top == LexicalPath.components(resolved).first && top != nil
            // A link straight in the root has no top-level directory around it.
            if EntryPaths.parent(of: entry.path) == "/" { return nil }
            if target.hasPrefix("/") {
                return isSameTop ? .init(entry.path, "points to '\(target)', absolute within /\(top ?? "")") : nil
            }
            return isSameTop ? nil : .init(entry.path, "points to '\(target)', relative out of /\(top ?? "")")
        }
    }

    static let dangling = LintRule(
        "DB0207", .warning, "link points to nothing in a folder that the package ships",
        remedy: "ship the target, or depend on the package that has it", reference: "Debian Policy 10.5"
    ) { subject in
        // A development package's links point into the library package of the same version.
        let hasSibling = (subject.relations[.depends]?.groups ?? []).joined().contains { relation in
            relation.constraint?.relationship == .equal
        }
        if hasSibling { return [] }
        let hasDependencies = subject.relations[.depends] != nil || subject.relations[.preDepends] != nil
        return subject.image.entries.compactMap { entry in
            guard case .symbolicLink(let target) = entry.kind,
                let resolved = EntryPaths.target(of: target, at: entry.path), subject.entries[resolved] == nil,
                !SystemPaths.directories.contains(resolved),
                !["/dev/", "/proc/", "/run/", "/sys/"].contains(where: { resolved.hasPrefix($0) }),
                !resolved.hasPrefix("/usr/share/common-licenses/"), !isBelowShippedLink(resolved, subject)
            else { return nil }
            // What is elsewhere a dependency may ship.
            let folder = EntryPaths.parent(of: resolved)
            let isOwnFolder = subject.entries[folder] != nil && !SystemPaths.directories.contains(folder)
            guard !hasDependencies || isOwnFolder || folder == EntryPaths.parent(of: entry.path) else { return nil }
            return .init(entry.path, "points to '\(target)', which is not shipped")
        }
    }

    static let aboveRoot = LintRule(
        "DB0220", .error, "link leads above the root or is empty", remedy: "write the path that is meant",
        reference: "Debian Policy 10.5"
    ) { subject in
        subject.image.entries.compactMap { entry in
            guard case .symbolicLink(let target) = entry.kind,
                target.isEmpty || EntryPaths.target(of: target, at: entry.path) == nil
            else { return nil }
            return .init(entry.path, "points to '\(target)'")
        }
    }

    static let hardLinkTarget = LintRule(
        "DB0221", .error, "hard link to something that is not shipped before it, or to a conffile",
        remedy: "ship the file first, or ship two files", reference: "tar(5), Debian Policy 10.7.3"
    ) { subject in
        var seen: Set<String> = []
        var found: [LintRule.Observation] = []
        for entry in subject.image.entries {
            if case .hardLink(let target) = entry.kind {
                let path = "/" + LexicalPath.components(target).filter { $0 != "." }.joined(separator: "/")
                if !seen.contains(path) {
                    found.append(.init(entry.path, "is a hard link to '\(path)', which does not stand before it"))
                } else if subject.conffiles.contains(path) || subject.conffiles.contains(entry.path) {
                    found.append(.init(entry.path, "is a hard link and a conffile"))
                }
            }
            seen.insert(entry.path)
        }
        return found
    }

    private static func isBelowShippedLink(_ path: String, _ subject: LintSubject) -> Bool {
        EntryPaths.ancestors(of: path).contains { folder in
            if case .symbolicLink = subject.entries[folder]?.kind { return true }
            return false
        }
    }
}
