/// Finds tokens, passwords and unframed keys in one line.
enum TokenScanner {
    /// Names whose value is nobody's business, in lower case; a longer name that ends in one counts as well.
    private static let secretNames = [
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
