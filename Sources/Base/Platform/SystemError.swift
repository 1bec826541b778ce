import Glibc

/// What the C library says of its numbers, in English whatever the locale.
public enum SystemErrorText {
    /// The text of an error number (errno(3)).
    public static func of(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        // The XSI form of strerror_r(3): fills the buffer and gives a status.
        guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The text of a status of getaddrinfo(3).
    public static func ofLookup(_ status: Int32) -> String { String(cString: gai_strerror(status)) }
}
