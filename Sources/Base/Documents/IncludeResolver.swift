/// Loads a file together with those that it includes: `include: [FILE…]`, relative to the file, which overrides them.
public struct IncludeResolver {
    private static let key = "include"
    /// The longest chain of files that include one another.
    static let depthLimit = 16
    /// Files that are read for one; the same file counts each time.
    static let fileLimit = 256
    private let readFile: (String) throws -> [UInt8]
    /// What the files hold, for keys that were renamed.
    private let schema: SchemaNode?
    /// How a path is shown to the user.
    private let shown: (String) -> String
    /// What exists near a path that does not, for the diagnostic.
    private let nearest: (String) -> String?

    /// What is left to spend, so that loading ends soon for files that include one another many times.
    private struct Budget {
        var files = IncludeResolver.fileLimit
        var nodes = YAMLLoader.nodeLimit
    }

    /// Creates a resolver that reads files through a closure.
    ///
    /// - Parameter schema: what the files hold; keys under former names are renamed before files are merged.
    public init(
        schema: SchemaNode? = nil, readFile: @escaping (String) throws -> [UInt8],
        shown: @escaping (String) -> String = { $0 },
        nearest: @escaping (String) -> String? = { _ in nil }
    ) {
        self.schema = schema
        self.readFile = readFile
        self.shown = shown
        self.nearest = nearest
    }

    /// The merged tree, or nil after a diagnostic.
    public func load(_ path: String, diagnostics: inout Diagnostics) -> YAMLNode? {
        var budget = Budget()
        return load(path, chain: [], from: nil, budget: &budget, diagnostics: &diagnostics)
    }

    private func load(
        _ path: String, chain: [String], from range: SourceRange?, budget: inout Budget, diagnostics: inout Diagnostics
    ) -> YAMLNode? {
        guard isAllowed(path, chain: chain, from: range, budget: &budget, diagnostics: &diagnostics) else { return nil }
        let bytes: [UInt8]
        do {
            bytes = try readFile(path)
        } catch {
            diagnostics.error(
                "include-unreadable", "\(error)", at: range, help: nearest(path).map { "'\($0)' exists" })
            return nil
        }
        let source = SourceText(path: shown(path), bytes: bytes)
        guard var node = YAMLLoader.load(source, diagnostics: &diagnostics) else { return nil }
        if let schema { node = schema.renamingFormerKeys(node, &diagnostics) }
        budget.nodes -= node.nodeCount
        guard budget.nodes >= 0 else {
            diagnostics.error(
                "too-many-nodes", "the files have more than \(YAMLLoader.nodeLimit) nodes together", at: range,
                help: "a file counts each time that it is included")
            return nil
        }
        guard case .mapping = node.content else {
            diagnostics.error(
                "type", "the file holds \(node.kindName), not a mapping", at: node.range,
                help: "begin with 'key: value' lines")
            return nil
        }
        guard let include = node[key: Self.key] else { return node }
        let result = node.removing(keys: [Self.key])
        let items: [YAMLNode]
        switch include.content {
        case .sequence(let list): items = list
        case .scalar: items = [include]
        case .mapping:
            diagnostics.error("type", "'include' is a mapping, not a list of files", at: include.range)
            return nil
        }
        var base: YAMLNode?
        let folder = path.unicodeScalars.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        var isComplete = true
        for item in items {
            guard let name = item.scalarText, !item.isNull, !name.isEmpty else {
                let found = item.scalarText == "" && !item.isNull ? "an empty text" : item.kindName
                diagnostics.error("type", "an include is \(found), not a file name", at: item.range)
                isComplete = false
                continue
            }
            let target = Self.simplified(name.utf8.first == UInt8(ascii: "/") ? name : folder + name)
            guard
                let included = load(
                    target, chain: chain + [path], from: item.range, budget: &budget, diagnostics: &diagnostics)
            else {
                isComplete = false
                // Every further file would only say the same.
                if budget.files < 0 || budget.nodes < 0 { break }
                continue
            }
            base = base.map { NodeMerge.overlay($0, included, lists: .append) } ?? included
        }
        guard isComplete else { return nil }
        return base.map { NodeMerge.overlay($0, result, lists: .append) } ?? result
    }

    private func isAllowed(
        _ path: String, chain: [String], from range: SourceRange?, budget: inout Budget, diagnostics: inout Diagnostics
    ) -> Bool {
        budget.files -= 1
        if chain.contains(path) {
            diagnostics.error(
                "include-cycle", "'\(shown(path))' includes itself", at: range,
                notes: [(chain + [path]).map(shown).joined(separator: " → ")], help: "remove one of the includes")
            return false
        }
        if chain.count >= Self.depthLimit {
            diagnostics.error(
                "include-depth", "more than \(Self.depthLimit) files include one another", at: range,
                notes: [(chain + [path]).map(shown).joined(separator: " → ")], help: "include the last ones directly")
            return false
        }
        if budget.files < 0 {
            diagnostics.error(
                "include-count", "more than \(Self.fileLimit) files are included", at: range,
                help: "a file counts each time that it is included")
            return false
        }
        return true
    }

    /// Without `.` and `..` where they can be resolved, so that one file has one name.
    private static func simplified(_ path: String) -> String {
        var parts: [Substring] = []
        // By scalars: a slash before a combining mark is a slash anyway.
        for part in path.unicodeScalars.split(separator: "/").map({ Substring($0) }) where part != "." {
            if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
        }
        return (path.utf8.first == UInt8(ascii: "/") ? "/" : "") + parts.joined(separator: "/")
    }
}
