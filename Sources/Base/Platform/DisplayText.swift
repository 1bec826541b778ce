/// User's text as it may be sent to a terminal: what does not show, or would drive the terminal, becomes an escape.
package enum DisplayText {
    /// Whether a character shows as itself. Control, format (bidirectional overrides among them), private and
    /// unassigned characters, those that have no width (fillers, joiners, selectors of variants) and all blanks but the
    /// plain and the ideographic one do not.
    package static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value != 0x7f }
        if scalar.properties.isDefaultIgnorableCodePoint { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return false
        case .spaceSeparator: return scalar.value == 0x3000
        default: return true
        }
    }

    /// The text with escapes such as `\u{1b}`.
    ///
    /// - Parameter keepsNewlines: whether a newline stays one.
    package static func visible(_ text: String, keepsNewlines: Bool = true) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if isShown(scalar) || (keepsNewlines && scalar == "\n") {
                result.append(scalar)
            } else {
                result.append(contentsOf: escape(scalar).unicodeScalars)
            }
        }
        return String(result)
    }

    /// The text as a part of one line: newlines are escaped as well.
    package static func inline(_ text: String) -> String { visible(text, keepsNewlines: false) }

    /// `\u{1b}`.
    package static func escape(_ scalar: Unicode.Scalar) -> String { "\\u{\(String(scalar.value, radix: 16))}" }

    /// The text, cut after some characters: a message must not repeat a value of megabytes.
    package static func shortened(_ text: String, to limit: Int = 120) -> String {
        // A character has at most four bytes, so most texts need not be counted.
        guard text.utf8.count > limit,
            let end = text.unicodeScalars.index(
                text.unicodeScalars.startIndex, offsetBy: limit, limitedBy: text.unicodeScalars.endIndex),
            end < text.unicodeScalars.endIndex
        else { return text }
        return String(text.unicodeScalars[..<end]) + "…"
    }

    /// Columns that a character takes on a terminal (Unicode Standard Annex 11, with its wide blocks summed up).
    package static func width(_ scalar: Unicode.Scalar) -> Int {
        if scalar.isASCII { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff,
            0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x20000...0x3fffd:
            return 2
        default: return scalar.properties.isEmojiPresentation ? 2 : 1
        }
    }
}
