/// Dates in headers: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7, the preferred form).
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Nanoseconds since 1970; nil for another form.
    static func nanoseconds(_ text: String) -> Int64? {
        let words = Bytes.words(Array(text.utf8))
        guard words.count == 6, let day = Bytes.decimal(words[1]), (1...31).contains(day),
            let month = months.firstIndex(of: Bytes.text(words[2])), let year = Bytes.decimal(words[3]),
            (1970...9999).contains(year), Bytes.text(words[5]) == "GMT"
        else { return nil }
        let clock = words[4].split(separator: UInt8(ascii: ":")).compactMap { Bytes.decimal($0) }
        guard clock.count == 3, clock[0] < 24, clock[1] < 60, clock[2] <= 60 else { return nil }
        let days = CivilDate(year: year, month: Int64(month) + 1, day: day).daysSince1970
        return (days * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2]) * 1_000_000_000
    }
}
