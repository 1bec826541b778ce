/// Moments as text: RFC 3339 in UTC.
enum Timestamp {
    private static let nanosecondsPerSecond: Int64 = 1_000_000_000
    private static let secondsPerDay: Int64 = 86400

    /// `2026-11-23T04:56:33.123456789Z`; the fraction has nine digits, so that reading it back gives the same moment.
    ///
    /// - Parameter nanoseconds: since 1970.
    static func precise(_ nanoseconds: Int64) -> String {
        let (seconds, fraction) = floorDivide(nanoseconds, nanosecondsPerSecond)
        return "\(date(seconds))T\(time(seconds)).\(padded(fraction, 9))Z"
    }

    /// `2026-11-23T04:56:33`, without a zone, as JUnit's schema wants it.
    static func plain(_ nanoseconds: Int64) -> String {
        let seconds = floorDivide(nanoseconds, nanosecondsPerSecond).quotient
        return "\(date(seconds))T\(time(seconds))"
    }

    /// `2026-11-23 04:56:33 UTC`.
    static func readable(_ nanoseconds: Int64) -> String {
        let seconds = floorDivide(nanoseconds, nanosecondsPerSecond).quotient
        return "\(date(seconds)) \(time(seconds)) UTC"
    }

    /// Reads what `precise` writes, with one to nine digits in the fraction or none.
    static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 30, bytes.last == UInt8(ascii: "Z"), bytes[4] == UInt8(ascii: "-"),
            bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"), let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
            let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
            let second = number(bytes[17..<19]), (1...12).contains(month), (1...31).contains(day), hour < 24,
            minute < 60, second < 61
        else { return nil }
        var fraction: Int64 = 0
        if bytes.count > 20 {
            let digits = bytes[20..<(bytes.count - 1)]
            guard bytes[19] == UInt8(ascii: "."), !digits.isEmpty, let value = number(digits) else { return nil }
            fraction = value
            for _ in digits.count..<9 { fraction *= 10 }
        }
        let seconds = days(year: year, month: month, day: day) * secondsPerDay + hour * 3600 + minute * 60 + second
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: nanosecondsPerSecond)
        let (sum, carried) = scaled.addingReportingOverflow(fraction)
        return overflow || carried ? nil : sum
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }

    private static func time(_ seconds: Int64) -> String {
        let second = floorDivide(seconds, secondsPerDay).remainder
        return "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
    }

    /// The civil date: years begin in March, so that the leap day is the last one, and repeat every 400 years.
    private static func date(_ seconds: Int64) -> String {
        let days = floorDivide(seconds, secondsPerDay).quotient + 719_468
        let (era, dayOfEra) = floorDivide(days, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfYear - (153 * shifted + 2) / 5 + 1, 2))"
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floorDivide(year, 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let remainder = ((value % divisor) + divisor) % divisor
        return ((value - remainder) / divisor, remainder)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
