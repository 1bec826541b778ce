/// Loads a file together with those that it includes: `include: [FILE…]`, relative to the file, each laid below it.
public struct IncludeResolver {
    /// The key.
    public static let key = "include"
    private static let depthLimit = 16
    private let readFile: (String) throws -> [UInt8]
    /// How a path is shown to the user.
    private let shown: (String) -> String
    /// What exists near a path that does not, for the diagnostic.
    private let nearest: (String) -> String?

    /// Creates a resolver that reads files through a closure.
    public init(
        readFile: @escaping (String) throws -> [UInt8], shown: @escaping (String) -> String = { $0 },
        nearest: @escaping (String) -> String? = { _ in nil }
    ) {
        self.readFile = readFile
        self.shown = shown
        self.nearest = nearest
    }

    /// The merged tree, or nil after a diagnostic.
    public func load(_ path: String, diagnostics: inout Diagnostics) -> YAMLNode? {
        load(path, chain: [], from: nil, diagnostics: &diagnostics)
    }

    private func load(
        _ path: String, chain: [String], from range: SourceRange?, diagnostics: inout Diagnostics
    ) -> YAMLNode? {
        if chain.contains(path) || chain.count >= Self.depthLimit {
            diagnostics.error(
                "include-cycle", "'\(shown(path))' includes itself", at: range,
                notes: [(chain + [path]).map(shown).joined(separator: " → ")], help: "take one of the includes out")
            return nil
        }
        let bytes: [UInt8]
        do {
            bytes = try readFile(path)
        } catch {
            diagnostics.error(
                "include-unreadable", "\(error)", at: range, help: nearest(path).map { "'\($0)' exists" })
            return nil
        }
        let source = SourceText(path: shown(path), bytes: bytes)
        guard let node = YAMLLoader.load(source, diagnostics: &diagnostics) else { return nil }
        guard case .mapping = node.content else {
            diagnostics.error(
                "type", "the file holds \(node.kindName), not a mapping", at: node.range,
                help: "begin with 'key: value' lines")
            return nil
        }
        guard let include = node[key: Self.key] else { return node }
        var result = node.removing(keys: [Self.key])
        let items: [YAMLNode]
        switch include.content {
        case .sequence(let list): items = list
        case .scalar: items = [include]
        case .mapping:
            diagnostics.error("type", "'include' is a mapping, not a list of files", at: include.range)
            return nil
        }
        var base: YAMLNode?
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        var isComplete = true
        for item in items {
            guard let name = item.scalarText, !item.isNull else {
                diagnostics.error("type", "an include is \(item.kindName), not a file name", at: item.range)
                isComplete = false
                continue
            }
            let target = Self.simplified(name.hasPrefix("/") ? name : folder + name)
            guard let included = load(target, chain: chain + [path], from: item.range, diagnostics: &diagnostics)
            else {
                isComplete = false
                continue
            }
            base = base.map { NodeMerge.overlay($0, included, lists: .append) } ?? included
        }
        if let base { result = NodeMerge.overlay(base, result, lists: .append) }
        return isComplete ? result : nil
    }

    /// Without `.` and `..` where they can be resolved, so that one file has one name.
    private static func simplified(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
        }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }
}
