import Archive
import DebianArchive
import DebianFormat
import Files
import Platform

/// Rules for where entries are.
enum EntryPathRules {
    static let all = [
        localFiles, duplicatePath, forbiddenPlace, specialFile, controlCharacters, missingParent, parentNotDirectory,
        shippedScriptInterpreter,
    ]

    static let localFiles = LintRule(
        "DB0205", .info, "file in /usr/local", remedy: "move it to /usr, unless programs outside expect it there",
        reference: "Debian Policy 9.1.2"
    ) { entry, subject in
        !entry.isDirectory && entry.path.startsBytewise("/usr/local/") && !isExpected(entry.path, subject)
    } message: { _ in
        "is in /usr/local, which belongs to the administrator"
    }

    static let duplicatePath = LintRule(
        "DB0208", .error, "two entries at one path", remedy: "ship one of them",
        reference: "deb(5), tar(5)"
    ) { subject, found in
        for (position, entry) in subject.image.entries.enumerated()
        where subject.entries.firstPosition(of: entry.path) != position {
            found.add(entry.path, "is in data.tar more than once")
        }
    }

    static let forbiddenPlace = LintRule(
        "DB0213", .error, "file where packages ship nothing",
        remedy: "create it at run time: tmpfiles.d for /run, the service itself for the rest",
        reference: "Debian Policy 9.1.1 and 9.1.4"
    ) { entry, _ in
        forbiddenPlaces.contains { entry.path.startsBytewise($0) }
    } message: { _ in
        "is shipped in a place that is not the packages'"
    }

    private static let forbiddenPlaces = [
        "/tmp/", "/run/", "/var/run/", "/var/lock/", "/var/tmp/", "/home/", "/root/", "/mnt/", "/media/", "/dev/",
        "/proc/", "/sys/",
    ]

    static let specialFile = LintRule(
        "DB0214", .error, "device, pipe or socket", remedy: "create it at run time",
        reference: "Debian Policy 10.6"
    ) { entry, _ in
        if case .other = entry.kind { true } else { false }
    } message: {
        "is a \($0.typeName)"
    }

    static let controlCharacters = LintRule(
        "DB0216", .warning, "path has control characters or is not UTF-8", remedy: "rename it",
        reference: "Debian Policy 10.10"
    ) { entry, _ in
        // Most paths are plain, and their bytes are looked at faster than their characters.
        !entry.path.utf8.allSatisfy({ (0x20..<0x7f).contains($0) })
            && entry.path.unicodeScalars.contains {
                $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) || $0 == "\u{fffd}"
            }
    } message: { _ in
        "has characters that no terminal shows"
    }

    static let missingParent = LintRule(
        "DB0217", .error, "entry comes before its directory, or without it",
        remedy: "put every directory into data.tar before what is in it", reference: "dpkg-deb(1), tar(5)"
    ) { subject, found in
        // Most entries stand behind another one of the same directory.
        var last = "/"
        for (position, entry) in subject.image.entries.enumerated() {
            let parent = EntryPaths.parent(of: entry.path)
            if parent.hasSameBytes(as: last) { continue }
            if SystemPaths.directories.contains(parent) || subject.entries.hasEntry(at: parent, before: position) {
                last = parent
            } else {
                found.add(entry.path, "comes without its directory '\(parent)' before it")
            }
        }
    }

    static let parentNotDirectory = LintRule(
        "DB0218", .error, "entry is below something that is not a directory",
        remedy: "ship it at the place that the link points to", reference: "Debian Policy 10.5"
    ) { subject, found in
        // Most entries stand behind another one of the same directory.
        var last = (parent: "/", obstacle: String?.none)
        for entry in subject.image.entries {
            let parent = EntryPaths.parent(of: entry.path)
            if !parent.hasSameBytes(as: last.parent) {
                last.obstacle = EntryPaths.ancestors(of: entry.path).first { subject.entries[$0]?.isDirectory == false }
                last.parent = parent
            }
            if let obstacle = last.obstacle {
                found.add(entry.path, "is below '\(obstacle)', which the package does not ship as a directory")
            }
        }
    }

    static let shippedScriptInterpreter = LintRule(
        "DB0219", .error, "executable file names no interpreter",
        remedy: "begin it with '#!/bin/sh' or another program",
        reference: "Debian Policy 10.4, execve(2)"
    ) { subject, found in
        for entry in subject.image.entries {
            guard entry.isRegularFile, entry.permissions & 0o111 != 0, entry.facts.elf == nil, let text = entry.text,
                EntryPaths.isProgram(entry.path)
            else { continue }
            guard text.starts(with: "#!".utf8) else {
                found.add(entry.path, "is executable, no ELF file, and does not begin with '#!'")
                continue
            }
            let interpreter = Interpreter.words(text).first ?? ""
            if !interpreter.startsBytewise("/") { found.add(entry.path, "names the interpreter '\(interpreter)'") }
        }
    }

    private static func isExpected(_ path: String, _ subject: LintedPackage) -> Bool {
        subject.knownPackages.contains { $0.files.contains(path) }
    }
}

