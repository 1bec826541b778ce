/// Secrets in the URLs of a text: the user part of an authority, which is often a token, and what follows the path, which
/// in signed addresses is the right to read (RFC 3986 section 3).
package enum URLSecrets {
    /// The text with a star for each character of them, so that columns stay where they are.
    package static func masked(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: ":")) else { return text }
        let scalars = Array(text.unicodeScalars)
        guard let result = masked(scalars) else { return text }
        var masked = String.UnicodeScalarView()
        masked.append(contentsOf: result)
        return String(masked)
    }

    /// Nil where there is nothing to hide.
    private static func masked(_ text: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        var result: [Unicode.Scalar]?
        var index = 0
        while index + 2 < text.count {
            guard text[index] == ":", text[index + 1] == "/", text[index + 2] == "/" else {
                index += 1
                continue
            }
            let start = index + 3
            let end = text[start...].firstIndex { ends($0) } ?? text.count
            let path = text[start..<end].firstIndex { "/?#".unicodeScalars.contains($0) } ?? end
            let query = text[path..<end].firstIndex { $0 == "?" || $0 == "#" } ?? end
            var hidden: [Range<Int>] = []
            // `ssh://[user@]host` shows how an address is written, and no user's name begins with a bracket.
            if let at = text[start..<path].lastIndex(of: "@"), text[start] != "[" { hidden.append(start..<at) }
            // A query that has been left out is shown as three dots.
            if query < end, text[(query + 1)..<end] != ["…"] { hidden.append(query + 1..<end) }
            for range in hidden where !range.isEmpty {
                var masked = result ?? text
                for place in range { masked[place] = "*" }
                result = masked
            }
            index = end
        }
        return result
    }

    /// Blanks, controls and quotation marks are in no URL.
    private static func ends(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value <= 0x20 || scalar == "\"" || scalar == "'" || scalar == "<" || scalar == ">"
    }
}
