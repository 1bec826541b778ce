import Glibc

/// Standard output and standard error of this process.
enum Terminal {
    /// Whether standard error is a terminal, which is where progress goes.
    static var hasErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether standard output is a terminal.
    static var hasOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Colour on standard error: on a terminal, unless NO_COLOR (no-color.org) or TERM=dumb says otherwise.
    static var usesColor: Bool {
        hasErrorTerminal && getenv("NO_COLOR") == nil && environment["TERM"] != "dumb"
    }

    /// Colour on standard output, by the same rule.
    static var usesOutputColor: Bool {
        hasOutputTerminal && getenv("NO_COLOR") == nil && environment["TERM"] != "dumb"
    }

    static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    static func exit(_ status: Int32) -> Never { Glibc.exit(status) }

    /// The variables of this process.
    static var environment: [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let pointer = entry.pointee {
            let text = String(cString: pointer)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            entry += 1
        }
        return result
    }

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
