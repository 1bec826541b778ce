/// Where a value stands.
struct ValueSite {
    let name: Range<Int>
    let separator: UInt8
    /// The quotation mark in front of the name that is not closed behind it.
    let surrounding: UInt8?
}

// Values behind names that say that they are secret.
extension SecretLine {
    /// Replaces a value, unless it says something about the secret in place of it.
    ///
    /// - Parameter isSecret: what else has to be true of it.
    mutating func takeValue(_ site: ValueSite, isSecret: (ArraySlice<UInt8>) -> Bool) {
        copyBlanks()
        // `b"…"` and `@"…"` of programs, `!vault |` of YAML.
        if index + 1 < bytes.count, "bBuUrRfF@".utf8.contains(bytes[index]), Ascii.isQuote(bytes[index + 1]) { copy(1) }
        if index < bytes.count, bytes[index] == UInt8(ascii: "!"), site.separator == UInt8(ascii: ":") {
            while index < bytes.count, !Ascii.isBlank(bytes[index]) { copy(1) }
            copyBlanks()
        }
        guard index < bytes.count, !hasMark() else { return }
        let isBehindSemicolon = isBehindSemicolon(site)
        switch bytes[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"):
            if bytes[index] != site.surrounding { takeQuoted(isSecret) }
        case UInt8(ascii: "\\") where index + 1 < bytes.count && Ascii.isQuote(bytes[index + 1]): takeQuoted(isSecret)
        case UInt8(ascii: "|"), UInt8(ascii: ">"):
            if site.separator == UInt8(ascii: ":"), isBlockStart { state.block = .init(indentation: indentation) }
        case UInt8(ascii: "{"):
            guard isBehindSemicolon || site.separator == UInt8(ascii: "="), index + 1 < bytes.count,
                !" {\"'".utf8.contains(bytes[index + 1]), isBehindSemicolon || !hasInnerName
            else { return }
            copy(1)
            replace(upTo: bytes[index...].firstIndex(of: UInt8(ascii: "}")) ?? bytes.count)
        case UInt8(ascii: "["):
            guard index + 1 < bytes.count, !"[{".utf8.contains(bytes[index + 1]) else { return }
            copy(1)
            let end = bracket()
            if index < end, Ascii.isQuote(bytes[index]) {
                takeQuoted(isSecret)
            } else if !hasMark(), !SecretProse.isHarmless(bytes[index..<end]), isSecret(bytes[index..<end]) {
                replace(upTo: end)
            }
        default:
            if !takeReference() { takeUnquoted(site, isBehindSemicolon: isBehindSemicolon, isSecret) }
        }
    }

    /// `${NAME}`, `{{ .Values.name }}`, `<password>`, `%s`, `****`: what stands for a value.
    mutating func takeReference() -> Bool {
        let rest = bytes[index...].prefix(Self.horizon)
        let length: Int
        switch rest.first {
        case UInt8(ascii: "$"):
            length = SecretProse.variableLength(rest)
        case UInt8(ascii: "<"):
            let inner = rest.dropFirst().prefix(48).prefix { Ascii.isToken($0) || $0 == Ascii.space }
            length = rest[inner.endIndex...].first == UInt8(ascii: ">") && !inner.isEmpty ? inner.count + 2 : 0
        case UInt8(ascii: "%"):
            let inner = rest.dropFirst().prefix { Ascii.isAlphanumeric($0) || "_()%".utf8.contains($0) }
            length =
                inner.count <= 2 || inner.first == UInt8(ascii: "(") || inner.last == UInt8(ascii: "%")
                ? inner.count + 1 : 0
        case UInt8(ascii: "*"):
            let stars = rest.prefix { $0 == UInt8(ascii: "*") }.count
            length = stars >= 3 ? stars : 0
        case UInt8(ascii: "."):
            length = rest.starts(with: "...".utf8) ? 3 : 0
        default: length = 0
        }
        let isWhole = rest.dropFirst(length).first.map { !Ascii.isAlphanumeric($0) } ?? true
        guard length > 0, isWhole else { return false }
        copy(length)
        return true
    }

    /// Replaces what stands between quotation marks; the mark that closes is left.
    mutating func takeQuoted(_ isSecret: (ArraySlice<UInt8>) -> Bool = { _ in true }) {
        let isEscaped = bytes[index] == UInt8(ascii: "\\")
        let quote = bytes[isEscaped ? index + 1 : index]
        let isTriple = !isEscaped && bytes[index...].starts(with: [quote, quote, quote])
        copy(isEscaped ? 2 : isTriple ? 3 : 1)
        guard index < bytes.count, !hasMark() else { return }
        var end = index
        while end < bytes.count {
            let byte = bytes[end]
            if isEscaped {
                if byte == UInt8(ascii: "\\"), end + 1 < bytes.count, bytes[end + 1] == quote { break }
                end += byte == UInt8(ascii: "\\") && end + 2 < bytes.count && bytes[end + 1] == byte ? 2 : 1
            } else if byte == UInt8(ascii: "\\") {
                end += 2
            } else if byte == quote {
                // A doubled mark is one that belongs to the value (YAML, SQL).
                guard !isTriple, end > index, end + 2 < bytes.count, bytes[end + 1] == quote, quote == UInt8(ascii: "'")
                else { break }
                end += 2
            } else {
                end += 1
            }
        }
        end = min(end, bytes.count)
        let value = bytes[index..<end]
        if value.isEmpty || SecretProse.isHarmless(value) || !isSecret(value) { return }
        replace(upTo: end)
    }

