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
    public init(_ text: String) throws(FormatError) {
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(
                subject: "version", found: text, expected: expected, offset: max(0, offset), source: "deb-version(7)")
        }
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw fault("at least one digit", 0) }
        if let blank = bytes.firstIndex(where: { Ascii.isBlank($0) }) { throw fault("no blanks", blank) }
        var rest = bytes[...]
        if let colon = bytes.firstIndex(of: 0x3a) {
            let digits = bytes[..<colon]
            guard !digits.isEmpty, digits.allSatisfy({ Ascii.isDigit($0) }) else {
                throw fault("a number before the first ':'", 0)
            }
            guard let number = Int32(Ascii.text(digits)) else {
                throw fault("an epoch of 2147483647 at the most", 0)
            }
            epoch = UInt32(number)
            rest = bytes[(colon + 1)...]
            guard !rest.isEmpty else { throw fault("something behind the epoch", colon) }
        } else {
            epoch = 0
        }
        let upstreamBytes: ArraySlice<UInt8>
        if let dash = rest.lastIndex(of: 0x2d) {
            let revisionBytes = rest[(dash + 1)...]
            guard !revisionBytes.isEmpty else { throw fault("a revision behind the last '-'", dash) }
            for (index, byte) in zip(revisionBytes.indices, revisionBytes) {
                guard Ascii.isAlphanumeric(byte) || [0x2b, 0x2e, 0x7e].contains(byte) else {
                    throw fault("letters, digits, '+', '.' and '~' in the revision", index)
                }
            }
            revision = Ascii.text(revisionBytes)
            upstreamBytes = rest[..<dash]
        } else {
            revision = nil
            upstreamBytes = rest
        }
        guard let first = upstreamBytes.first else { throw fault("an upstream version", rest.startIndex) }
        guard Ascii.isDigit(first) else { throw fault("a digit first", upstreamBytes.startIndex) }
        for (index, byte) in zip(upstreamBytes.indices, upstreamBytes) {
            guard Ascii.isAlphanumeric(byte) || [0x2b, 0x2d, 0x2e, 0x3a, 0x7e].contains(byte) else {
                throw fault("letters, digits, '.', '+', '-', ':' and '~' only", index)
            }
        }
        upstream = Ascii.text(upstreamBytes)
        description = text
    }

    /// The version as it stands in file names.
    public var withoutEpoch: String {
        guard let colon = description.firstIndex(of: ":") else { return description }
        return String(description[description.index(after: colon)...])
    }

    /// dpkg's order of one part: runs of other characters and numbers in turn, `~` before the end, letters before the
    /// rest.
    static func compare(_ left: String, _ right: String) -> Int {
        let first = Array(left.utf8)
        let second = Array(right.utf8)
        var i = 0
        var j = 0
        func weight(_ bytes: [UInt8], _ index: Int) -> Int {
            guard index < bytes.count else { return 0 }
            let byte = bytes[index]
            if Ascii.isDigit(byte) { return 0 }
            if Ascii.isLetter(byte) { return Int(byte) }
            return byte == 0x7e ? -1 : Int(byte) + 256
        }
        while i < first.count || j < second.count {
            while (i < first.count && !Ascii.isDigit(first[i])) || (j < second.count && !Ascii.isDigit(second[j])) {
                let difference = weight(first, i) - weight(second, j)
                if difference != 0 { return difference }
                i += 1
                j += 1
            }
            while i < first.count, first[i] == 0x30 { i += 1 }
            while j < second.count, second[j] == 0x30 { j += 1 }
            var difference = 0
            while i < first.count, j < second.count, Ascii.isDigit(first[i]), Ascii.isDigit(second[j]) {
                if difference == 0 { difference = Int(first[i]) - Int(second[j]) }
                i += 1
                j += 1
            }
            if i < first.count, Ascii.isDigit(first[i]) { return 1 }
            if j < second.count, Ascii.isDigit(second[j]) { return -1 }
            if difference != 0 { return difference }
        }
        return 0
    }

    private func compare(_ other: DebianVersion) -> Int {
        if epoch != other.epoch { return epoch < other.epoch ? -1 : 1 }
        let difference = Self.compare(upstream, other.upstream)
        if difference != 0 { return difference }
        return Self.compare(revision ?? "", other.revision ?? "")
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

    /// Numbers without leading zeros; a zero at the end of a part is like nothing at all.
    private static func canonical(_ text: String) -> [UInt8] {
        var result: [UInt8] = []
        var isInNumber = false
        for byte in text.utf8 {
            if byte == 0x30, !isInNumber { continue }
            isInNumber = Ascii.isDigit(byte)
            result.append(byte)
        }
        return result
    }
}

extension DebianVersion {
    /// Maps what upstream calls its version to one that sorts right: a pre-release before its release.
    ///
    /// `1.30.0-rc.1` and `1.30.0rc.1` become `1.30.0~rc.1`, `v1.2.3` becomes `1.2.3`; `1.2.3-1` has a Debian revision
    /// already and stays, as does anything with `~` or an epoch.
    public static func mapped(from text: String) throws(FormatError) -> DebianVersion {
        var bytes = Array(text.utf8)
        if bytes.count > 1, bytes[0] | 0x20 == 0x76, Ascii.isDigit(bytes[1]) { bytes.removeFirst() }
        if bytes.contains(0x7e) || bytes.contains(0x3a) { return try DebianVersion(Ascii.text(bytes)) }
        var index = 0
        while index < bytes.count, Ascii.isDigit(bytes[index]) || bytes[index] == 0x2e { index += 1 }
        guard index > 0, index < bytes.count else { return try DebianVersion(Ascii.text(bytes)) }
        let separator = bytes[index]
        var tail = bytes[index...]
        if separator == 0x2d { tail = tail.dropFirst() }
        guard separator == 0x2d || Ascii.isLetter(separator), let first = tail.first, Ascii.isLetter(first) else {
            return try DebianVersion(Ascii.text(bytes))
        }
        let word = Ascii.text(tail.prefix { Ascii.isLetter($0) }).lowercased()
        // Directly behind the number only these words announce a release; `1.1.1w` is later than 1.1.1.
        if separator != 0x2d,
            !["a", "alpha", "b", "beta", "c", "dev", "pre", "preview", "rc", "snapshot"].contains(word)
        {
            return try DebianVersion(Ascii.text(bytes))
        }
        var head = bytes[..<index]
        if head.last == 0x2e { head = head.dropLast() }
        // A dash within a pre-release would be taken for the beginning of a Debian revision.
        let mappedTail = tail.map { $0 == 0x2d ? 0x2e : $0 }
        return try DebianVersion(Ascii.text(head) + "~" + Ascii.text(mappedTail))
    }
}
