/// Words for the shell of another machine: ssh has no other way to pass arguments.
public enum ShellWord {
    /// The word between single quotes, which every shell takes as it is, sh and csh alike; a newline is refused because
    /// csh does not.
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
}
