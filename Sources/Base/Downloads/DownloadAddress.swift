import Platform

/// A URL as it may be shown: what can be a secret in it is left out.
///
/// The user part of an authority is often a token, and so are the values of a query (signed addresses of object stores,
/// `access_token`), so neither is ever shown.
public struct DownloadAddress: Sendable, Hashable {
    /// The URL for the program that fetches it.
    public let url: String
    /// The URL for messages, without user, password, query and fragment.
    public let shown: String
    /// Parts that must not be in what others say of it.
    private let secrets: [String]

    /// Takes a URL apart as far as that is needed (RFC 3986 section 3).
    public init(_ url: String) {
        self.url = url
        var text = url.utf8[...]
        var secrets: [String] = []
        var isShortened = false
        if let mark = text.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
            let query = text[text.index(after: mark)...]
            secrets += [String(Substring(query))]
            secrets += query.split { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: ";") }.compactMap { pair in
                pair.firstIndex(of: UInt8(ascii: "=")).map { String(Substring(pair[pair.index(after: $0)...])) }
            }
            isShortened = !query.isEmpty
            text = text[..<mark]
        }
        var front = ""
        if let colon = text.firstIndex(of: UInt8(ascii: ":")), text[colon...].starts(with: "://".utf8) {
            let start = text.index(colon, offsetBy: 3)
            front = String(Substring(text[..<start]))
            text = text[start...]
        }
        // Curl looks for the last '@' before the path; a password with a slash in it is not one, but is hidden too.
        let authority = text.prefix { $0 != UInt8(ascii: "/") }
        if let at = (authority.lastIndex(of: UInt8(ascii: "@")) ?? Self.strayCredential(text)) {
            let user = text[..<at]
            secrets.append(String(Substring(user)))
            secrets += user.split(separator: UInt8(ascii: ":")).map { String(Substring($0)) }
            text = text[text.index(after: at)...]
        }
        secrets += secrets.compactMap(Self.decoded)
        // Long ones first, so that none is left in half; what is shorter would hide every other word.
        self.secrets = Set(secrets).filter { $0.utf8.count >= 3 }.sorted { $0.utf8.count > $1.utf8.count }
        shown = DisplayText.inline(
            SecretMask.masked(DisplayText.shortened(front + String(Substring(text)), to: 400))
                + (isShortened ? "?…" : ""))
    }

    /// What another program says of the URL, without the parts that are not shown.
    public func cleaned(_ message: String) -> String {
        var message = message
        for secret in [url] + secrets {
            guard secret.utf8.count >= 3 else { continue }
            let shown = secret == url ? self.shown : SecretMask.value
            message = Self.replacing(secret, in: message, with: shown)
        }
        return DisplayText.inline(SecretMask.masked(message))
    }

    /// `user:pass/word@host`: the '@' behind a colon and a slash.
    private static func strayCredential(_ text: Substring.UTF8View) -> Substring.UTF8View.Index? {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), let at = text.lastIndex(of: UInt8(ascii: "@")),
            colon < at
        else { return nil }
        // A port in front of a path that has an '@' in it, as in https://host:8080/@scope/name.
        let behind = text[text.index(after: colon)...].prefix { $0 != UInt8(ascii: "/") }
        return behind.allSatisfy { Ascii.isDigit($0) } ? nil : at
    }

    /// The text with its percent escapes replaced; nil where it has none.
    private static func decoded(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "%")) else { return nil }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let value = UInt8(String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
            {
                result.append(value)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func replacing(_ part: String, in text: String, with other: String) -> String {
        let (needle, bytes) = (Array(part.utf8), Array(text.utf8))
        guard !needle.isEmpty, bytes.count >= needle.count else { return text }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: needle) {
                result += other.utf8
                index += needle.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
