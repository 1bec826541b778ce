/// Lengths of time as people write and read them.
package enum DurationText {
    private static let nanosecondsPerDay: Int64 = 86_400_000_000_000

    /// Reads Go's form, such as `10s` or `1h30m`, with days in front, such as `30d` or `1d12h`; nil for anything else, which
    /// a number without a unit is.
    package static func parse(_ text: String) -> GoDuration? {
        let bytes = Array(text.utf8)
        // Go takes a bare 0; here every length has a unit.
        guard bytes.contains(where: { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }) else { return nil }
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "d")) else { return GoDuration(text) }
        var digits = bytes[..<mark]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits = digits.dropFirst() }
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let days = Int64(String(decoding: digits, as: UTF8.self))
        else { return nil }
        let rest = bytes[(mark + 1)...]
        var total = days.multipliedReportingOverflow(by: nanosecondsPerDay)
        if !rest.isEmpty {
            // The sign stands in front of the whole.
            guard rest.first != UInt8(ascii: "-"), rest.first != UInt8(ascii: "+"),
                let more = GoDuration(String(decoding: rest, as: UTF8.self)), !total.overflow
            else { return nil }
            total = total.partialValue.addingReportingOverflow(more.nanoseconds)
        }
        guard !total.overflow else { return nil }
        return GoDuration(nanoseconds: isNegative ? -total.partialValue : total.partialValue)
    }

    /// For people, three digits at most: `412µs`, `12ms`, `2.3s`, `1m05s`, `2h10m`.
    package static func short(_ duration: Duration) -> String {
        let nanoseconds = max(0, GoDuration(duration).nanoseconds)
        let milliseconds = nanoseconds / 1_000_000
        if nanoseconds < 1_000_000 { return "\(nanoseconds / 1000)µs" }
        if milliseconds < 1000 { return "\(milliseconds)ms" }
        let seconds = milliseconds / 1000
        if seconds < 60 { return "\(seconds).\(milliseconds % 1000 / 100)s" }
        if seconds < 3600 { return "\(seconds / 60)m\(twoDigits(seconds % 60))s" }
        return "\(seconds / 3600)h\(twoDigits(seconds / 60 % 60))m"
    }

    /// Seconds with a decimal point whatever the locale: `0.012345`.
    package static func seconds(_ duration: Duration) -> String {
        seconds(nanoseconds: GoDuration(duration).nanoseconds)
    }

    /// The same of nanoseconds, which must not be negative to be a length.
    package static func seconds(nanoseconds: Int64) -> String {
        let micro = max(0, nanoseconds) / 1000
        let fraction = String(micro % 1_000_000)
        return "\(micro / 1_000_000)." + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
    }

    /// Milliseconds with three decimals: `12.345`.
    package static func milliseconds(_ duration: Duration) -> String {
        let micro = max(0, GoDuration(duration).nanoseconds) / 1000
        let fraction = String(micro % 1000)
        return "\(micro / 1000)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
    }

    private static func twoDigits(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
