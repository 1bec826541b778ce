/// Takes secrets out of what probes saw, before any report is made of it.
///
/// Masked are private keys in PEM (RFC 7468) whole or cut, JSON Web Tokens (RFC 7519), bearer credentials (RFC 6750),
/// values behind names such as `password=` and `token:`, and long runs of base64 that may be a key without its frame.
/// A certificate is no secret, and what it loses by the last rule is its body alone.
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

    /// Scans line by line, since a key may be cut in the middle and the rest of the text is still wanted.
    private static func mask(_ text: String, isInKey: inout Bool) -> String {
        let bytes = Array(text.utf8)
        if !isInKey, !mayHoldSecret(bytes) { return text }
        var result: [UInt8] = []
        var start = 0
        while start <= bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
            let wasInKey = isInKey
            let line = KeyBlocks.mask(bytes[start..<end], isInKey: &isInKey)
            // The lines within a key become one word.
            let isSwallowed = wasInKey && line.isEmpty
            if !isSwallowed {
                result += TokenScanner.mask(line)
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

    /// Where the next frame begins whose label ends in PRIVATE KEY, or is cut.
    private static func nextKey(in bytes: ArraySlice<UInt8>) -> Int? {
        var rest = bytes
        while let frame = find(begin, in: rest) {
            let label = rest[(frame + begin.count)...]
            guard let close = find(dashes, in: label) else { return frame }
            if label[..<close].suffix(privateKey.count).elementsEqual(privateKey) { return frame }
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
