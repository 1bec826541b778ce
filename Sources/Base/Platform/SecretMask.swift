/// Takes secrets out of what probes saw, before any report is made of it.
///
/// Masked are private keys in PEM (RFC 7468) whole or cut, JSON Web Tokens (RFC 7519), bearer credentials (RFC 6750),
/// values behind names such as `password=` and `token:`, and long runs of base64 that may be a key without its frame.
/// A certificate is not a secret, and what it loses by the last rule is its body alone.
public enum SecretMask {
    /// What stands in place of a private key.
    public static let key = "[private key masked]"
    /// What stands in place of a token or password.
    public static let value = "[masked]"

    /// The lines without secrets; a key that begins in one line is masked up to the one that ends it, and the lines
    /// between are left out.
    public static func masked(lines: [String]) -> [String] {
        var isInKey = false
        return lines.compactMap { line in
            let wasInKey = isInKey
            let text = mask(line, isInKey: &isInKey)
            return wasInKey && text.isEmpty ? nil : text
        }
    }

    /// The text without secrets.
    public static func masked(_ text: String) -> String {
        var isInKey = false
        return mask(text, isInKey: &isInKey)
    }

    /// The text without private keys. Everything else stays, so that a check can still compare it.
    public static func maskedKeys(_ text: String) -> String {
        guard KeyBlocks.mayOccur(in: text) else { return text }
        var isInKey = false
        return mask(text, isInKey: &isInKey, line: { $0 })
    }

    /// Whether the value of a variable, header or setting of this name is secret.
    public static func isSecretName(_ name: String) -> Bool {
        let name = Ascii.lowercased(name)[...]
        return TokenScanner.secretNames.contains { KeyBlocks.find($0, in: name) != nil }
            || KeyBlocks.find(Array("private".utf8), in: name) != nil
    }

    /// Scans line by line, since a key may be cut in the middle and the rest of the text is still wanted.
    private static func mask(_ text: String, isInKey: inout Bool) -> String {
        if !isInKey, !mayHoldSecret(Array(text.utf8)) { return text }
        return mask(text, isInKey: &isInKey, line: TokenScanner.mask)
    }

    private static func mask(_ text: String, isInKey: inout Bool, line mask: ([UInt8]) -> [UInt8]) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var start = 0
        while start <= bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
            let wasInKey = isInKey
            let line = KeyBlocks.mask(bytes[start..<end], isInKey: &isInKey)
            // The lines within a key become one word.
            let isSwallowed = wasInKey && line.isEmpty
            if !isSwallowed {
                result += mask(line)
                if end < bytes.count { result.append(0x0a) }
            }
            start = end + 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Whether a closer look is worth while: most evidence is short and has neither a frame nor a long word.
    private static func mayHoldSecret(_ bytes: [UInt8]) -> Bool {
        var run = 0
        var previous: UInt8 = 0
        for byte in bytes {
            switch byte {
            // A name before its value.
            case UInt8(ascii: "="), UInt8(ascii: ":"): return true
            // The dashes of a frame.
            case UInt8(ascii: "-"):
                if previous == byte { return true }
                run += 1
            // The last letter of `Bearer` or `Basic` before a credential.
            case UInt8(ascii: " "):
                if [UInt8(ascii: "r"), UInt8(ascii: "c"), UInt8(ascii: "R"), UInt8(ascii: "C")].contains(previous) {
                    return true
                }
                run = 0
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                run += 1
                if run >= 20 { return true }
            default: run = 0
            }
            previous = byte
        }
        return false
    }
}

/// Frames of private keys.
private enum KeyBlocks {
    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)
    private static let privateKey = Array("PRIVATE KEY".utf8)
    private static let dashes = Array("-----".utf8)

    /// Whether a text may have such a frame in it.
    static func mayOccur(in text: String) -> Bool { find(begin, in: Array(text.utf8)[...]) != nil }

    /// The line without what belongs to a key.
    static func mask(_ line: ArraySlice<UInt8>, isInKey: inout Bool) -> [UInt8] {
        var result: [UInt8] = []
        var rest = line
        while !rest.isEmpty {
            if isInKey {
                guard let frame = find(end, in: rest) else { return result }
                let label = rest[(frame + end.count)...]
                rest = find(dashes, in: label).map { rest[($0 + dashes.count)...] } ?? []
                isInKey = false
            } else {
                guard let frame = nextKey(in: rest) else { return result + rest }
                result += rest[..<frame]
                result += Array(SecretMask.key.utf8)
                rest = rest[(frame + begin.count)...]
                isInKey = true
            }
        }
        return result
    }

    /// Where the next frame begins whose label names a private key (`PGP PRIVATE KEY BLOCK` too), or is cut.
    private static func nextKey(in bytes: ArraySlice<UInt8>) -> Int? {
        var rest = bytes
        while let frame = find(begin, in: rest) {
            let label = rest[(frame + begin.count)...]
            guard let close = find(dashes, in: label) else { return frame }
            if find(privateKey, in: label[..<close]) != nil { return frame }
            rest = rest[close...]
        }
        return nil
    }

    static func find(_ pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = pattern.first, bytes.count >= pattern.count else { return nil }
        var index = bytes.startIndex
        while let next = bytes[index...].firstIndex(of: first), next + pattern.count <= bytes.endIndex {
            if bytes[next..<(next + pattern.count)].elementsEqual(pattern) { return next }
            index = next + 1
        }
        return nil
    }
}
/// Finds tokens, passwords and unframed keys in one line.
private enum TokenScanner {
    /// Names whose value is secret, in lower case; a longer name that ends in one counts as well.
    static let secretNames = [
        "password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "api-key", "access_key",
        "private_key", "secret_key", "credential", "credentials",
    ].map { Array($0.utf8) }
    /// Words in front of a credential (RFC 9110 section 11.4, RFC 6750, RFC 7617).
    private static let schemes = ["bearer", "basic"].map { Array($0.utf8) }
    /// A run this long with both cases and digits, as a line of PEM has them: no path, name or checksum looks like it.
    private static let longRun = 64
    private static let longestPiece = 24

