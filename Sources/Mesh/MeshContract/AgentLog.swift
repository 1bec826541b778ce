import Glibc
import Platform

/// The log of both agents: one line for each message, on a descriptor.
public struct AgentLog: Sendable {
    /// The form of a line.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// Google's logging library's, as the original agents write it.
        case glog
        /// One object per line: `time` (RFC 3339, UTC), `level`, `message`, `source`.
        case json
    }

    /// One message.
    public struct Entry: Sendable, Hashable {
        /// How bad it is.
        public var severity: GlogLine.Severity
        /// The message.
        public var message: String
        /// The source file that says it.
        public var file: String
        /// The line in it.
        public var line: Int

        /// Creates a message of the place that calls this.
        public init(_ severity: GlogLine.Severity, _ message: String, file: String = #fileID, line: Int = #line) {
            self.severity = severity
            self.message = message
            self.file = Ascii.text(file.utf8.reversed().prefix { $0 != UInt8(ascii: "/") }.reversed())
            self.line = line
        }
    }

    private let format: Format
    private let verbosity: Int
    private let descriptor: Int32

    /// Creates a log.
    ///
    /// - Parameter verbosity: details up to this level are written (glog's `-v`).
    public init(format: Format = .glog, verbosity: Int = 0, descriptor: Int32 = STDERR_FILENO) {
        self.format = format
        self.verbosity = verbosity
        self.descriptor = descriptor
    }

    /// Writes a message.
    public func write(_ entry: Entry) {
        // One call for each line, so that lines of several processes do not mix.
        var bytes = Array((text(entry, at: KernelClock.wall, process: getpid()) + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // A full disk or a reader that is gone must not end the agent, and there is no other place to say it.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Writes a detail if the level is asked for.
    public func detail(_ level: Int, _ message: @autoclosure () -> String, file: String = #fileID, line: Int = #line) {
        if level <= verbosity { info(message(), file: file, line: line) }
    }

    /// Writes something that happened as it should.
    public func info(_ message: String, file: String = #fileID, line: Int = #line) {
        write(Entry(.info, message, file: file, line: line))
    }

    /// Writes something that somebody may want to look at.
    public func warning(_ message: String, file: String = #fileID, line: Int = #line) {
        write(Entry(.warning, message, file: file, line: line))
    }

    /// Writes something that failed.
    public func error(_ message: String, file: String = #fileID, line: Int = #line) {
        write(Entry(.error, message, file: file, line: line))
    }

    /// The line of a message at a moment, in nanoseconds since 1970.
    package func text(_ entry: Entry, at time: Int64, process: Int32) -> String {
        switch format {
        case .glog:
            var seconds = time_t(time / 1_000_000_000)
            var local = tm()
            localtime_r(&seconds, &local)
            let sinceMidnight = Int64(local.tm_hour) * 3600 + Int64(local.tm_min) * 60 + Int64(local.tm_sec)
            return GlogLine(
                severity: entry.severity, month: Int(local.tm_mon) + 1, day: Int(local.tm_mday),
                microseconds: sinceMidnight * 1_000_000 + time % 1_000_000_000 / 1000, thread: Int(process),
                file: entry.file, line: entry.line, message: Self.oneLine(entry.message)
            ).description
        case .json:
            let fields: [(String, String)] = [
                ("time", RFC3339.preciseText(time).dropLast(4) + "Z"), ("level", "\(entry.severity)"),
                ("message", entry.message), ("source", "\(entry.file):\(entry.line)"),
            ]
            return "{" + fields.map { "\"\($0)\":\(Self.quoted($1))" }.joined(separator: ",") + "}"
        }
    }

    /// A message without control characters, which would begin lines that nobody wrote.
    private static func oneLine(_ message: String) -> String {
        String(String.UnicodeScalarView(message.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }))
    }

    /// A JSON string (RFC 8259, section 7).
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20: quoted += "\\u00" + Hexadecimal.text([UInt8(scalar.value)])
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// What the certificate agent says in its log, in every generation. Source files and line numbers differ: only the
/// message counts.
public enum NodeAgentMessage {
    /// The first line of the program.
    public static let starting = "Starting Node Agent"
    /// Written before it has talked to the authority.
    public static let started = "Node Agent starts successfully."
    /// A request goes out; the number counts the attempts after the first.
    public static func sending(retrial: Int) -> String { "Sending CSR (retrial #\(retrial)) ..." }
    /// The one line that means success.
    public static func approved(renewalIn wait: GoDuration) -> String { approvedPrefix + wait.description }
    /// What stands before the wait.
    public static let approvedPrefix = "CSR is approved successfully. Will renew cert in "
    /// The request could not be made or was answered by an error.
    public static func signingFailed(_ reason: String, retryIn wait: GoDuration) -> String {
        "CSR signing failed: \(reason). Will retry in \(wait)"
    }
    /// The reason when the answer is empty.
    public static let responseEmpty = "response empty"
    /// The reason when the answer says no.
    public static let notApproved = "request not approved"
    /// The answer has no certificate that can be read.
    public static func parsingError(retryIn wait: GoDuration) -> String {
        "Certificate parsing error. Will retry in \(wait)"
    }
    /// The lifetime of the new certificate makes no sense.
    public static func lifetimeError(_ reason: String) -> String { "Error getting TTL from approved cert: \(reason)" }
    /// The last line of an agent that gives up.
    public static func terminated(retries: Int) -> String {
        "Node agent terminated with error: node agent can't get the CSR approved from Istio CA after max number of "
            + "retries (\(retries))."
    }
    /// The reason when a certificate has not exactly one name.
    public static func subjectAlternativeNames(_ count: Int) -> String {
        "Cert have \(count) SAN fields, should be 1"
    }
}