    /// The bracket that closes a list; the end of the line where it is far away.
    func bracket() -> Int { bytes[index...].prefix(4 * Self.horizon).firstIndex(of: UInt8(ascii: "]")) ?? bytes.count }

    private mutating func takeUnquoted(
        _ site: ValueSite, isBehindSemicolon: Bool, _ isSecret: (ArraySlice<UInt8>) -> Bool
    ) {
        if SecretProse.begins(bytes[index...]) {
            // A type before the value (`let password: String = …`).
            let word = bytes[index...].prefix { Ascii.isToken($0) }
            if SecretProse.types.contains(Ascii.text(word.map(Ascii.lowercased))) {
                copy(word.count)
                name = site.name
            }
            return
        }
        let end = unquotedEnd(site, isBehindSemicolon: isBehindSemicolon)
        let value = bytes[index..<end]
        if value.isEmpty || !isSecret(value) { return }
        if SecretProse.isHarmless(value) { return copy(value.count) }
        replace(upTo: end)
    }

    /// Where a value without quotation marks ends.
    private func unquotedEnd(_ site: ValueSite, isBehindSemicolon: Bool) -> Int {
        let isLine = site.name.lowerBound == firstWord && site.surrounding == nil
        if isLine, site.separator == UInt8(ascii: ":"), index > 0, Ascii.isHorizontalBlank(bytes[index - 1]) {
            return lineEnd()
        }
        var end = index
        while end < bytes.count {
            let byte = bytes[end]
            let next = end + 1 < bytes.count ? bytes[end + 1] : nil
            let isLast = next.map { Ascii.isBlank($0) || Ascii.isQuote($0) || ",;&)]}".utf8.contains($0) } ?? true
            switch byte {
            case Ascii.space, Ascii.tab, 0x0d:
                guard isBehindSemicolon || site.surrounding != nil, let close = semicolon(behind: end) else {
                    return end
                }
                end = close
                continue
            case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"):
                guard isLine, site.separator == UInt8(ascii: "="), !isLast else { return end }
            case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "&"):
                if isLast || hasName(at: end + 1) { return end }
            case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ">"):
                if isLast || next == UInt8(ascii: "<") || next == UInt8(ascii: ".") { return end }
            case UInt8(ascii: "<"):
                if next == UInt8(ascii: "/") { return end }
            case UInt8(ascii: "\\"):
                if next.map({ Ascii.isQuote($0) || "nrt".utf8.contains($0) }) ?? false, !isLine { return end }
                end += 1
            default: break
            }
            end += 1
        }
        return min(end, bytes.count)
    }

    /// The end of a value that has the rest of its line, as in YAML.
    private func lineEnd() -> Int {
        var end = bytes.count
        var place = index
        while place + 1 < bytes.count {
            if Ascii.isHorizontalBlank(bytes[place]), bytes[place + 1] == UInt8(ascii: "#") {
                end = place
                break
            }
            place += 1
        }
        while end > index, Ascii.isBlank(bytes[end - 1]) || bytes[end - 1] == UInt8(ascii: ",") { end -= 1 }
        return end
    }

    /// The semicolon that ends a value with blanks in it (`Password=one two;Server=…`).
    private func semicolon(behind place: Int) -> Int? {
        let rest = bytes[place...].prefix(64).prefix { !"=\"':".utf8.contains($0) }
        return rest.firstIndex(of: UInt8(ascii: ";"))
    }

    /// Whether a name and a separator stand there.
    private func hasName(at place: Int) -> Bool {
        let rest = bytes[min(place, bytes.count)...].prefix(64).drop { Ascii.isHorizontalBlank($0) }
        let name = rest.prefix { Ascii.isToken($0) || $0 == Ascii.space }
        guard !name.isEmpty, let next = rest[name.endIndex...].first else { return false }
        return next == UInt8(ascii: "=") || next == UInt8(ascii: ":")
    }

    private func isBehindSemicolon(_ site: ValueSite) -> Bool {
        let front = bytes[max(0, site.name.lowerBound - 8)..<site.name.lowerBound]
        return site.separator == UInt8(ascii: "=") && front.last { !Ascii.isBlank($0) } == UInt8(ascii: ";")
    }

    /// Whether a brace begins a mapping.
    private var hasInnerName: Bool { hasName(at: index + 1) }

    /// Whether only an indicator of YAML's block scalars stands there.
    private var isBlockStart: Bool {
        let rest = Ascii.trimmed(bytes[(index + 1)...].prefix(Self.horizon).prefix { $0 != UInt8(ascii: "#") })
        return rest.allSatisfy { Ascii.isDigit($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
    }
}
