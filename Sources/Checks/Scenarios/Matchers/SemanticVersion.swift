import Platform

/// A version in the sense of semver.org 2.0.0, without the build metadata, which decides nothing.
struct SemanticVersion: Sendable, Hashable, Comparable {
    /// Major, minor and patch.
    var numbers: [Int]
    /// What stands behind the dash; empty for a release.
    var prerelease: [String] = []

    /// Reads all of a text: three numbers, with `v` in front or not.
    init?(_ text: String) {
        guard let partial = Partial(text), partial.numbers.count == 3 else { return nil }
        self = partial.filled
    }

    fileprivate init(_ numbers: [Int], _ prerelease: [String] = []) {
        self.numbers = numbers
        self.prerelease = prerelease
    }

    static func < (left: SemanticVersion, right: SemanticVersion) -> Bool {
        if left.numbers != right.numbers { return left.numbers.lexicographicallyPrecedes(right.numbers) }
        if left.prerelease.isEmpty || right.prerelease.isEmpty {
            return !left.prerelease.isEmpty && right.prerelease.isEmpty
        }
        for (one, other) in zip(left.prerelease, right.prerelease) where !one.utf8.elementsEqual(other.utf8) {
            // Numbers are smaller than words.
            switch (Int(one), Int(other)) {
            case (let one?, let other?): return one < other
            case (_?, nil): return true
            case (nil, _?): return false
            case (nil, nil): return one.utf8.lexicographicallyPrecedes(other.utf8)
            }
        }
        return left.prerelease.count < right.prerelease.count
    }

    /// A version of which the last numbers may be missing, as ranges have them: `1.2`, `1.x`, `*`.
    fileprivate struct Partial {
        var numbers: [Int] = []
        var prerelease: [String] = []

        init?(_ text: String) {
            var rest = text.utf8[...]
            if rest.first == UInt8(ascii: "v") { rest = rest.dropFirst() }
            let parts = rest.split(separator: UInt8(ascii: "+"), maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, Self.identifiers(parts[1], areNumbersPlain: false) == nil { return nil }
            guard let main = parts.first else { return nil }
            let halves = main.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
            var isOpen = false
            let words = halves[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            guard words.count <= 3 else { return nil }
            for word in words {
                if word.elementsEqual("*".utf8) || word.elementsEqual("x".utf8) || word.elementsEqual("X".utf8) {
                    isOpen = true
                    continue
                }
                guard !isOpen, let number = Self.number(word) else { return nil }
                numbers.append(number)
            }
            if halves.count == 2 {
                guard numbers.count == 3, let found = Self.identifiers(halves[1], areNumbersPlain: true) else {
                    return nil
                }
                prerelease = found
            }
        }

        /// The first version that it stands for.
        var filled: SemanticVersion {
            SemanticVersion(numbers + [Int](repeating: 0, count: 3 - numbers.count), prerelease)
        }

        /// The first version behind all those with the same first numbers, the prereleases of which do not count either.
        func next(_ places: Int) -> SemanticVersion? {
            guard places > 0, places <= 3 else { return nil }
            var numbers = filled.numbers
            let (number, isTooLarge) = numbers[places - 1].addingReportingOverflow(1)
            if isTooLarge { return nil }
            numbers[places - 1] = number
            for place in places..<3 { numbers[place] = 0 }
            return SemanticVersion(numbers, ["0"])
        }

        private static func number(_ word: Substring.UTF8View) -> Int? {
            guard word.allSatisfy(Ascii.isDigit), word.count == 1 || word.first != UInt8(ascii: "0") else { return nil }
            return Int(Ascii.text(word))
        }

        private static func identifiers(_ text: Substring.UTF8View, areNumbersPlain: Bool) -> [String]? {
            let words = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            let areValid = words.allSatisfy { word in
                let isNumber = word.allSatisfy(Ascii.isDigit)
                return !word.isEmpty && word.allSatisfy { Ascii.isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
                    && !(areNumbersPlain && isNumber && word.count > 1 && word.first == UInt8(ascii: "0"))
            }
            return areValid ? words.map { Ascii.text($0) } : nil
        }
    }
}

/// Versions that are acceptable: `>=1.2 <2 || ^3.1`.
struct SemanticRange: Sendable, Hashable {
    /// From the first to below the last; nil where it has no end. `isClosed` takes the last in.
    private struct Bounds: Sendable, Hashable {
        var lower: SemanticVersion?
        var isLowerOpen = false
        var upper: SemanticVersion?
        var isUpperClosed = false
        var isInverted = false

        func contains(_ version: SemanticVersion) -> Bool {
            var holds = true
            if let lower { holds = isLowerOpen ? version > lower : version >= lower }
            if let upper, holds { holds = isUpperClosed ? version <= upper : version < upper }
            return holds != isInverted
        }
    }

    /// Any of these, each of which has to hold as a whole.
    private var choices: [[Bounds]] = []

    /// Reads comparisons by `=`, `!=`, `<`, `<=`, `>`, `>=`, `~` and `^`, those beside each other joined by and, those on
    /// the sides of `||` by or.
    init?(_ text: String) {
        for choice in Self.parts(text) {
            var all: [Bounds] = []
            var words = Ascii.words(Array(choice)[...]).map { Ascii.text($0) }[...]
            if words.isEmpty { return nil }
            while let word = words.popFirst() {
                let sign = Ascii.text(word.utf8.prefix { "=!<>~^".utf8.contains($0) })
                var version = Ascii.text(word.utf8.dropFirst(sign.utf8.count))
                if version.isEmpty, let next = words.popFirst() { version = next }
                guard let partial = SemanticVersion.Partial(version), let bounds = Self.bounds(sign, partial) else {
                    return nil
                }
                all.append(bounds)
            }
            choices.append(all)
        }
    }

    /// Whether a version is acceptable.
    func contains(_ version: SemanticVersion) -> Bool {
        choices.contains { $0.allSatisfy { $0.contains(version) } }
    }

    private static func parts(_ text: String) -> [[UInt8]] {
        var parts: [[UInt8]] = [[]]
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "|"), rest.first == UInt8(ascii: "|") {
                rest = rest.dropFirst()
                parts.append([])
            } else {
                parts[parts.count - 1].append(byte)
            }
        }
        return parts
    }

    private static func bounds(_ sign: String, _ version: SemanticVersion.Partial) -> Bounds? {
        let (first, places) = (version.filled, version.numbers.count)
        let isExact = places == 3
        let end = isExact ? first : version.next(places)
        switch sign {
        case "", "=", "==": return Bounds(lower: places == 0 ? nil : first, upper: end, isUpperClosed: isExact)
        case "!=", "!":
            return Bounds(lower: places == 0 ? nil : first, upper: end, isUpperClosed: isExact, isInverted: true)
        case ">=": return Bounds(lower: places == 0 ? nil : first)
        case "<": return Bounds(upper: isExact ? first : SemanticVersion(first.numbers, ["0"]))
        case ">": return isExact ? Bounds(lower: first, isLowerOpen: true) : end.map { Bounds(lower: $0) }
        case "<=": return Bounds(upper: end, isUpperClosed: isExact)
        // The last number may be higher, or all but the first where that alone is given.
        case "~": return places == 0 ? Bounds() : Bounds(lower: first, upper: version.next(min(places, 2)))
        // Everything behind the first number that is not 0 may be higher.
        case "^":
            if places == 0 { return Bounds() }
            let significant = version.numbers.firstIndex { $0 > 0 }.map { $0 + 1 } ?? places
            return Bounds(lower: first, upper: version.next(significant))
        default: return nil
        }
    }
}
