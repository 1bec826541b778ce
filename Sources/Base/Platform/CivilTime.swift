/// A moment of UTC in the proleptic Gregorian calendar, to the second.
public struct CivilTime: Sendable, Hashable {
    /// Any year; 0 is 1 BC.
    public var year: Int64
    /// 1 to 12.
    public var month: Int
    /// 1 to 31.
    public var day: Int
    /// 0 to 23.
    public var hour: Int
    /// 0 to 59.
    public var minute: Int
    /// 0 to 60: some formats know leap seconds.
    public var second: Int

    /// Creates a moment; the caller answers for the ranges.
    public init(year: Int64, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// Converts seconds since 1970-01-01T00:00:00Z.
    public init(secondsSince1970 seconds: Int64) {
        let (days, rest) = seconds.dividedFlooring(by: 86_400)
        // Years are counted from March, so that the leap day is their last, in eras of 400 years.
        let (era, dayOfEra) = (days + 719_468).dividedFlooring(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        month = Int(march < 10 ? march + 3 : march - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        day = Int(dayOfYear - (153 * march + 2) / 5 + 1)
        hour = Int(rest / 3600)
        minute = Int(rest / 60 % 60)
        second = Int(rest % 60)
    }

    /// Days from 1970-01-01 to this day.
    public var daysSince1970: Int64 {
        let (era, yearOfEra) = (month <= 2 ? year - 1 : year).dividedFlooring(by: 400)
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Seconds from 1970-01-01T00:00:00Z to this moment.
    public var secondsSince1970: Int64 {
        daysSince1970 * 86_400 + Int64(hour) * 3600 + Int64(minute) * 60 + Int64(second)
    }

    /// 0 for Sunday to 6 for Saturday. 1970-01-01 was a Thursday.
    public var weekday: Int { Int((daysSince1970 + 4).dividedFlooring(by: 7).remainder) }

    /// Whether the calendar has such a day.
    public var isDate: Bool { (1...12).contains(month) && (1...Self.days(in: month, of: year)).contains(day) }

    /// How many days a month of 1 to 12 has.
    public static func days(in month: Int, of year: Int64) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// `2026-11-23`.
    public var dateText: String { "\(Decimal.padded(year, 4))-\(Decimal.padded(month, 2))-\(Decimal.padded(day, 2))" }

    /// `04:56:33`.
    public var timeText: String {
        "\(Decimal.padded(hour, 2)):\(Decimal.padded(minute, 2)):\(Decimal.padded(second, 2))"
    }

    /// `2026-11-23 01:45` of seconds since 1970, and `@SECONDS` outside the years 0 to 9999.
    public static func minuteText(_ seconds: Int64) -> String {
        guard (-62_167_219_200...253_402_300_799).contains(seconds) else { return "@\(seconds)" }
        let time = CivilTime(secondsSince1970: seconds)
        return "\(time.dateText) \(time.timeText.dropLast(3))"
    }
}

/// Moments as RFC 3339 writes them, in nanoseconds since 1970.
public enum RFC3339 {
    private static let nanosecondsPerSecond: Int64 = 1_000_000_000
    /// What 64 bits of nanoseconds hold of whole years.
    private static let years = 1678...2261

    /// Reads `2026-11-23T05:00:00Z`, with a fraction of one to nine digits or an offset such as `+01:00`; nil for
    /// anything else and for years that 64 bits do not hold.
    public static func nanoseconds(_ text: String) -> Int64? {
        var rest = Array(text.utf8)[...]
        func number(_ digits: Int, _ range: ClosedRange<Int>, before end: String = "") -> Int? {
            guard rest.count >= digits, rest.prefix(digits).allSatisfy(Ascii.isDigit) else { return nil }
            let value = rest.prefix(digits).reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            rest = rest.dropFirst(digits)
            guard range.contains(value), rest.starts(with: end.utf8) else { return nil }
            rest = rest.dropFirst(end.utf8.count)
            return value
        }
        guard let year = number(4, years, before: "-"), let month = number(2, 1...12, before: "-"),
            let day = number(2, 1...CivilTime.days(in: month, of: Int64(year))), let separator = rest.popFirst(),
            separator == UInt8(ascii: "T") || separator == UInt8(ascii: "t") || separator == UInt8(ascii: " "),
            let hour = number(2, 0...23, before: ":"), let minute = number(2, 0...59, before: ":"),
            let second = number(2, 0...59)
        else { return nil }
        var fraction: Int64 = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix(while: Ascii.isDigit)
            guard (1...9).contains(digits.count) else { return nil }
            for place in 0..<9 {
                let index = digits.startIndex + place
                fraction = fraction * 10 + (index < digits.endIndex ? Int64(digits[index] - UInt8(ascii: "0")) : 0)
            }
            rest = rest.dropFirst(digits.count + 1)
        }
        var offset: Int64 = 0
        switch rest.popFirst() {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): break
        case let sign? where sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"):
            guard let hours = number(2, 0...23, before: ":"), let minutes = number(2, 0...59) else { return nil }
            offset = Int64(hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -60 : 60)
        default: return nil
        }
        guard rest.isEmpty else { return nil }
        let time = CivilTime(
            year: Int64(year), month: month, day: day, hour: hour, minute: minute, second: second)
        return (time.secondsSince1970 - offset) * nanosecondsPerSecond + fraction
    }

    /// `2026-11-23T05:00:00Z`, cut to seconds.
    public static func text(_ nanoseconds: Int64) -> String {
        let time = CivilTime(secondsSince1970: nanoseconds.dividedFlooring(by: nanosecondsPerSecond).quotient)
        return "\(time.dateText)T\(time.timeText)Z"
    }

    /// `2026-11-23T04:56:33.123456789Z`: reading it back gives the same moment.
    public static func preciseText(_ nanoseconds: Int64) -> String {
        let (seconds, fraction) = nanoseconds.dividedFlooring(by: nanosecondsPerSecond)
        let time = CivilTime(secondsSince1970: seconds)
        return "\(time.dateText)T\(time.timeText).\(Decimal.padded(fraction, 9))Z"
    }

    /// `2026-11-23T04:56:33`, without a zone, as JUnit's schema wants it.
    public static func zonelessText(_ nanoseconds: Int64) -> String { String(text(nanoseconds).dropLast()) }

    /// `2026-11-23 04:56:33 UTC`.
    public static func readableText(_ nanoseconds: Int64) -> String {
        let time = CivilTime(secondsSince1970: nanoseconds.dividedFlooring(by: nanosecondsPerSecond).quotient)
        return "\(time.dateText) \(time.timeText) UTC"
    }
}

/// Numbers with leading zeros.
enum Decimal {
    static func padded(_ value: some BinaryInteger, _ width: Int) -> String {
        let digits = String(value.magnitude)
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

extension Int64 {
    /// The quotient rounded down, and a remainder that is never negative.
    func dividedFlooring(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
