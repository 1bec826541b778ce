import DebianArchive
import Documents
import Files
import Glibc
import Platform

/// What a source of the specification names: one file, or with wildcards any number.
///
/// `*`, `?`, `[…]` and `**` mean what they mean in ``GlobPattern``. Where one of them stands, a backslash takes the next
/// character as it is, so that `\*` is a star; a text without any of them is the name of a file, backslashes included.
package struct SourcePattern {
    /// The text names this file; nil for a pattern of several.
    package let name: String?
    /// The leading components without wildcards; empty for the package folder.
    let folder: String
    /// What is behind them, compared with paths below the folder.
    let rest: String

    private static let wildcards = "*?["
    private static let backslash = UInt8(ascii: "\\")

    /// Reads a text.
    package init(_ text: String) {
        guard text.utf8.contains(where: { Self.wildcards.utf8.contains($0) }) else {
            (name, folder, rest) = (text, "", "")
            return
        }
        let components = LexicalPath.components(text)
        let fixed = components.prefix { !Self.isWild($0) }
        name = fixed.count == components.count ? Self.unquoted(text) : nil
        folder = (LexicalPath.isAbsolute(text) ? "/" : "") + fixed.map { Self.unquoted($0) }.joined(separator: "/")
        rest =
            components[fixed.endIndex...].filter { $0 != "." }.joined(separator: "/")
            + (text.utf8.last == UInt8(ascii: "/") ? "/" : "")
    }

    /// How deep below the folder a match may lie; nil for any depth.
    package var depth: Int? {
        let components = LexicalPath.components(rest)
        let isDeep = components.contains { $0.utf8.count > 1 && $0.utf8.allSatisfy { $0 == UInt8(ascii: "*") } }
        return isDeep ? nil : components.count
    }

    /// Whether a component has a wildcard without a backslash before it.
    private static func isWild(_ component: Substring) -> Bool {
        var isQuoted = false
        for byte in component.utf8 {
            if !isQuoted, wildcards.utf8.contains(byte) { return true }
            isQuoted = byte == backslash && !isQuoted
        }
        return false
    }

    private static func unquoted(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        var isQuoted = false
        for byte in text.utf8 {
            isQuoted = byte == backslash && !isQuoted
            if !isQuoted { bytes.append(byte) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A path as a text that names this file and no other.
    package static func quoted(_ path: String) -> String {
        guard path.utf8.contains(where: { wildcards.utf8.contains($0) }) else { return path }
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            if wildcards.utf8.contains(byte) || byte == backslash { bytes.append(backslash) }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A file that an item of the specification stands for.
struct NamedSource {
    /// Its path, from the package folder.
    var file: Located<String>
    /// What a destination that is a folder gets: the last component, or for a pattern everything from its first
    /// component with a wildcard on.
    var relative: String
}

extension SourceFiles {
    /// More files than that are better given as a tree.
    private static let matchLimit = 10_000
    /// Names that are looked at for the ones that are nearest to a pattern without matches.
    private static let nearestLimit = 2000
    private static let shownNames = 3

    /// The files that a text names, in byte order; none after a diagnostic.
    func named(by text: Located<String>, diagnostics: inout Diagnostics) -> [NamedSource] {
        let pattern = SourcePattern(text.value)
        if let name = pattern.name {
            let last = LexicalPath.components(name).last.map(String.init) ?? ""
            return [NamedSource(file: Located(value: name, range: text.range), relative: last)]
        }
        let glob = GlobPattern("/" + pattern.rest)
        guard glob.isValid, pattern.rest.utf8.last != UInt8(ascii: "/"),
            !LexicalPath.components(pattern.rest).contains("..")
        else {
            let isFolder = pattern.rest.utf8.last == UInt8(ascii: "/")
            diagnostics.error(
                "source-pattern", "'\(text.value)' is not a pattern of files", at: text.range,
                help: isFolder
                    ? "give folders as 'tree:', with 'include:' for what is taken of them"
                    : "close each '[', put no '..' behind a wildcard, and write '\\[' for a name with a bracket")
            return []
        }
        guard
            let top = resolve(
                Located(value: pattern.folder.isEmpty ? "." : pattern.folder, range: text.range),
                diagnostics: &diagnostics)
        else { return [] }
        var search = PatternSearch(top: top, glob: glob, depth: pattern.depth, limit: Self.matchLimit)
        do throws(FileError) {
            let real = try FileTree.realPath(top)
            guard LexicalPath.isInside(real, folder: workspaceRoot) else {
                diagnostics.error(
                    "source-outside", "'\(pattern.folder)' is a link to '\(real)', outside the workspace",
                    at: text.range, help: "copy the files into the package folder")
                return []
            }
            try search.run()
        } catch {
            let isMissing = error.errno == ENOENT || error.errno == ENOTDIR
            diagnostics.error(
                isMissing ? "source-missing" : "source-unreadable",
                isMissing ? "there is no directory '\(pattern.folder)'" : "\(error)", at: text.range,
                help: isMissing ? NearestPath.existing(for: top).map { "'\($0)' exists" } : nil)
            return []
        }
        guard search.matches.count <= Self.matchLimit else {
            diagnostics.error(
                "source-pattern", "'\(text.value)' matches more than \(Self.matchLimit) files", at: text.range,
                help: "give the folder as 'tree:', with 'include:' for what is taken of it")
            return []
        }
        guard !search.matches.isEmpty else {
            diagnostics.error(
                "source-pattern", "'\(text.value)' matches no file", at: text.range,
                help: help(for: pattern, search, in: top))
            return []
        }
        let prefix = pattern.folder.isEmpty || pattern.folder == "/" ? pattern.folder : pattern.folder + "/"
        return search.matches.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            .map { NamedSource(file: Located(value: prefix + $0, range: text.range), relative: $0) }
    }

    /// What to do about a pattern without matches.
    private func help(for pattern: SourcePattern, _ search: PatternSearch, in top: String) -> String {
        let folder = LexicalPath.shortened(top, in: FileTree.currentDirectory)
        if search.others.contains(where: { $0.utf8.elementsEqual(pattern.rest.utf8) }) {
            return "there is a file of this very name; '\(SourcePattern.quoted(pattern.rest))' is its name as a text"
        }
        if let directory = search.directories.first {
            return "it matches the directory '\(directory)': use 'tree:' for a directory, or '/**' for the files in it"
        }
        guard !search.others.isEmpty else { return "there is no file in '\(folder)'" }
        let wanted = Array(pattern.rest.utf8)
        let ranked = search.others.prefix(Self.nearestLimit)
            .map { name in (name: name, score: Self.likeness(Array(name.utf8), wanted)) }
            .sorted { ($1.score, $0.name) < ($0.score, $1.name) }
        let shown = ranked.prefix(Self.shownNames).map { "'\(DisplayText.shortened($0.name))'" }
        let others = search.others.count - shown.count
        return "'\(folder)' has \(shown.joined(separator: ", "))" + (others > 0 ? " and \(others) more" : "")
    }

    /// How many bytes two texts share at their beginnings and ends.
    private static func likeness(_ left: [UInt8], _ right: [UInt8]) -> Int {
        let first = zip(left, right).prefix { $0 == $1 }.count
        let last = zip(left.reversed(), right.reversed()).prefix { $0 == $1 }.count
        return min(first + last, min(left.count, right.count))
    }
}

/// Looks for the files below a folder that a pattern matches.
private struct PatternSearch {
    let top: String
    let glob: GlobPattern
    let depth: Int?
    let limit: Int
    /// Paths below the folder.
    private(set) var matches: [String] = []
    /// Directories that match, which a pattern of files does not mean.
    private(set) var directories: [String] = []
    /// Files that do not match.
    private(set) var others: [String] = []

    init(top: String, glob: GlobPattern, depth: Int?, limit: Int) {
        (self.top, self.glob, self.depth, self.limit) = (top, glob, depth, limit)
    }

    private static func isDirectory(_ path: String) -> Bool {
        do throws(FileError) {
            return try FileStatus.ofIfExists(path, followLinks: true)?.kind == .directory
        } catch {
            // A link that leads in circles, or where nothing may be seen: opening it says so, if it is wanted at all.
            return false
        }
    }

    mutating func run() throws(FileError) {
        var pending: [(path: String, depth: Int)] = [("", 1)]
        while let (folder, level) = pending.popLast(), matches.count <= limit {
            for name in try FileTree.children(of: folder.isEmpty ? top : top + "/" + folder) {
                let path = folder.isEmpty ? name : folder + "/" + name
                let status = try FileStatus.of(top + "/" + path, followLinks: false)
                // A link to a directory is not looked into: it may lead back to where it is.
                let isLinkedDirectory = status.kind == .symbolicLink && Self.isDirectory(top + "/" + path)
                let isDirectory = status.kind == .directory || isLinkedDirectory
                let isMatch = glob.matches(path, isDirectory: isDirectory)
                if isDirectory {
                    if isMatch { directories.append(path) }
                    if !isLinkedDirectory, depth.map({ level < $0 }) ?? true { pending.append((path, level + 1)) }
                } else if isMatch {
                    matches.append(path)
                } else {
                    others.append(path)
                }
            }
        }
    }
}
