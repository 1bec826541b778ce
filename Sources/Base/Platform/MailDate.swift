/// A date as mail headers, HTTP and Debian changelogs write it, `Mon, 23 Nov 2026 12:00:00 +0000` (RFC 5322 section 3.3,
/// deb-changelog(5)).
public struct MailDate: Hashable, Sendable {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    public let timestamp: Int64
    /// How far the zone is ahead of UTC, in seconds.
    public let zoneSeconds: Int
    /// Whether the named day of the week is that of the date; nil where none is named.
    public let isWeekdayRight: Bool?

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Reads a date from 1970 to 9999; one that the calendar does not have is refused.
    ///
    /// As to dpkg, the day of the week may be missing, or be another than that of the date.
    public init(_ text: String) throws(FormatError) {
        self = try Self.read(Array(text.utf8)[...])
    }

    private init(timestamp: Int64, zoneSeconds: Int, isWeekdayRight: Bool?) {
        self.timestamp = timestamp
        self.zoneSeconds = zoneSeconds
        self.isWeekdayRight = isWeekdayRight
    }

    /// Offsets of errors are the slice's indices.
    package static func read(_ text: ArraySlice<UInt8>) throws(FormatError) -> MailDate {
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(
                subject: "date", found: Ascii.text(text), expected: expected, offset: offset,
                source: "deb-changelog(5)")
        }
        var rest = text
        var weekday: Int?
        if let comma = text.firstIndex(of: UInt8(ascii: ",")) {
            let name = Ascii.text(Ascii.trimmed(text[..<comma]))
            guard let index = weekdays.firstIndex(of: name) else {
                throw fault("one of Mon, Tue, Wed, Thu, Fri, Sat, Sun", text.startIndex)
            }
            weekday = index
            rest = text[(comma + 1)...]
        }
        let words = Ascii.words(rest)
        guard words.count == 5 else {
            throw fault("a date such as 'Mon, 23 Nov 2026 12:00:00 +0000'", words.last?.endIndex ?? rest.endIndex)
        }
        guard let month = months.firstIndex(of: Ascii.text(words[1])) else {
            throw fault("one of \(months.joined(separator: ", "))", words[1].startIndex)
        }
        guard words[2].count == 4, let year = number(words[2], 1970...9999) else {
            throw fault("a year of 1970 to 9999", words[2].startIndex)
        }
        let length = CivilTime.days(in: month + 1, of: Int64(year))
        guard words[0].count <= 2, let day = number(words[0], 1...length) else {
            throw fault("a day of 1 to \(length)", words[0].startIndex)
        }
        let clock = words[3].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard clock.count == 3, clock[0].count <= 2, clock[1].count == 2, clock[2].count == 2,
            let hour = number(clock[0], 0...23), let minute = number(clock[1], 0...59),
            let second = number(clock[2], 0...60)
        else { throw fault("a time of 00:00:00 to 23:59:60", words[3].startIndex) }
        let zone = words[4]
        guard zone.count == 5, let sign = zone.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let zoneHours = number(zone.dropFirst().prefix(2), 0...14), let zoneMinutes = number(zone.suffix(2), 0...59)
        else { throw fault("a zone of -1459 to +1459", zone.startIndex) }
        let offset = (zoneHours * 60 + zoneMinutes) * 60 * (sign == UInt8(ascii: "+") ? 1 : -1)
        let time = CivilTime(
            year: Int64(year), month: month + 1, day: day, hour: hour, minute: minute, second: second)
        let timestamp = time.secondsSince1970 - Int64(offset)
        guard timestamp >= 0 else { throw fault("a date since 1970-01-01 00:00:00 +0000", text.startIndex) }
        return MailDate(
            timestamp: timestamp, zoneSeconds: offset, isWeekdayRight: weekday.map { $0 == time.weekday })
    }

    /// The seconds since 1970 of a date in an HTTP header, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7, the
    /// preferred form); nil for another form.
    public static func httpSeconds(_ text: String) -> Int64? {
        guard text.utf8.suffix(4).elementsEqual(" GMT".utf8) else { return nil }
        do throws(FormatError) { return try MailDate(text.dropLast(3) + "+0000").timestamp } catch { return nil }
    }

    /// The date in UTC of seconds since 1970-01-01T00:00:00Z, which must not be negative.
    public static func text(_ seconds: Int64) -> String {
        let time = CivilTime(secondsSince1970: seconds)
        return "\(weekdays[time.weekday]), \(Decimal.padded(time.day, 2)) \(months[time.month - 1]) "
            + "\(Decimal.padded(time.year, 4)) \(time.timeText) +0000"
    }

    private static func number(_ digits: ArraySlice<UInt8>, _ range: ClosedRange<Int>) -> Int? {
        guard !digits.isEmpty, digits.count <= 4, digits.allSatisfy({ Ascii.isDigit($0) }) else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return range.contains(value) ? value : nil
    }
}
