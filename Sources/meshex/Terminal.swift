import ArgumentParser
import Glibc

/// The two streams.
enum Terminal {
    static func output(_ text: String) { print(text, terminator: "") }

    static func error(_ text: String) {
        let line = text.utf8.last == UInt8(ascii: "\n") ? text : text + "\n"
        var rest = Array(line.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // There is nobody left to tell.
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// The end of a command with a status, after saying why.
struct Failure {
    var status: Int32

    init(status: Int32, text: String?) {
        self.status = status
        if let text { Terminal.error("meshex: \(text)") }
    }

    /// What ArgumentParser ends with.
    var exit: ExitCode { ExitCode(status) }
}
