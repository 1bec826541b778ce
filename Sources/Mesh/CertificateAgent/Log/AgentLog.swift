import Files
import Glibc
import Platform

/// The agent's log on standard error.
public struct AgentLog: Sendable {
    /// The form of a line.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// Google's logging library's, as the original agent writes it.
        case glog
        /// An object a line: `time` (RFC 3339, UTC), `level`, `message`, `source`.
        case json
    }

    /// One message.
    public struct Entry: Sendable, Hashable {
        /// How bad it is.
        public var severity: GlogLine.Severity
        /// The message, one line.
        public var message: String
        /// The source file and line that says it.
        public var file: String
        /// The line in it.
        public var line: Int

        /// Creates a message of the place that calls this.
        public init(_ severity: GlogLine.Severity, _ message: String, file: String = #fileID, line: Int = #line) {
            self.severity = severity
            self.message = message
            self.file = LexicalPath.split(file).name
            self.line = line
        }
    }

    /// The form of a line.
    public let format: Format
    /// Messages of detail up to this level are written (glog's `-v`).
    public let verbosity: Int

    /// Creates a log.
    public init(format: Format, verbosity: Int = 0) {
        self.format = format
        self.verbosity = verbosity
    }

    /// Writes a message.
    public func write(_ entry: Entry) {
        var line = Array(text(entry, at: .wall, process: getpid()).utf8)
        line.append(UInt8(ascii: "\n"))
        line.withUnsafeBytes { bytes in
            // One call, so that lines of several processes do not mix. Who cannot be told cannot be told so.
            _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }

    /// Writes a detail if the level is asked for.
    public func detail(_ level: Int, _ message: @autoclosure () -> String, file: String = #fileID, line: Int = #line) {
        if level <= verbosity { write(Entry(.info, message(), file: file, line: line)) }
    }

    /// The line of a message at a moment.
    func text(_ entry: Entry, at time: ClockReading, process: Int32) -> String {
        switch format {
        case .glog:
            var seconds = time.seconds
            var local = tm()
            localtime_r(&seconds, &local)
            let sinceMidnight = Int64(local.tm_hour) * 3600 + Int64(local.tm_min) * 60 + Int64(local.tm_sec)
            return GlogLine(
                severity: entry.severity, month: Int(local.tm_mon) + 1, day: Int(local.tm_mday),
                microseconds: sinceMidnight * 1_000_000 + Int64(time.nanoseconds) / 1000, thread: Int(process),
                file: entry.file, line: entry.line, message: Self.oneLine(entry.message)
            ).description
        case .json:
            let level =
                switch entry.severity {
                case .info: "info"
                case .warning: "warning"
                case .error: "error"
                case .fatal: "fatal"
                }
            let fields: [(String, String)] = [
                ("time", Self.timestamp(time)), ("level", level), ("message", entry.message),
                ("source", "\(entry.file):\(entry.line)"),
            ]
            return "{" + fields.map { "\"\($0)\":\(Self.quoted($1))" }.joined(separator: ",") + "}"
        }
    }

    private static func timestamp(_ time: ClockReading) -> String {
        var seconds = time.seconds
        var utc = tm()
        gmtime_r(&seconds, &utc)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        return "\(Int(utc.tm_year) + 1900)-\(padded(Int(utc.tm_mon) + 1, 2))-\(padded(Int(utc.tm_mday), 2))T"
            + "\(padded(Int(utc.tm_hour), 2)):\(padded(Int(utc.tm_min), 2)):\(padded(Int(utc.tm_sec), 2))."
            + "\(padded(time.nanoseconds / 1000, 6))Z"
    }

    /// A message without line ends, which would forge lines of others.
    private static func oneLine(_ message: String) -> String {
        String(String.UnicodeScalarView(message.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
    }

    /// A JSON string (RFC 8259, section 7).
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
