/// A day of the Gregorian calendar.
struct CivilDate: Sendable, Hashable {
    var year: Int64
    /// 1 to 12.
    var month: Int64
    /// 1 to 31.
    var day: Int64

    /// Days since 1970-01-01. Years are taken to begin in March, so that the leap day is the last one.
    var daysSince1970: Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Whether the year has a 29th of February.
    var isLeapYear: Bool { year % 4 == 0 && year % 100 != 0 || year % 400 == 0 }

    /// Whether there is such a day.
    var exists: Bool {
        guard (1...12).contains(month) else { return false }
        let lengths: [Int64] = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...lengths[Int(month) - 1]).contains(day)
    }
}
