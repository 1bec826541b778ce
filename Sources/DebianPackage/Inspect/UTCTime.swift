/// Times for people, in UTC so that the same package always reads the same.
enum UTCTime {
    /// `2026-11-23 01:45` of seconds since 1970; the number itself outside the years 0 to 9999.
    static func text(_ seconds: Int64) -> String {
        guard (-62_167_219_200...253_402_300_799).contains(seconds) else { return "@\(seconds)" }
        let day = seconds.quotientFloored(by: 86_400)
        let time = seconds - day * 86_400
        let (year, month, date) = civil(fromDays: day)
        let clock = "\(padded(time / 3600, 2)):\(padded(time / 60 % 60, 2))"
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(date, 2)) \(clock)"
    }

    /// Days since 1970 as a date of the Gregorian calendar, counted in eras of 400 years that begin in March.
    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.quotientFloored(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * march + 2) / 5 + 1)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension Int64 {
    fileprivate func quotientFloored(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
