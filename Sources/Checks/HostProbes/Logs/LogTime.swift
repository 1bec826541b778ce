import Glibc
import MeshContract
import Platform

/// When a line of a log was written.
enum LogTime {
    /// Nanoseconds since 1970 of a line in the format of glog (local time, no year) or of the later agents (ISO 8601 in
    /// UTC, then a tab); nil for a line in another format.
    ///
    /// - Parameter now: the year of glog's format is the last in which the line is not from the future. A day more is
    ///   allowed, for clocks that were set back.
    static func nanoseconds(_ line: some BidirectionalCollection<UInt8>, now: Int64) -> Int64? {
        guard let first = line.first else { return nil }
        if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) { return iso8601(Array(line.prefix(40))) }
        guard "IWEF".utf8.contains(first),
            let stamp = GlogLine(String(decoding: Array(line.prefix(200)), as: UTF8.self))
        else { return nil }
        return nanoseconds(stamp, now: now)
    }

    /// The moment of a line of glog.
    static func nanoseconds(_ line: GlogLine, now: Int64) -> Int64? {
        var clock = time_t(now / 1_000_000_000)
        var broken = tm()
        localtime_r(&clock, &broken)
        let year = Int64(broken.tm_year) + 1900
        // Eight years back there is a leap day even around a century without one.
        for candidate in stride(from: year + 1, through: year - 8, by: -1) {
            let date = CivilTime(year: candidate, month: line.month, day: line.day)
            guard date.isDate else { continue }
            let seconds = line.microseconds / 1_000_000
            var parts = tm()
            parts.tm_year = Int32(candidate - 1900)
            parts.tm_mon = Int32(line.month - 1)
            parts.tm_mday = Int32(line.day)
            parts.tm_hour = Int32(seconds / 3600)
            parts.tm_min = Int32(seconds / 60 % 60)
            parts.tm_sec = Int32(seconds % 60)
            parts.tm_isdst = -1
            let moment = Int64(mktime(&parts)) * 1_000_000_000 + line.microseconds % 1_000_000 * 1000
            if moment <= now &+ 86_400_000_000_000 { return moment }
        }
        return nil
    }

    /// `2020-02-11T12:53:43.831908Z`, the fraction of any length.
    private static func iso8601(_ bytes: [UInt8]) -> Int64? {
        func number(_ range: Range<Int>) -> Int64? {
            range.upperBound <= bytes.count ? Bytes.decimal(bytes[range]) : nil
        }
        guard bytes.count >= 20, let year = number(0..<4), bytes[4] == UInt8(ascii: "-"), let month = number(5..<7),
            bytes[7] == UInt8(ascii: "-"), let day = number(8..<10), bytes[10] == UInt8(ascii: "T"),
            let hour = number(11..<13), bytes[13] == UInt8(ascii: ":"), let minute = number(14..<16),
            bytes[16] == UInt8(ascii: ":"), let second = number(17..<19), hour < 24, minute < 60, second <= 60
        else { return nil }
        let date = CivilTime(year: year, month: Int(month), day: Int(day))
        guard date.isDate, year >= 1970 else { return nil }
        var rest = bytes[19...]
        var fraction: Int64 = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard !digits.isEmpty else { return nil }
            var padded = Array(digits.prefix(9))
            while padded.count < 9 { padded.append(UInt8(ascii: "0")) }
            fraction = Bytes.decimal(padded) ?? 0
            rest = rest[digits.endIndex...]
        }
        guard rest.first == UInt8(ascii: "Z") else { return nil }
        return (date.daysSince1970 * 86400 + hour * 3600 + minute * 60 + second) * 1_000_000_000 + fraction
    }

    /// Whether a line reports an error: E or F of glog, `error` or `fatal` of the later format.
    static func isError(_ line: ArraySlice<UInt8>) -> Bool {
        guard let first = line.first else { return false }
        if first == UInt8(ascii: "E") || first == UInt8(ascii: "F") {
            return GlogLine(String(decoding: Array(line.prefix(200)), as: UTF8.self)) != nil
        }
        let fields = line.prefix(60).split(separator: UInt8(ascii: "\t"), maxSplits: 2)
        guard fields.count >= 2, iso8601(Array(fields[0])) != nil else { return false }
        return fields[1].elementsEqual("error".utf8) || fields[1].elementsEqual("fatal".utf8)
    }
}
