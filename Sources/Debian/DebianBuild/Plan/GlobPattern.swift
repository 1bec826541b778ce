/// A pattern for paths inside a tree: `*` and `?` stay within one component, `**` crosses components, `[…]` is a set.
///
/// A pattern without `/` is compared with the last component of a path, as in gitignore(5); one with `/` with the whole
/// path below the tree.
struct GlobPattern: Sendable, Hashable {
    /// The pattern as written.
    let text: String
    private let tokens: [Token]
    private let matchesWholePath: Bool

    private enum Token: Sendable, Hashable {
        case literal(UInt8)
        case anyInComponent
        case oneInComponent
        case anything
        case set(negated: Bool, ranges: [ClosedRange<UInt8>])
    }

    /// Reads a pattern. An unclosed `[` is taken literally, as in glob(7).
    init(_ text: String) {
        self.text = text
        var tokens: [Token] = []
        var bytes = Array(text.utf8)[...]
        if bytes.first == UInt8(ascii: "/") { bytes = bytes.dropFirst() }
        matchesWholePath = text.utf8.contains(UInt8(ascii: "/"))
        while let byte = bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                if bytes.first == UInt8(ascii: "*") {
                    bytes = bytes.drop { $0 == UInt8(ascii: "*") }
                    tokens.append(.anything)
                } else {
                    tokens.append(.anyInComponent)
                }
            case UInt8(ascii: "?"): tokens.append(.oneInComponent)
            case UInt8(ascii: "\\"): tokens.append(.literal(bytes.popFirst() ?? byte))
            case UInt8(ascii: "["):
                if let (set, rest) = Self.set(in: bytes) {
                    tokens.append(set)
                    bytes = rest
                } else {
                    tokens.append(.literal(byte))
                }
            default: tokens.append(.literal(byte))
            }
        }
        self.tokens = tokens
    }

    /// Whether a path relative to the tree (without a leading slash) matches.
    func matches(_ path: String) -> Bool {
        let bytes = Array(path.utf8)
        guard !matchesWholePath, let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return matches(bytes[...]) }
        return matches(bytes[(slash + 1)...])
    }

    // Walks all positions that the pattern can be at: linear in the path for any number of stars.
    private func matches(_ bytes: ArraySlice<UInt8>) -> Bool {
        var reachable = Set([0])
        expand(&reachable)
        for byte in bytes {
            var next: Set<Int> = []
            for index in reachable where index < tokens.count {
                switch tokens[index] {
                case .literal(let wanted): if wanted == byte { next.insert(index + 1) }
                case .oneInComponent: if byte != UInt8(ascii: "/") { next.insert(index + 1) }
                case .anyInComponent: if byte != UInt8(ascii: "/") { next.insert(index) }
                case .anything: next.insert(index)
                case .set(let negated, let ranges):
                    if byte != UInt8(ascii: "/"), ranges.contains(where: { $0.contains(byte) }) != negated {
                        next.insert(index + 1)
                    }
                }
            }
            expand(&next)
            if next.isEmpty { return false }
            reachable = next
        }
        return reachable.contains(tokens.count)
    }

    // A star may match nothing, so the token after it is reachable as well; `**/` may match nothing at all.
    private func expand(_ positions: inout Set<Int>) {
        var queue = Array(positions)
        while let index = queue.popLast() {
            guard index < tokens.count else { continue }
            var followers: [Int] = []
            if tokens[index] == .anyInComponent { followers.append(index + 1) }
            if tokens[index] == .anything {
                followers.append(index + 1)
                if index + 1 < tokens.count, tokens[index + 1] == .literal(UInt8(ascii: "/")) {
                    followers.append(index + 2)
                }
            }
            for follower in followers where positions.insert(follower).inserted { queue.append(follower) }
        }
    }

    private static func set(in bytes: ArraySlice<UInt8>) -> (Token, ArraySlice<UInt8>)? {
        var rest = bytes
        var negated = false
        if rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^") {
            negated = true
            rest = rest.dropFirst()
        }
        var ranges: [ClosedRange<UInt8>] = []
        var isFirst = true
        while let low = rest.popFirst() {
            if low == UInt8(ascii: "]"), !isFirst { return (.set(negated: negated, ranges: ranges), rest) }
            isFirst = false
            if rest.first == UInt8(ascii: "-"), let high = rest.dropFirst().first, high != UInt8(ascii: "]") {
                rest = rest.dropFirst(2)
                if low <= high { ranges.append(low...high) }
            } else {
                ranges.append(low...low)
            }
        }
        return nil
    }
}
