import Platform

/// A version of a Debian package, `[epoch:]upstream[-revision]` (deb-version(7)), ordered as dpkg orders it.
public struct DebianVersion: Sendable, CustomStringConvertible {
    /// The epoch; 0 where none is written.
    public let epoch: UInt32
    /// The upstream version.
    public let upstream: String
    /// The Debian revision; nil for a native package.
    public let revision: String?
    /// The version as it was written.
    public let description: String

    /// Reads a version by dpkg's rules.
    ///
    /// dpkg(1) also takes blanks around the version and a `+` before the epoch; these are refused, as deb-version(7)
    /// and dpkg's own build programs do it.
    public init(_ text: String) throws(FormatError) {
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(subject: "version", found: text, expected: expected, offset: offset, source: "deb-version(7)")
        }
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw fault("at least one digit", 0) }
        if let blank = bytes.firstIndex(where: { Ascii.isBlank($0) }) { throw fault("no blanks", blank) }
        var rest = bytes[...]
        if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
            let digits = bytes[..<colon]
            if let wrong = digits.firstIndex(where: { !Ascii.isDigit($0) }) {
                throw fault("a number before the first ':'", wrong)
            }
            guard !digits.isEmpty else { throw fault("a number before the first ':'", 0) }
            guard let number = Int32(Ascii.text(digits)), let value = UInt32(exactly: number) else {
                throw fault("an epoch of at most 2147483647", 0)
            }
            epoch = value
            rest = bytes[(colon + 1)...]
            guard !rest.isEmpty else { throw fault("something after the epoch", bytes.count) }
        } else {
            epoch = 0
        }
        var upstreamBytes = rest
        if let dash = rest.lastIndex(of: UInt8(ascii: "-")) {
            let revisionBytes = rest[(dash + 1)...]
            guard !revisionBytes.isEmpty else { throw fault("a revision after the last '-'", bytes.count) }
            if let wrong = revisionBytes.firstIndex(where: { !Self.isAllowed($0, besides: "+.~") }) {
                throw fault("letters, digits, '+', '.' and '~' in the revision", wrong)
            }
            revision = Ascii.text(revisionBytes)
            upstreamBytes = rest[..<dash]
        } else {
            revision = nil
        }
        guard let first = upstreamBytes.first else { throw fault("an upstream version", rest.startIndex) }
        guard Ascii.isDigit(first) else { throw fault("a digit first", upstreamBytes.startIndex) }
        if let wrong = upstreamBytes.firstIndex(where: { !Self.isAllowed($0, besides: ".+-:~") }) {
            throw fault("letters, digits, '.', '+', '-', ':' and '~' only", wrong)
        }
        upstream = Ascii.text(upstreamBytes)
        description = text
    }

    private static func isAllowed(_ byte: UInt8, besides others: StaticString) -> Bool {
        Ascii.isAlphanumeric(byte)
            || UnsafeBufferPointer(start: others.utf8Start, count: others.utf8CodeUnitCount).contains(byte)
    }

    /// The epoch, if one is written, and the upstream version.
    public var withoutRevision: String {
        guard let revision else { return description }
        return String(Substring(description.utf8.dropLast(revision.utf8.count + 1)))
    }

    /// The version as it stands in file names.
    public var withoutEpoch: String {
        guard let colon = description.utf8.firstIndex(of: UInt8(ascii: ":")) else { return description }
        return String(description[description.utf8.index(after: colon)...])
    }
}

extension DebianVersion: Comparable, Hashable {
    /// dpkg's order.
    public static func < (left: DebianVersion, right: DebianVersion) -> Bool { left.compare(right) < 0 }

    /// Equal in dpkg's order: 1.0, 1.00 and 1.0-0 are.
    public static func == (left: DebianVersion, right: DebianVersion) -> Bool { left.compare(right) == 0 }

