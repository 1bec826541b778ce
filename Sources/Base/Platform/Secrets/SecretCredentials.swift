// Credentials of HTTP and of addresses.
extension SecretLine {
    /// `Authorization: SCHEME CREDENTIALS` (RFC 9110 section 11.6.2): the scheme stays.
    mutating func takeAuthorization(_ site: ValueSite) {
        let (end, isOpen) = openValue(site)
        guard index < end, !hasMark() else { return }
        let scheme = bytes[index..<end].prefix { Ascii.isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        let isOneWord = Self.wordSchemes.contains(Ascii.text(scheme.map(Ascii.lowercased)))
        if !isOneWord, SecretProse.isHarmless(bytes[index..<end]) { return }
        let behind = bytes[scheme.endIndex..<end]
        let start = behind.firstIndex { !Ascii.isHorizontalBlank($0) }
        guard let start, start > scheme.endIndex, !scheme.isEmpty else { return replace(upTo: end) }
        copy(start - index)
        if hasMark() || takeReference() { return }
        // Other schemes have parameters, which go on to the end.
        let word = bytes[start..<end].firstIndex { Ascii.isBlank($0) } ?? end
        replace(upTo: isOneWord && isOpen ? trimmed(word) : end)
    }

    private static let wordSchemes: Set<String> = ["bearer", "basic", "token", "negotiate", "ntlm", "apikey", "bot"]

    /// `Cookie` and `Set-Cookie` (RFC 6265): the values of cookies go, names and attributes stay.
    mutating func takeCookies(_ site: ValueSite) {
        let (end, _) = openValue(site)
        guard bytes[index..<end].prefix(Self.horizon).contains(UInt8(ascii: "=")) else {
            if index < end, !hasMark(), !SecretProse.isHarmless(bytes[index..<end]) {
                replace(upTo: bytes[index..<end].firstIndex { Ascii.isBlank($0) || $0 == UInt8(ascii: ",") } ?? end)
            }
            return
        }
        while index < end {
            let pair = bytes[index..<end].prefix { $0 != UInt8(ascii: ";") }
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            let isAttribute = Self.attributes.contains(Ascii.text(Ascii.trimmed(name).map(Ascii.lowercased)))
            if name.count < pair.count, !isAttribute {
                copy(name.count + 1)
                if !hasMark() { replace(upTo: pair.endIndex) }
                copy(pair.endIndex - index)
            } else if name.count == pair.count, !isAttribute, !Ascii.trimmed(pair).isEmpty {
                // What is neither a pair nor an attribute follows the header in the same line.
                return
            } else if let comma = nextCookie(in: pair) {
                copy(comma + 1 - index)
                continue
            } else {
                copy(pair.count)
            }
            copy(1)
        }
    }

    private static let attributes: Set<String> = [
        "path", "domain", "expires", "max-age", "samesite", "secure", "httponly", "partitioned", "priority", "version",
        "comment", "discard", "port",
    ]

    /// Where the attributes of one cookie end and the next cookie begins, in headers that were joined by commas.
    private func nextCookie(in pair: ArraySlice<UInt8>) -> Int? {
        guard let comma = pair.lastIndex(of: UInt8(ascii: ",")) else { return nil }
        let rest = pair[(comma + 1)...]
        let name = rest.drop { Ascii.isHorizontalBlank($0) }.prefix { Ascii.isToken($0) }
        return !name.isEmpty && rest[name.endIndex...].first == UInt8(ascii: "=") ? comma : nil
    }

    /// Copies what is in front of a header's value and gives its end; it is open where nothing encloses the value.
    private mutating func openValue(_ site: ValueSite) -> (end: Int, isOpen: Bool) {
        copyBlanks()
        if index < bytes.count, bytes[index] == UInt8(ascii: "["), !bytes[index...].starts(with: SecretMask.value.utf8),
            !bytes[index...].starts(with: SecretMask.key.utf8)
        {
            copy(1)
            copyBlanks()
            if index < bytes.count, !Ascii.isQuote(bytes[index]) {
                return (bracket(), false)
            }
        }
        guard index < bytes.count else { return (index, true) }
        let isEscaped = bytes[index] == UInt8(ascii: "\\") && index + 1 < bytes.count && Ascii.isQuote(bytes[index + 1])
        if Ascii.isQuote(bytes[index]) || isEscaped, bytes[index] != site.surrounding {
            let quote = bytes[isEscaped ? index + 1 : index]
            copy(isEscaped ? 2 : 1)
            var end = index
            while end < bytes.count, bytes[end] != quote {
                if bytes[end] == UInt8(ascii: "\\") {
                    if isEscaped { break }
                    end += 1
                }
                end += 1
            }
            return (min(end, bytes.count), false)
        }
        if let quote = site.surrounding {
            return (bytes[index...].firstIndex(of: quote) ?? bytes.count, false)
        }
        var end = bytes.count
        while end > index, Ascii.isBlank(bytes[end - 1]) { end -= 1 }
        return (end, true)
    }

    /// A scheme in a text, before what may be its credentials.
    mutating func takeCredential(of scheme: String) {
        guard index + 1 < bytes.count, bytes[index] == Ascii.space else { return }
        let word = bytes[(index + 1)...].prefix { Ascii.isToken($0) || $0 == UInt8(ascii: "~") }
        let padding = bytes[word.endIndex...].prefix { $0 == UInt8(ascii: "=") }
        // A parameter of a challenge: `Bearer realm="…"`.
        if let next = bytes[padding.endIndex...].first, !padding.isEmpty, Ascii.isQuote(next) || Ascii.isToken(next) {
            return
        }
        guard word.count + padding.count >= 8 else { return }
        let isMixed = zip(word, word.dropFirst()).contains {
            Ascii.isLower($0) && Ascii.isLetter($1) && !Ascii.isLower($1)
        }
        let isSecret =
            switch scheme {
            case "basic": EncodedText.isPair(word) || !padding.isEmpty || isMixed && word.contains(where: Ascii.isDigit)
            default:
                !padding.isEmpty || word.contains(where: Ascii.isDigit) && !word.contains(UInt8(ascii: "/")) || isMixed
                    || word.count >= 20
            }
        guard isSecret else { return }
        copy(1)
        replace(upTo: padding.endIndex)
    }

    /// `user:password@` in front of a host (RFC 3986 section 3.2.1): the user stays.
    mutating func takeAuthority() {
        let stop = " \t/?#\"'<>`".utf8
        let authority = bytes[index...].prefix { !stop.contains($0) }
        var end = authority.lastIndex(of: UInt8(ascii: "@"))
        if end == nil, let colon = authority.firstIndex(of: UInt8(ascii: ":")), colon + 1 < authority.endIndex,
            authority.first != UInt8(ascii: "["), !authority[(colon + 1)...].allSatisfy(Ascii.isDigit)
        {
            // A password in which what ends an authority was not escaped.
            let rest = bytes[colon...].prefix(Self.horizon).prefix { !" \t\"'<>`".utf8.contains($0) }
            end = rest.lastIndex(of: UInt8(ascii: "@"))
        }
        guard let end else { return takeHook(of: authority) }
        let user = bytes[index..<end].prefix { $0 != UInt8(ascii: ":") }
        if user.endIndex == end {
            if SecretShapes.isSecret(user) || SecretShapes.looksRandom(user) { replace(upTo: end) }
            return copy(end - index)
        }
        if SecretShapes.isSecret(user) { replace(upTo: user.endIndex) }
        copy(user.endIndex + 1 - index)
        if hasMark() || SecretProse.isReference(bytes[index..<end]) { return copy(end - index) }
        replace(upTo: end)
    }

    /// Addresses of hooks, whose path is the secret.
    private mutating func takeHook(of authority: ArraySlice<UInt8>) {
        let rest = bytes[authority.endIndex...]
        let isHook =
            authority.elementsEqual("hooks.slack.com".utf8) || rest.starts(with: "/api/webhooks/".utf8)
            || (authority.elementsEqual("api.telegram.org".utf8) && rest.starts(with: "/bot".utf8))
        guard isHook else { return }
        let path = rest.prefix { !" \t\"'<>`?#".utf8.contains($0) }
        // A bot's token is the first part of the path; of others the first part says what it is.
        let isBot = rest.starts(with: "/bot".utf8)
        let slash = path.dropFirst().firstIndex(of: UInt8(ascii: "/"))
        guard let start = isBot ? path.startIndex + 4 : slash.map({ $0 + 1 }) else { return }
        copy(start - index)
        if !hasMark() { replace(upTo: isBot ? slash ?? path.endIndex : path.endIndex) }
    }

    /// `user:password@tcp(…)` of Go's drivers, and tokens that begin with a number and a colon.
    mutating func takePair(behind name: ArraySlice<UInt8>) {
        guard index < bytes.count, !Ascii.isBlank(bytes[index]) else { return }
        let word = bytes[index...].prefix(48).prefix { Ascii.isToken($0) }
        if word.count == 35, (8...11).contains(name.count), name.allSatisfy(Ascii.isDigit) {
            return replace(upTo: word.endIndex)
        }
        let rest = bytes[index...].prefix(64).prefix {
            !Ascii.isBlank($0) && !Ascii.isQuote($0) && $0 != UInt8(ascii: "(")
        }
        guard let at = rest.lastIndex(of: UInt8(ascii: "@")), at > index, !hasMark() else { return }
        let transport = rest[(at + 1)...]
        if transport.elementsEqual("tcp".utf8) || transport.elementsEqual("unix".utf8) { replace(upTo: at) }
    }
}
