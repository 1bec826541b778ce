import Platform
import Documents

/// Text inside XML and HTML.
enum Markup {
    /// The text with every character escaped that means something there, and those that neither allows made visible.
    ///
    /// XML 1.0 has no way to write most control characters (section 2.2), so they become `\u{1b}` and the like.
    ///
    /// - Parameter keepsLines: whether newlines and tabs stay what they are, as they may outside attributes.
    static func escaped(_ text: String, keepsLines: Bool = true) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n" where keepsLines, "\t" where keepsLines: result.unicodeScalars.append(scalar)
            case "\t": result += " "
            default:
                if DisplayText.isShown(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    result += DisplayText.escape(scalar)
                }
            }
        }
        return result
    }

    /// The same for an attribute.
    static func attribute(_ text: String) -> String { escaped(text, keepsLines: false) }
}
