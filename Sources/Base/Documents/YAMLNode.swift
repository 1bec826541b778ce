/// A node of a YAML document with its place.
public struct YAMLNode: Sendable {
    /// How a scalar was written.
    public enum Style: Sendable, Hashable {
        case plain, quoted, block
    }

    /// What a node is.
    public indirect enum Content: Sendable {
        case scalar(text: String, style: Style)
        case sequence([YAMLNode])
        case mapping([Pair])
    }

    /// A key with its value.
    public struct Pair: Sendable {
        /// The key, always a scalar.
        public var key: YAMLNode
        /// The value.
        public var value: YAMLNode

        /// Creates a pair.
        public init(key: YAMLNode, value: YAMLNode) {
            self.key = key
            self.value = value
        }
    }

    /// What it is.
    public var content: Content
    /// Where it is.
    public var range: SourceRange?
    /// Tagged `!replace`: replaces what it is merged over.
    public var replaces: Bool

    /// Creates a node.
    public init(content: Content, range: SourceRange?, replaces: Bool = false) {
        self.content = content
        self.range = range
        self.replaces = replaces
    }

    /// The text of a scalar.
    public var scalarText: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    private func hasText(_ wanted: String) -> Bool {
        if case .scalar(let text, _) = content { text == wanted } else { false }
    }

    /// Whether it is what YAML takes for no value: empty, `~` or `null` without quotes.
    public var isNull: Bool {
        guard case .scalar(let text, .plain) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// What it is, for messages.
    public var kindName: String {
        switch content {
        case .scalar: isNull ? "nothing" : "a value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The value of a key in a mapping.
    public subscript(key key: String) -> YAMLNode? { self[pair: key]?.value }

    /// A key with its value in a mapping.
    public subscript(pair key: String) -> Pair? {
        // By index: copying each pair on the way would cost more than the comparison.
        guard case .mapping(let pairs) = content,
            let index = pairs.indices.first(where: { pairs[$0].key.hasText(key) })
        else { return nil }
        return pairs[index]
    }

    /// The mapping without some keys.
    public func removing(keys: Set<String>) -> YAMLNode {
        guard case .mapping(let pairs) = content else { return self }
        var copy = self
        copy.content = .mapping(pairs.filter { !keys.contains($0.key.scalarText ?? "") })
        return copy
    }

    /// The mapping with one pair more, if there is one.
    public func adding(_ pair: Pair?) -> YAMLNode {
        guard let pair, case .mapping(let pairs) = content else { return self }
        var copy = self
        copy.content = .mapping(pairs + [pair])
        return copy
    }

    /// The tree without the values that mention a variable.
    public func removingVariables() -> YAMLNode {
        var copy = self
        switch content {
        case .scalar: break
        case .sequence(let items):
            copy.content = .sequence(items.filter { !$0.mentionsVariable }.map { $0.removingVariables() })
        case .mapping(let pairs):
            copy.content = .mapping(
                pairs.filter { !$0.value.mentionsVariable }.map {
                    Pair(key: $0.key, value: $0.value.removingVariables())
                })
        }
        return copy
    }

    private var mentionsVariable: Bool {
        switch content {
        case .scalar(let text, _): text.contains("${")
        case .sequence(let items): items.contains { $0.mentionsVariable }
        case .mapping(let pairs): pairs.contains { $0.value.mentionsVariable }
        }
    }

    /// This node and all below it, keys included.
    var nodeCount: Int {
        switch content {
        case .scalar: 1
        case .sequence(let items): items.reduce(1) { $0 + $1.nodeCount }
        case .mapping(let pairs): pairs.reduce(1) { $0 + 1 + $1.value.nodeCount }
        }
    }
}

/// Lays one tree over another.
public enum NodeMerge {
    /// What becomes of two lists at the same place.
    public enum Lists: Sendable {
        /// The upper one is added after the lower one.
        case append
        /// The upper one replaces the lower one.
        case replace
    }

    /// Mappings merge by key, scalars replace each other, lists as asked; a node tagged `!replace` replaces whatever is below it.
    public static func overlay(_ base: YAMLNode, _ top: YAMLNode, lists: Lists) -> YAMLNode {
        if top.replaces { return top }
        var result = top
        switch (base.content, top.content) {
        case (.mapping(let below), .mapping(let above)):
            var pairs = below
            var places: [String: Int] = [:]
            for (index, pair) in below.enumerated() { places[pair.key.scalarText ?? ""] = index }
            for pair in above {
                let name = pair.key.scalarText ?? ""
                if let index = places[name] {
                    pairs[index] = YAMLNode.Pair(
                        key: pair.key, value: overlay(pairs[index].value, pair.value, lists: lists))
                } else {
                    places[name] = pairs.count
                    pairs.append(pair)
                }
            }
            result.content = .mapping(pairs)
        case (.sequence(let below), .sequence(let above)) where lists == .append:
            result.content = .sequence(below + above)
        // A single value may stand for a list of one (Shape.list), so it must not throw a list away.
        case (.sequence(let below), .scalar) where lists == .append && !top.isNull:
            result.content = .sequence(below + [top])
        case (.scalar, .sequence(let above)) where lists == .append && !base.isNull:
            result.content = .sequence([base] + above)
        default: break
        }
        return result
    }
}