    /// The line with every secret replaced.
    static func mask(_ line: [UInt8]) -> [UInt8] {
        let line = maskUserInfo(line)
        var result: [UInt8] = []
        result.reserveCapacity(line.count)
        var index = 0
        var before: [UInt8] = []
        while index < line.count {
            guard isWord(line[index]) else {
                let separator = line[index]
                result.append(separator)
                index += 1
                if separator == UInt8(ascii: "=") || separator == UInt8(ascii: ":"), endsInSecretName(before) {
                    index = maskValue(line, from: index, into: &result)
                    before = []
                } else if separator != UInt8(ascii: " "), separator != UInt8(ascii: "\""),
                    separator != UInt8(ascii: "'")
                {
                    before = []
                }
                continue
            }
            let end = line[index...].firstIndex { !isWord($0) } ?? line.count
            let word = line[index..<end]
            let lowered = word.map(lowercased)
            if isToken(word) || isBareKey(word) {
                result += Array(SecretMask.value.utf8)
                // Padding belongs to what it pads.
                index = line[end...].firstIndex { $0 != UInt8(ascii: "=") } ?? line.count
            } else if schemes.contains(lowered), let start = credential(line, behind: end) {
                result += word
                result += line[end..<start]
                result += Array(SecretMask.value.utf8)
                index = line[start...].firstIndex { isEndOfValue($0, quote: nil) } ?? line.count
            } else {
                result += word
                index = end
            }
            before = lowered
        }
        return result
    }

    /// The line with the passwords of its URLs replaced (`scheme://USER:PASSWORD@HOST`, RFC 3986 section 3.2.1).
    private static func maskUserInfo(_ line: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = line[...]
        while let mark = KeyBlocks.find(Array("://".utf8), in: rest) {
            let authority = rest[(mark + 3)...].prefix { !" \t/?#\"'<>".utf8.contains($0) }
            result += rest[..<authority.startIndex]
            rest = rest[authority.startIndex...]
            guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { continue }
            let user = authority[..<at].prefix { $0 != UInt8(ascii: ":") }
            result += user
            if user.endIndex < at { result += Array((":" + SecretMask.value).utf8) }
            rest = rest[at...]
        }
        return result + rest
    }

    /// Copies blanks and a quote, replaces the value, and gives the index behind it.
    private static func maskValue(_ line: [UInt8], from start: Int, into result: inout [UInt8]) -> Int {
        var index = start
        while index < line.count, line[index] == UInt8(ascii: " ") {
            result.append(line[index])
            index += 1
        }
        var quote: UInt8?
        if index < line.count, line[index] == UInt8(ascii: "\"") || line[index] == UInt8(ascii: "'") {
            quote = line[index]
            result.append(line[index])
            index += 1
        }
        let end = line[index...].firstIndex { isEndOfValue($0, quote: quote) } ?? line.count
        if end > index { result += Array(SecretMask.value.utf8) }
        return end
    }

    private static func isEndOfValue(_ byte: UInt8, quote: UInt8?) -> Bool {
        if let quote { return byte == quote }
        return [
            UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\""),
            UInt8(ascii: "'"), UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "&"),
        ].contains(byte)
    }

    /// Where the credential behind a scheme begins: one blank, then at least eight characters of token68.
    private static func credential(_ line: [UInt8], behind end: Int) -> Int? {
        guard end < line.count, line[end] == UInt8(ascii: " ") else { return nil }
        let start = end + 1
        let length = line[start...].prefix { isWord($0) || $0 == UInt8(ascii: "=") }.count
        return length >= 8 && line[start..<(start + length)].contains { isDigit($0) || $0 == UInt8(ascii: "=") }
            ? start : nil
    }

    /// Three parts of base64url between dots, the first of which is a JSON object: `{"` is `eyJ`.
    private static func isToken(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.count >= 20 else { return false }
        let parts = word.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count >= 2 && parts.contains { $0.count >= 8 && $0.starts(with: Array("eyJ".utf8)) }
    }

    private static func isBareKey(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.count >= longRun, word.contains(where: isDigit),
            word.contains(where: { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }),
            word.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
        else { return false }
        // A path or a dotted name consists of short pieces.
        return word.split { [UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains($0) }
            .contains { $0.count >= longestPiece }
    }

    private static func endsInSecretName(_ word: [UInt8]) -> Bool {
        secretNames.contains { name in
            guard word.count >= name.count, word.suffix(name.count).elementsEqual(name) else { return false }
            // `token` and `istio_token`, not `notoken`.
            guard word.count > name.count else { return true }
            return [UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains(word[word.count - name.count - 1])
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