/// Paths of a package, worked on as text.
package enum EntryPaths {
    /// The directory that holds a path.
    package static func parent(of path: String) -> String {
        let bytes = path.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), slash != bytes.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// The directories above a path, nearest first, the root left out; bounded, since hostile paths have thousands.
    static func ancestors(of path: String) -> [String] {
        var result: [String] = []
        var parent = parent(of: path)
        while parent != "/", result.count < 16 {
            result.append(parent)
            parent = Self.parent(of: parent)
        }
        return result
    }

    /// Where a link points to; nil when it leads above the root.
    static func target(of link: String, at path: String) -> String? {
        var components: [Substring] = LexicalPath.isAbsolute(link) ? [] : LexicalPath.components(parent(of: path))
        for part in LexicalPath.components(link) {
            if part == "." { continue }
            if part == ".." {
                if components.popLast() == nil { return nil }
            } else {
                components.append(part)
            }
        }
        return "/" + components.joined(separator: "/")
    }

    /// Whether a path is in a folder of programs.
    static func isProgram(_ path: String) -> Bool {
        let folder = LexicalPath.components(path).dropLast().last
        return folder.map { ["bin", "sbin", "games", "init.d"].contains($0) } ?? false
    }
}

/// Rules for symbolic and hard links.
enum LinkRules {
    static let all = [absoluteOrRelative, dangling, aboveRoot, hardLinkTarget]

    static let absoluteOrRelative = LintRule(
        "DB0206", .warning, "link is absolute within a top-level directory, or relative across two",
        remedy: "make it relative within one top-level directory and absolute otherwise",
        reference: "Debian Policy 10.5"
    ) { subject, found in
        for entry in subject.image.entries {
            guard case .symbolicLink(let target) = entry.kind,
                let resolved = EntryPaths.target(of: target, at: entry.path)
            else { continue }
            let top = LexicalPath.components(entry.path).first
            let isSameTop = top == LexicalPath.components(resolved).first && top != nil
            // A link straight in the root has no top-level directory around it.
            if EntryPaths.parent(of: entry.path) == "/" { continue }
            let isAbsolute = target.startsBytewise("/")
            if isAbsolute, isSameTop {
                found.add(entry.path, "points to '\(target)', absolute within /\(top ?? "")")
            } else if !isAbsolute, !isSameTop {
                found.add(entry.path, "points to '\(target)', relative out of /\(top ?? "")")
            }
        }
    }

    static let dangling = LintRule(
        "DB0207", .warning, "link points to a file that is missing from a folder of the package",
        remedy: "ship the target, or depend on the package that has it", reference: "Debian Policy 10.5"
    ) { subject, found in
        // A development package's links point into the library package of the same version.
        let hasSibling = (subject.relations[.depends]?.groups ?? []).joined().contains { relation in
            relation.constraint?.relationship == .equal
        }
        if hasSibling { return }
        let hasDependencies = subject.relations[.depends] != nil || subject.relations[.preDepends] != nil
        for entry in subject.image.entries {
            guard case .symbolicLink(let target) = entry.kind,
                let resolved = EntryPaths.target(of: target, at: entry.path), subject.entries[resolved] == nil,
                !SystemPaths.directories.contains(resolved),
                !["/dev/", "/proc/", "/run/", "/sys/"].contains(where: { resolved.startsBytewise($0) }),
                !resolved.startsBytewise("/usr/share/common-licenses/"), !isBelowShippedLink(resolved, subject)
            else { continue }
            // What is elsewhere a dependency may ship.
            let folder = EntryPaths.parent(of: resolved)
            let isOwnFolder = subject.entries[folder] != nil && !SystemPaths.directories.contains(folder)
            guard !hasDependencies || isOwnFolder || folder == EntryPaths.parent(of: entry.path) else { continue }
            found.add(entry.path, "points to '\(target)', which is not shipped")
        }
    }

    static let aboveRoot = LintRule(
        "DB0220", .error, "link leads above the root or is empty", remedy: "write the path that is meant",
        reference: "Debian Policy 10.5"
    ) { entry, _ in
        guard case .symbolicLink(let target) = entry.kind else { return false }
        return target.isEmpty || EntryPaths.target(of: target, at: entry.path) == nil
    } message: {
        "points to '\($0.linkTarget ?? "")'"
    }

    static let hardLinkTarget = LintRule(
        "DB0221", .error, "hard link to something that is not shipped before it, or to a conffile",
        remedy: "ship the file first, or ship two files", reference: "tar(5), Debian Policy 10.7.3"
    ) { subject, found in
        for (position, entry) in subject.image.entries.enumerated() {
            guard case .hardLink(let target) = entry.kind else { continue }
            let path = "/" + LexicalPath.components(target).filter { $0 != "." }.joined(separator: "/")
            if !subject.entries.hasEntry(at: path, before: position) {
                found.add(entry.path, "is a hard link to '\(path)', which does not come before it")
            } else if subject.conffiles.contains(path) || subject.conffiles.contains(entry.path) {
                found.add(entry.path, "is both a hard link and a conffile")
            }
        }
    }

    private static func isBelowShippedLink(_ path: String, _ subject: LintedPackage) -> Bool {
        EntryPaths.ancestors(of: path).contains { folder in
            if case .symbolicLink = subject.entries[folder]?.kind { return true }
            return false
        }
    }
}
