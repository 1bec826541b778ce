/// Lines of a file as bytes have them: `Character` takes CR LF for one, and a split at "\n" would miss it.
enum TextLines {
    /// The lines without their newline; a final newline does not begin another line.
    static func of(_ bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }
}
