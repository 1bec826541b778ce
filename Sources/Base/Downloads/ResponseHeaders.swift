import Files
import Glibc
import Platform

/// The last response of a transfer, as `curl --dump-header` writes it; those before it are redirections.
struct ResponseHeaders {
    /// The status; nil for what is not HTTP.
    private(set) var status: Int?
    private var fields: [String: String] = [:]

    private static let sizeLimit = 1 << 20

    /// Reads a file; what is not there has no fields.
    init(file path: String) throws(FileError) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileTree.readWhole(path, limit: Self.sizeLimit)
        } catch {
            if error.errno == ENOENT || error.errno == EFBIG { return }
            throw error
        }
        for line in bytes.split(separator: Ascii.newline) {
            let text = String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
            if text.hasPrefix("HTTP/") {
                fields = [:]
                status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
                continue
            }
            guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = Substring(text.utf8[text.utf8.index(after: colon)...])
            fields[text[..<colon].lowercased()] = String(value.drop { $0 == " " || $0 == "\t" })
        }
    }

    /// What tells this representation from every other of the same URL (RFC 9110 section 8.8): a strong entity tag, or a
    /// date of modification that lies before the response's own; nil where the server gives neither.
    var validator: String? {
        if let tag = fields["etag"] { return tag.hasPrefix("\"") && tag.hasSuffix("\"") ? tag : nil }
        guard let date = fields["last-modified"], let modified = MailDate.httpSeconds(date),
            let sent = fields["date"].flatMap(MailDate.httpSeconds), modified < sent
        else { return nil }
        return date
    }

    /// Seconds until the server wants to be asked again (RFC 9110 section 10.2.3); nil where it does not say.
    func retryAfter(now: Int64) -> Int? {
        guard let text = fields["retry-after"] else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ Ascii.isDigit($0) }) { return Int(text) ?? .max }
        return MailDate.httpSeconds(text).map { Int(clamping: max(0, $0 - now)) }
    }
}
