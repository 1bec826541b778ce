import Glibc

/// Standard output, standard error and the environment of this process.
enum Terminal {
    static func write(_ text: String) { write(Array(text.utf8), to: STDOUT_FILENO) }

    static func write(_ bytes: [UInt8]) { write(bytes, to: STDOUT_FILENO) }

    static func writeError(_ text: String) { write(Array(text.utf8), to: STDERR_FILENO) }

    static func exit(_ status: Int32) -> Never { Glibc.exit(status) }

    /// The value of a variable of the environment.
    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Nothing can be said about standard output being gone but with the exit status.
            if count <= 0 { Glibc.exit(descriptor == STDOUT_FILENO ? 70 : 2) }
            rest = rest.dropFirst(count)
        }
    }
}

/// Turns what went wrong into a sentence on standard error and an exit status.
enum Failure {
    static func report(_ text: String, status: Int32) -> Int32 {
        Terminal.writeError("pilot-agent: \(text)\n")
        return status
    }
}