    /// Equal versions may be written differently, so only what the order sees is hashed.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(epoch)
        hasher.combine(Self.canonical(upstream))
        hasher.combine(Self.canonical(revision ?? ""))
    }

    /// Numbers without leading zeros; a lone zero counts as nothing.
    private static func canonical(_ text: String) -> [UInt8] {
        var result: [UInt8] = []
        var isInNumber = false
        for byte in text.utf8 {
            if byte == UInt8(ascii: "0"), !isInNumber { continue }
            isInNumber = Ascii.isDigit(byte)
            result.append(byte)
        }
        return result
    }

    private func compare(_ other: DebianVersion) -> Int {
        if epoch != other.epoch { return epoch < other.epoch ? -1 : 1 }
        let difference = Self.compare(upstream, other.upstream)
        return difference != 0 ? difference : Self.compare(revision ?? "", other.revision ?? "")
    }

    /// dpkg's order of one part: runs of other characters and numbers in turn, `~` before the end, letters before the
    /// rest.
    private static func compare(_ left: String, _ right: String) -> Int {
        let first = Array(left.utf8)
        let second = Array(right.utf8)
        var i = 0
        var j = 0
        func isOther(_ bytes: [UInt8], _ index: Int) -> Bool { index < bytes.count && !Ascii.isDigit(bytes[index]) }
        func isNumber(_ bytes: [UInt8], _ index: Int) -> Bool { index < bytes.count && Ascii.isDigit(bytes[index]) }
        func weight(_ bytes: [UInt8], _ index: Int) -> Int {
            guard isOther(bytes, index) else { return 0 }
            let byte = bytes[index]
            if Ascii.isLetter(byte) { return Int(byte) }
            return byte == UInt8(ascii: "~") ? -1 : Int(byte) + 256
        }
        while i < first.count || j < second.count {
            while isOther(first, i) || isOther(second, j) {
                let difference = weight(first, i) - weight(second, j)
                if difference != 0 { return difference }
                i += 1
                j += 1
            }
            while i < first.count, first[i] == UInt8(ascii: "0") { i += 1 }
            while j < second.count, second[j] == UInt8(ascii: "0") { j += 1 }
            var difference = 0
            while isNumber(first, i), isNumber(second, j) {
                if difference == 0 { difference = Int(first[i]) - Int(second[j]) }
                i += 1
                j += 1
            }
            // The number with more digits is the larger one, whatever its length: no arithmetic that could overflow.
            if isNumber(first, i) { return 1 }
            if isNumber(second, j) { return -1 }
            if difference != 0 { return difference }
        }
        return 0
    }
}

extension DebianVersion {
    /// Maps what upstream calls its version to one that sorts right: a pre-release before its release.
    ///
    /// `1.30.0-rc.1` and `1.30.0rc.1` become `1.30.0~rc.1`, `v1.2.3` becomes `1.2.3`, `+build` stays; `1.2.3-1` has a
    /// Debian revision already and stays, as does anything with `~`. An epoch in front stays as well. The offset of an
    /// error is that of the given text.
    public static func mapped(from text: String) throws(FormatError) -> DebianVersion {
        let written = mapping(of: Array(text.utf8))
        do throws(FormatError) {
            return try DebianVersion(Ascii.text(written.map(\.byte)))
        } catch {
            var moved = error
            moved.found = text
            moved.offset = error.offset < written.count ? written[error.offset].offset : text.utf8.count
            throw moved
        }
    }

    /// A byte of the mapped version with its place in the given text.
    private typealias Placed = (byte: UInt8, offset: Int)

    /// Words that announce a release directly after a number, as in `1.0rc1`.
    private static let announcements: Set<String> = ["alpha", "beta", "dev", "pre", "preview", "rc", "snapshot"]
    /// The same in PEP 440's short form, where a number has to follow: `1.0a1` comes before 1.0, `1.1.1a` after 1.1.1.
    private static let shortAnnouncements: Set<String> = ["a", "b", "c"]

    private static func mapping(of bytes: [UInt8]) -> [Placed] {
        let placed = bytes.indices.map { Placed(bytes[$0], $0) }
        let digits = placed.prefix { Ascii.isDigit($0.byte) }
        if !digits.isEmpty, let colon = placed.dropFirst(digits.count).first, colon.byte == UInt8(ascii: ":") {
            return digits + [colon] + mapping(of: placed[(digits.count + 1)...])
        }
        return mapping(of: placed[...])
    }

    private static func mapping(of upstream: ArraySlice<Placed>) -> [Placed] {
        var rest = upstream
        if let first = rest.first, Ascii.lowercased(first.byte) == UInt8(ascii: "v"),
            let second = rest.dropFirst().first, Ascii.isDigit(second.byte)
        {
            rest = rest.dropFirst()
        }
        let unchanged = Array(rest)
        if rest.contains(where: { $0.byte == UInt8(ascii: "~") || $0.byte == UInt8(ascii: ":") }) { return unchanged }
        var head = rest.prefix { Ascii.isDigit($0.byte) || $0.byte == UInt8(ascii: ".") }
        guard !head.isEmpty, let separator = rest[head.endIndex...].first else { return unchanged }
        var tail = rest[head.endIndex...]
        let isDashed = separator.byte == UInt8(ascii: "-")
        if isDashed { tail = tail.dropFirst() }
        guard let first = tail.first, Ascii.isLetter(first.byte) else { return unchanged }
        if !isDashed {
            let letters = tail.prefix { Ascii.isLetter($0.byte) }
            let word = Ascii.text(letters.map { Ascii.lowercased($0.byte) })
            let next = tail.dropFirst(letters.count).first?.byte
            let isShort = shortAnnouncements.contains(word) && next.map(Ascii.isDigit) == true
            guard announcements.contains(word) || isShort else { return unchanged }
        }
        if let last = head.last, last.byte == UInt8(ascii: ".") { head = head.dropLast() }
        // A dash within a pre-release would be taken for the beginning of a Debian revision.
        let dotted = tail.map { $0.byte == UInt8(ascii: "-") ? Placed(UInt8(ascii: "."), $0.offset) : $0 }
        return head + [Placed(UInt8(ascii: "~"), separator.offset)] + dotted
    }
}
