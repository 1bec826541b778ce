import Synchronization

/// A regular expression in Swift's syntax, which is that of PCRE in its common parts, matched by Unicode scalars.
final class Pattern: Sendable, Hashable {
    /// As it was written.
    let source: String
    // A Regex may run closures in general and is therefore not Sendable; this one never has any.
    private let regex: Mutex<Regex<AnyRegexOutput>>
    /// How many groups it has.
    let groupCount: Int
    /// How long it may take.
    let cost: PatternCost

    private static let lengthLimit = 4096
    /// Bytes of a text that are looked at: the engine backtracks, and the text may be anybody's.
    static let textLimit = 1 << 20

    /// Compiles an expression.
    init(_ source: String) throws(ShapeError) {
        guard source.utf8.count <= Self.lengthLimit else {
            throw ShapeError("the regular expression has \(source.utf8.count) bytes (must be <=\(Self.lengthLimit))")
        }
        let compiled: Regex<AnyRegexOutput>
        do {
            compiled = try Self.compiled(source)
        } catch {
            throw ShapeError(
                "'\(ValueText.shortened(source))' is no regular expression: \(error)",
                help:
                    "put '\\' before ( ) [ ] { } . * + ? | ^ $ that stand for themselves, and single quotes around all")
        }
        self.source = source
        groupCount = Self.groups(in: source)
        cost = PatternCost(source)
        regex = Mutex(compiled)
    }

    /// The groups of the first match: the whole at 0, nil for one that took no part; nil when nothing matches.
    func firstMatch(in text: String) -> [String?]? {
        // While the compiled expression is in use another one is made: a match that does not end would keep it.
        if let found = regex.withLockIfAvailable({ Self.firstMatch(of: $0, in: text) }) { return found }
        do {
            return Self.firstMatch(of: try Self.compiled(source), in: text)
        } catch {
            // It compiled before, so this is not reached; waiting for the other is right in any case.
            return regex.withLock { Self.firstMatch(of: $0, in: text) }
        }
    }

    /// Whether it matches somewhere.
    func matches(_ text: String) -> Bool { firstMatch(in: text) != nil }

    private static func firstMatch(of regex: Regex<AnyRegexOutput>, in text: String) -> [String?]? {
        guard let match = text.firstMatch(of: regex) else { return nil }
        return match.output.map { $0.substring.map(String.init) }
    }

    private static func compiled(_ source: String) throws -> Regex<AnyRegexOutput> {
        try Regex(source).matchingSemantics(.unicodeScalar)
    }

    /// Opening brackets that begin a group which keeps what it matches.
    private static func groups(in source: String) -> Int {
        var count = 0
        var isEscaped = false
        var isInClass = false
        let bytes = Array(source.utf8)
        for (index, byte) in bytes.enumerated() {
            if isEscaped {
                isEscaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "["): isInClass = true
            case UInt8(ascii: "]"): isInClass = false
            case UInt8(ascii: "(") where !isInClass:
                let isPlain = index + 1 >= bytes.count || bytes[index + 1] != UInt8(ascii: "?")
                let isNamed =
                    index + 3 < bytes.count && bytes[index + 1] == UInt8(ascii: "?")
                    && bytes[index + 2] == UInt8(ascii: "<")
                    && ![UInt8(ascii: "="), UInt8(ascii: "!")].contains(bytes[index + 3])
                if isPlain || isNamed { count += 1 }
            default: break
            }
        }
        return count
    }

    /// A text as a pattern that matches it alone.
    static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if "\\()[]{}.*+?|^$/#-".unicodeScalars.contains(scalar) { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }

    static func == (left: Pattern, right: Pattern) -> Bool { left.source == right.source }
    func hash(into hasher: inout Hasher) { hasher.combine(source) }
}
