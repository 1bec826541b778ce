/// Words for a shell: ssh has no other way to pass arguments, and maintainer scripts are text.
public enum ShellWord {
    /// The word between single quotes, which every shell takes as it is, sh and csh alike; nil where it has a line end or
    /// a byte 0, which csh does not take.
    public static func quoted(_ word: String) -> String? {
        var result = "'"
        for scalar in word.unicodeScalars {
            switch scalar {
            case "\n", "\r", "\0": return nil
            case "'": result += "'\\''"
            // csh replaces it even between quotes.
            case "!": result += "'\\!'"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "'"
    }

    /// Whether a word of any shell script stands for itself without quotes, and for nothing else.
    package static func isPlain(_ text: String) -> Bool {
        !text.isEmpty && text.first != "-"
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), UInt8(ascii: ":"):
                    true
                default: false
                }
            }
    }
}
