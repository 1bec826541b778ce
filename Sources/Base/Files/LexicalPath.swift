import Platform

/// Paths as text, without asking the file system.
///
/// The kernel knows bytes and not Characters: a slash before a combining mark is one Character and still a slash. Every
/// question here is answered from bytes, so that no `..` hides behind a mark.
public enum LexicalPath {
    /// The parts between slashes, without empty ones.
    public static func components(_ path: some StringProtocol) -> [Substring] {
        Substring(path).utf8.split(separator: UInt8(ascii: "/")).map { Substring($0) }
    }

    /// Whether the path begins at the root.
    public static func isAbsolute(_ path: some StringProtocol) -> Bool { path.utf8.first == UInt8(ascii: "/") }

    /// Whether the path lies below the folder, or is the folder.
    public static func isInside(_ path: some StringProtocol, folder: String) -> Bool {
        let bytes = folder.utf8.last == UInt8(ascii: "/") ? folder.utf8.dropLast() : folder.utf8[...]
        guard path.utf8.starts(with: bytes) else { return false }
        let next = path.utf8.dropFirst(bytes.count).first
        return next == nil || next == UInt8(ascii: "/")
    }

    /// An absolute path without `.`, `..`, double and trailing slashes; nil when it is not absolute or `..` climbs above
    /// the root.
    public static func normalised(_ path: String) -> String? {
        guard isAbsolute(path) else { return nil }
        var components: [Substring] = []
        for component in Self.components(path) where component != "." {
            if component == ".." {
                guard components.popLast() != nil else { return nil }
            } else {
                components.append(component)
            }
        }
        return "/" + components.joined(separator: "/")
    }

    /// A path as people write it in a folder: without the folder, if it lies below.
    public static func shortened(_ path: String, in folder: String) -> String {
        let prefix = folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/"
        guard path.utf8.starts(with: prefix.utf8), path.utf8.count > prefix.utf8.count else { return path }
        return String(Substring(path.utf8.dropFirst(prefix.utf8.count)))
    }

    /// The folder and the last component; the folder of a bare name is `.`.
    public static func split(_ path: String) -> (folder: String, name: String) {
        let bytes = path.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        let name = String(Substring(bytes[bytes.index(after: slash)...]))
        return (slash == bytes.startIndex ? "/" : String(Substring(bytes[..<slash])), name)
    }
}

/// What exists near a path that does not: a sibling with a similar name, or the nearest folder above.
package enum NearestPath {
    /// The path of what exists, shown from the working directory.
    package static func existing(for path: String) -> String? {
        find(near: path).map { LexicalPath.shortened($0, in: FileTree.currentDirectory) }
    }

    private static func find(near path: String) -> String? {
        var components = LexicalPath.components(path).map(String.init)
        guard let missing = components.popLast() else { return nil }
        var wanted = missing
        while true {
            let folder = "/" + components.joined(separator: "/")
            if let children = try? FileTree.children(of: folder) {
                if let similar = SpellingSuggestion.of(wanted, among: children) {
                    return folder == "/" ? "/" + similar : folder + "/" + similar
                }
                return folder
            }
            guard let next = components.popLast() else { return nil }
            wanted = next
        }
    }
}
