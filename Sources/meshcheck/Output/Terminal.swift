import Glibc

/// Standard output and standard error of this process.
enum Terminal {
    /// Whether standard error is a terminal, which is where progress goes.
    static var hasErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb" }

    /// Whether standard output is a terminal.
    static var hasOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Colour on standard output: on a terminal, unless NO_COLOR (no-color.org) or TERM=dumb says otherwise.
    static var usesOutputColor: Bool { hasOutputTerminal && allowsColor }

    /// Colour on standard error, by the same rule.
    static var usesErrorColor: Bool { isatty(STDERR_FILENO) == 1 && allowsColor }

    private static var allowsColor: Bool {
        (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    /// Whether the locale's characters are UTF-8, as LC_ALL, LC_CTYPE and LANG say in this order (setlocale(3)).
    static var usesUTF8: Bool {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"]
        guard let locale = names.lazy.compactMap({ environment[$0] }).first(where: { !$0.isEmpty }) else {
            return false
        }
        let folded = locale.lowercased()
        return folded.utf8.suffix(5).elementsEqual("utf-8".utf8) || folded.utf8.suffix(4).elementsEqual("utf8".utf8)
    }

    /// Columns of a terminal; nil for anything else.
    static func width(_ descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? 80
    }

    /// Writes to standard output.
    static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes to standard error.
    static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// The variables of this process.
    static let environment: [String: String] = {
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

    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { buffer in
            var rest = UnsafeRawBufferPointer(buffer)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                // Nothing can be said about standard output being gone but with the exit status.
                if count <= 0 { Glibc.exit(descriptor == STDOUT_FILENO ? 70 : 0) }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}

/// Signal dispositions of this process.
enum Signals {
    /// A reader that goes away is then an error of the write, not the end of the process without a word.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}
