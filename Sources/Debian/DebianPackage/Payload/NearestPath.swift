import Files
import Platform
import Documents

/// What exists near a path that does not: a sibling with a similar name, or the nearest folder above.
enum NearestPath {
    static func existing(for path: String) -> String? {
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
