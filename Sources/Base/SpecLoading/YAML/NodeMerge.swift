/// Lays one tree over another.
public enum NodeMerge {
    /// What becomes of two lists at the same place.
    public enum Lists: Sendable {
        /// The upper one is added behind the lower one.
        case append
        /// The upper one stands in place of the lower one.
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
