/// A pattern for paths inside a tree, with the meaning that gitignore(5) gives it.
///
/// `*` and `?` stay within one component and `[…]` is a set, classes such as `[:digit:]` included; `**` as a whole
/// component stands for any number of them. A pattern without `/`, the last byte aside, is compared with the last
/// component of a path, any other with the whole path below the tree. One that ends in `/` matches directories only,
/// and a set that is not closed matches nothing.
package struct GlobPattern: Sendable, Hashable {
    /// The pattern as written.
    let text: String
    /// Whether it begins with `!`: what it matches is taken back from the patterns before it.
    let isNegated: Bool
    private let tokens: [Token]
    private let matchesWholePath: Bool
    private let matchesDirectoriesOnly: Bool
    /// Whether it can match anything: its sets are closed, and it is not empty.
    let isValid: Bool

    private enum Token: Sendable, Hashable {
        case literal(UInt8)
        case anyInComponent
        case oneInComponent
        case anything
        /// `**/`: what is behind the next token may begin here, or after any slash.
        case anyComponents
        case throughSlash
        case set(GlobSet)
    }

    private static let slash = UInt8(ascii: "/")
    private static let star = UInt8(ascii: "*")
    private static let backslash = UInt8(ascii: "\\")

    /// Reads a pattern.
    package init(_ text: String) {
        self.text = text
        var bytes = Array(text.utf8)[...]
        isNegated = bytes.first == UInt8(ascii: "!")
        if isNegated { bytes = bytes.dropFirst() }
        matchesDirectoriesOnly = bytes.last == Self.slash
        if matchesDirectoriesOnly { bytes = bytes.dropLast() }
        matchesWholePath = bytes.contains(Self.slash)
        if bytes.first == Self.slash { bytes = bytes.dropFirst() }
        var tokens: [Token] = []
        var isValid = !bytes.isEmpty
        var isAtStart = true
        while let byte = bytes.popFirst() {
            let startsComponent = isAtStart
            isAtStart = byte == Self.slash
            switch byte {
            case Self.star:
                let rest = bytes.drop { $0 == Self.star }
                let crosses = rest.startIndex > bytes.startIndex && startsComponent
                bytes = rest
                if crosses, rest.isEmpty {
                    tokens.append(.anything)
                } else if crosses, rest.first == Self.slash {
                    bytes = rest.dropFirst()
                    tokens += [.anyComponents, .throughSlash]
                    isAtStart = true
                } else {
                    tokens.append(.anyInComponent)
                }
            case UInt8(ascii: "?"): tokens.append(.oneInComponent)
            case Self.backslash:
                if let quoted = bytes.popFirst() { tokens.append(.literal(quoted)) } else { isValid = false }
            case UInt8(ascii: "["):
                guard let (set, rest) = GlobSet.read(bytes) else {
                    isValid = false
                    break
                }
                tokens.append(.set(set))
                bytes = rest
            default: tokens.append(.literal(byte))
            }
        }
        self.tokens = tokens
        self.isValid = isValid
    }

    /// Whether a path relative to the tree (without a leading slash) matches.
    package func matches(_ path: String, isDirectory: Bool) -> Bool {
        guard isValid, isDirectory || !matchesDirectoriesOnly else { return false }
        let bytes = Array(path.utf8)
        guard !matchesWholePath, let slash = bytes.lastIndex(of: Self.slash) else { return matches(bytes[...]) }
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
                case .oneInComponent: if byte != Self.slash { next.insert(index + 1) }
                case .anyInComponent: if byte != Self.slash { next.insert(index) }
                case .anything: next.insert(index)
                case .anyComponents: break
                case .throughSlash:
                    next.insert(index)
                    if byte == Self.slash { next.insert(index + 1) }
                case .set(let set): if byte != Self.slash, set.contains(byte) { next.insert(index + 1) }
                }
            }
            expand(&next)
            if next.isEmpty { return false }
            reachable = next
        }
        return reachable.contains(tokens.count)
    }

    // A star may match nothing, so the token after it is reachable as well, and so is what is behind `**/`.
    private func expand(_ positions: inout Set<Int>) {
        var queue = Array(positions)
        while let index = queue.popLast() {
            guard index < tokens.count else { continue }
            let followers: [Int] =
                switch tokens[index] {
                case .anyInComponent, .anything: [index + 1]
                case .anyComponents: [index + 1, index + 2]
                default: []
                }
            for follower in followers where positions.insert(follower).inserted { queue.append(follower) }
        }
    }
}

/// A set of bytes as `[a-z]` writes it.
private struct GlobSet: Sendable, Hashable {
    private var isNegated = false
    private var members: Set<UInt8> = []

    func contains(_ byte: UInt8) -> Bool { members.contains(byte) != isNegated }

    /// The set and what is behind its `]`; nil when it is not closed or names a class that does not exist.
    static func read(_ bytes: ArraySlice<UInt8>) -> (GlobSet, ArraySlice<UInt8>)? {
        var rest = bytes
        var set = GlobSet()
        if rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^") {
            set.isNegated = true
            rest = rest.dropFirst()
        }
        var low: UInt8?
        var isFirst = true
        while var byte = rest.popFirst() {
            if byte == UInt8(ascii: "]"), !isFirst { return (set, rest) }
            isFirst = false
            if byte == UInt8(ascii: "-"), let from = low, let after = rest.first, after != UInt8(ascii: "]") {
                rest = rest.dropFirst()
                guard let to = after == UInt8(ascii: "\\") ? rest.popFirst() : after else { return nil }
                if from <= to { set.members.formUnion(from...to) }
                low = nil
                continue
            }
            if byte == UInt8(ascii: "["), rest.first == UInt8(ascii: ":") {
                guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return nil }
                let name = rest[(rest.startIndex + 1)..<end]
                if name.last == UInt8(ascii: ":") {
                    guard let known = members(of: String(decoding: name.dropLast(), as: UTF8.self)) else { return nil }
                    set.members.formUnion(known)
                    rest = rest[(end + 1)...]
                    low = nil
                    continue
                }
            }
            if byte == UInt8(ascii: "\\") {
                guard let quoted = rest.popFirst() else { return nil }
                byte = quoted
            }
            set.members.insert(byte)
            low = byte
        }
        return nil
    }

    /// The ASCII bytes of a class of POSIX (XBD 9.3.5).
    private static func members(of name: String) -> [UInt8]? {
        let lower = Array(UInt8(ascii: "a")...UInt8(ascii: "z"))
        let upper = Array(UInt8(ascii: "A")...UInt8(ascii: "Z"))
        let digits = Array(UInt8(ascii: "0")...UInt8(ascii: "9"))
        let printable = Array(UInt8(0x21)...0x7e)
        switch name {
        case "alnum": return lower + upper + digits
        case "alpha": return lower + upper
        case "blank": return [0x20, 0x09]
        case "cntrl": return Array(0...0x1f) + [0x7f]
        case "digit": return digits
        case "graph": return printable
        case "lower": return lower
        case "print": return [0x20] + printable
        case "punct": return printable.filter { !(lower + upper + digits).contains($0) }
        case "space": return [0x20] + Array(0x09...0x0d)
        case "upper": return upper
        case "xdigit": return digits + lower.prefix(6) + upper.prefix(6)
        default: return nil
        }
    }
}
