import Glibc
import Platform

/// Standard output, standard error and the environment of this process.
public enum Terminal {
    /// Whether standard error is a terminal that a line can be written again on, which is where progress goes.
    public static var hasErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb" }

    /// Whether standard output is a terminal.
    public static var hasOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Colour on standard output: on a terminal, unless NO_COLOR (no-color.org) or TERM=dumb says otherwise.
    public static var usesOutputColor: Bool { hasOutputTerminal && allowsColor }

    /// Colour on standard error, by the same rule.
    public static var usesErrorColor: Bool { isatty(STDERR_FILENO) == 1 && allowsColor }

    private static var allowsColor: Bool {
        (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    /// Whether the locale's characters are UTF-8, as LC_ALL, LC_CTYPE and LANG say in this order (setlocale(3)).
    public static var usesUTF8: Bool {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"]
        guard let locale = names.lazy.compactMap({ environment[$0] }).first(where: { !$0.isEmpty }) else {
            return false
        }
        let folded = locale.lowercased()
        return folded.utf8.suffix(5).elementsEqual("utf-8".utf8) || folded.utf8.suffix(4).elementsEqual("utf8".utf8)
    }

    /// Columns of a terminal; nil for anything else.
    public static func width(_ descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? 80
    }

    /// Writes to standard output. When that is gone the process ends with status 70: nothing else can be said of it.
    public static func write(_ text: String) { write(Array(text.utf8)) }

    /// Writes text to standard output that came from outside in part, such as from another program: whatever would drive a
    /// terminal becomes an escape, and lines stay lines.
    public static func writeText(_ text: String) { write(DisplayText.visible(text)) }

    /// Writes bytes to standard output.
    public static func write(_ bytes: [UInt8]) {
        if !write(bytes, to: STDOUT_FILENO) { exit(70) }
    }

    /// Writes to standard error. When that is gone there is nobody left to tell.
    public static func writeError(_ text: String) { _ = write(Array(text.utf8), to: STDERR_FILENO) }

    /// Writes a message to standard error, and ends its line if the text does not. Whatever would drive a terminal becomes
    /// an escape: messages name arguments, hosts and what other programs said.
    public static func writeErrorLine(_ text: String) {
        let shown = DisplayText.visible(text)
        writeError(shown.utf8.last == UInt8(ascii: "\n") ? shown : shown + "\n")
    }

    /// Ends this process.
    public static func exit(_ status: Int32) -> Never { Glibc.exit(status) }

    /// The value of a variable of the environment.
    public static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The variables of this process, as they were when first asked for.
    public static let environment: [String: String] = {
        var result: [String: String] = [:]
        var entry = environ
        while let pointer = entry.pointee {
            let text = String(cString: pointer)
            if let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) {
                result[String(text[..<equals])] = String(text[text.utf8.index(after: equals)...])
            }
            entry += 1
        }
        return result
    }()

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
