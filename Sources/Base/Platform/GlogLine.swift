/// One line of the format of Google's logging library: `I1013 21:32:29.469314    6941 main.go:66] message`.
///
/// The format has no year and no time zone: the time is the machine's own.
public struct GlogLine: Sendable, Hashable, CustomStringConvertible {
    /// How bad it is.
    public enum Severity: Character, Sendable, Hashable, CaseIterable {
        case info = "I"
        case warning = "W"
        case error = "E"
        case fatal = "F"
    }

    /// How bad it is.
    public var severity: Severity
    /// The month, 1 to 12.
    public var month: Int
    /// The day of the month.
    public var day: Int
    /// Microseconds since midnight.
    public var microseconds: Int64
    /// The thread or process.
    public var thread: Int
    /// The source file.
    public var file: String
    /// The line in it.
    public var line: Int
    /// The message.
    public var message: String

    /// Creates a line.
    public init(
        severity: Severity, month: Int, day: Int, microseconds: Int64, thread: Int, file: String, line: Int,
        message: String
    ) {
        self.severity = severity
        self.month = month
        self.day = day
        self.microseconds = microseconds
        self.thread = thread
        self.file = file
        self.line = line
        self.message = message
    }

    /// Reads a line; nil when it has another format.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count > 30, let severity = Severity(rawValue: Character(UnicodeScalar(bytes[0]))) else {
            return nil
        }
        func number(_ start: Int, _ count: Int) -> Int? {
            var value = 0
            for byte in bytes[start..<start + count] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard let month = number(1, 2), (1...12).contains(month), let day = number(3, 2), (1...31).contains(day),
            bytes[5] == UInt8(ascii: " "), let hour = number(6, 2), hour < 24, bytes[8] == UInt8(ascii: ":"),
            let minute = number(9, 2), minute < 60, bytes[11] == UInt8(ascii: ":"), let second = number(12, 2),
            second <= 60, bytes[14] == UInt8(ascii: "."), let fraction = number(15, 6), bytes[21] == UInt8(ascii: " ")
        else { return nil }
        guard let bracket = bytes[22...].firstIndex(of: UInt8(ascii: "]")) else { return nil }
        let words = bytes[22..<bracket].split(separator: UInt8(ascii: " "))
        guard words.count == 2, let thread = Int(String(decoding: words[0], as: UTF8.self)),
            let colon = words[1].lastIndex(of: UInt8(ascii: ":")),
            let line = Int(String(decoding: words[1][(colon + 1)...], as: UTF8.self))
        else { return nil }
        var message = bytes[(bracket + 1)...]
        if message.first == UInt8(ascii: " ") { message = message.dropFirst() }
        self.init(
            severity: severity, month: month, day: day,
            microseconds: Int64((hour * 3600 + minute * 60 + second) * 1_000_000 + fraction), thread: thread,
            file: String(decoding: words[1][..<colon], as: UTF8.self), line: line,
            message: String(decoding: message, as: UTF8.self))
    }

    /// The line without its end.
    public var description: String {
        let seconds = microseconds / 1_000_000
        let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { Self.padded($0, 2) }
        let process = String(thread)
        let indent = String(repeating: " ", count: max(0, 7 - process.utf8.count))
        return "\(severity.rawValue)\(Self.padded(Int64(month), 2))\(Self.padded(Int64(day), 2)) "
            + clock.joined(separator: ":") + "." + Self.padded(microseconds % 1_000_000, 6)
            + " \(indent)\(process) \(file):\(line)] \(message)"
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
