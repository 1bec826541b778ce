import Glibc
import Platform

/// The log of the agent: one line a message, in the format of Google's logging library, on a descriptor.
public struct AgentLog: Sendable {
    private let descriptor: Int32

    /// A log on a descriptor; standard output is where istio-start.sh takes it from.
    public init(descriptor: Int32 = STDOUT_FILENO) { self.descriptor = descriptor }

    /// Something that happened as it should.
    public func info(_ message: String, file: StaticString = #fileID, line: Int = #line) {
        write(.info, message, file, line)
    }

    /// Something that somebody may want to look at.
    public func warning(_ message: String, file: StaticString = #fileID, line: Int = #line) {
        write(.warning, message, file, line)
    }

    /// Something that failed.
    public func error(_ message: String, file: StaticString = #fileID, line: Int = #line) {
        write(.error, message, file, line)
    }

    private func write(_ severity: GlogLine.Severity, _ message: String, _ file: StaticString, _ line: Int) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var seconds = now.tv_sec
        var parts = tm()
        localtime_r(&seconds, &parts)
        let midnight = (Int64(parts.tm_hour) * 60 + Int64(parts.tm_min)) * 60 + Int64(parts.tm_sec)
        let name = file.description.utf8.split(separator: UInt8(ascii: "/")).last ?? Substring(file.description).utf8
        let text = GlogLine(
            severity: severity, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
            microseconds: midnight * 1_000_000 + Int64(now.tv_nsec) / 1000, thread: Int(getpid()),
            file: String(decoding: name, as: UTF8.self), line: line, message: Self.oneLine(message))
        // One write a line, so that Envoy's lines do not end up in the middle of ours.
        var bytes = Array((text.description + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // A full disk or a reader that is gone must not end the proxy, and there is no other place to say it.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Control characters would begin lines that nobody wrote.
    private static func oneLine(_ message: String) -> String {
        guard message.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return message }
        return String(decoding: message.utf8.map { $0 < 0x20 || $0 == 0x7f ? 0x20 : $0 }, as: UTF8.self)
    }
}
