/// Takes secrets out of whatever is written down: reports, progress and messages.
///
/// Masked are private keys in PEM (RFC 7468) whole or cut, JSON Web Tokens (RFC 7519), tokens of well-known services,
/// credentials of HTTP (RFC 9110 section 11, RFC 6265) and of URLs (RFC 3986 section 3.2.1), the values of names such as
/// `password`, `accessToken` and `--api-key` in the forms of configuration files, commands and messages, hashes of
/// passwords, and long runs of base64 that may be a key without its frame. Certificates, checksums, identifiers, paths
/// and sentences about secrets stay readable.
///
/// The time is linear in the length of the text: whatever looks ahead looks at a few bytes, or at what it then passes.
public enum SecretMask {
    /// What stands in place of a private key.
    public static let key = "[private key masked]"
    /// What stands in place of a token or password.
    public static let value = "[masked]"

    /// The lines without secrets; a key that begins in one line is masked up to the one that ends it, and the lines
    /// between are left out.
    public static func masked(lines: [String]) -> [String] {
        var state = MaskState()
        return lines.compactMap { line in
            let wasWithin = state.isWithinSecret
            let text = mask(line, &state, scan: SecretLine.mask)
            return wasWithin && text.isEmpty ? nil : text
        }
    }

    /// The text without secrets.
    public static func masked(_ text: String) -> String {
        var state = MaskState()
        return mask(text, &state, scan: SecretLine.mask)
    }

    /// The text without private keys. Everything else stays, so that a check can still compare it.
    public static func maskedKeys(_ text: String) -> String {
        guard KeyFrames.mayOccur(in: text) else { return text }
        var state = MaskState()
        return mask(text, &state) { piece, _ in piece }
    }

    /// The value of a variable, header or setting of this name, without secrets. Of cookies the attributes stay, and of
    /// credentials the scheme.
    public static func maskedValue(_ text: String, of name: String) -> String {
        switch SecretName.kind(name) {
        case .authorization, .cookie:
            let front = Array((name + ": ").utf8)
            let line = front + text.utf8.map { $0 == Ascii.newline ? Ascii.space : $0 }
            var state = MaskState()
            return Ascii.text(SecretLine.mask(line[...], &state).dropFirst(front.count))
        default: return isSecretName(name) && !text.isEmpty ? value : maskedKeys(text)
        }
    }

    /// Whether the value of a variable, header or setting of this name is secret.
    public static func isSecretName(_ name: String) -> Bool {
        switch SecretName.kind(name) {
        case .secret, .authorization, .cookie: true
        default: SecretName.isPrivate(name)
        }
    }

    /// Scans line by line, since a key may be cut in the middle and the rest of the text is still wanted.
    private static func mask(
        _ text: String, _ state: inout MaskState, scan: (ArraySlice<UInt8>, inout MaskState) -> ArraySlice<UInt8>
    ) -> String {
        let bytes = Array(text.utf8)
        if state.isIdle, !mayHoldSecret(bytes) { return text }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var start = 0
        while start <= bytes.count {
            let end = bytes[start...].firstIndex(of: Ascii.newline) ?? bytes.count
            let before = result.count
            // The lines within a key or a block become one word.
            let isSwallowed = mask(line: bytes[start..<end], &state, scan: scan, into: &result)
            if isSwallowed {
                result.removeSubrange(before...)
            } else if end < bytes.count {
                result.append(Ascii.newline)
            }
            start = end + 1
        }
        return Ascii.text(result)
    }

    /// Appends the line without secrets, and says whether it is part of a secret that something stands for already.
    private static func mask(
        line: ArraySlice<UInt8>, _ state: inout MaskState,
        scan: (ArraySlice<UInt8>, inout MaskState) -> ArraySlice<UInt8>, into result: inout [UInt8]
    ) -> Bool {
        let wasInKey = state.frames.isInKey
        let before = result.count
        for piece in state.frames.pieces(of: line) {
            switch piece {
            case .key: result += key.utf8
            case .verbatim(let bytes): result += bytes
            case .text(let bytes): result += scan(bytes, &state)
            }
        }
        return (wasInKey || state.wasSwallowed) && result.count == before
    }

    /// Whether a closer look is worth while: most evidence is short and has neither a frame nor a long word.
    private static func mayHoldSecret(_ bytes: [UInt8]) -> Bool {
        var run = 0
        var previous: UInt8 = 0
        for byte in bytes {
            switch byte {
            // A name before its value, an element, a quotation or a hash.
            case UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "<"), UInt8(ascii: "$"), Ascii.tab: return true
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                if previous == Ascii.space || previous == UInt8(ascii: "(") { return true }
                run = 0
            // An option, or the dashes of a frame.
            case UInt8(ascii: "-"):
                if previous == byte || previous == Ascii.space { return true }
                run += 1
            // The last letter of `Bearer` or `Basic` before a credential, and of words before a password.
            case Ascii.space:
                if "rcRCsdSDeEhHnN".utf8.contains(previous) { return true }
                run = 0
            default:
                run = Ascii.isToken(byte) ? run + 1 : 0
                if run >= 15 { return true }
            }
            previous = byte
        }
        return false
    }
}

/// What is carried from one line to the next.
struct MaskState {
    /// A block below a name, whose lines are indented further.
    struct Block {
        var indentation: Int
        var isShown = false
    }

    var frames = KeyFrames()
    /// A secret of several lines (`password: |`).
    var block: Block?
    /// The indentation of a mapping whose values are all secret.
    var secretMapping: Int?
    /// Lines until the value behind a secret name (`name: DB_PASSWORD`) is given up.
    var pendingName = 0
    /// Whether the next line has the argument of an option.
    var isArgumentPending = false
    /// Whether words follow a machine of a netrc file.
    var isInNetrc = false
    /// Whether the last line was a part of a secret that is shown already.
    var wasSwallowed = false

    /// Whether a line means what it means by itself.
    var isIdle: Bool {
        frames.isOutside && block == nil && secretMapping == nil && pendingName == 0
            && !isArgumentPending && !isInNetrc
    }

    /// Whether the next line may be a part of a secret that is shown already.
    var isWithinSecret: Bool { frames.isInKey || block?.isShown ?? false }
}

extension Ascii {
    /// Letters, digits and what joins them in names, paths and base64.
    @inlinable static func isToken(_ byte: UInt8) -> Bool {
        // `+`, and `-./` in a row.
        isAlphanumeric(byte) || byte == 0x5f || byte == 0x2b || (0x2d...0x2f).contains(byte)
    }
}
