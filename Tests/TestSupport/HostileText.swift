/// What would drive a terminal, pose as a line of ours or turn a text around, and the search for it in outputs.
public enum HostileText {
    /// Texts with what they are.
    public static let all: [(name: String, text: String)] = [
        ("colour", "\u{1B}[31mred"), ("title of a window", "\u{1B}]0;owned\u{7}"), ("C1 CSI", "\u{9B}31mred"),
        ("C1 OSC", "\u{9D}0;owned\u{9C}"), ("bell", "a\u{7}b"), ("carriage return", "FAILED\rPASSED"),
        ("backspace", "bad\u{8}\u{8}\u{8}ok"), ("line feed", "a\nok 1 - b"), ("override", "a\u{202E}drowssap"),
        ("isolate", "a\u{2066}b\u{2069}"), ("line separator", "a\u{2028}b"), ("paragraph separator", "a\u{2029}b"),
        ("next line", "a\u{85}b"), ("NUL", "a\0b"), ("DEL", "a\u{7F}b"), ("soft hyphen", "a\u{AD}b"),
        ("tag", "a\u{E0041}b"),
        ("invalid UTF-8", String(decoding: [0x61, 0xff, 0x9b, 0xc2] as [UInt8], as: UTF8.self)),
    ]

    /// All of them in one, as far as an argument can have them.
    public static let argument = all.map(\.text).joined(separator: "|").replacing("\0", with: "")

    /// Everything in an output that a terminal would not show as itself; empty where all is well.
    public static func harm(in output: [UInt8]) -> [String] {
        guard let text = String(validating: output, as: UTF8.self) else { return ["invalid UTF-8"] }
        return text.unicodeScalars.compactMap { scalar in
            switch scalar.properties.generalCategory {
            case .control where scalar == "\n" || scalar == "\t": nil
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                "U+" + String(scalar.value, radix: 16)
            default: nil
            }
        }
    }
}
