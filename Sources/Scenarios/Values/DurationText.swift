import MeshContract

/// Lengths of time as scenarios write them: Go's, such as `10s` or `1h30m`, and days in front, such as `30d` or `1d12h`.
enum DurationText {
    private static let nanosecondsADay: Int64 = 86_400_000_000_000

    /// Reads a length of time; nil for anything else, which a number without a unit is.
    static func parse(_ text: String) -> GoDuration? {
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
        var total = days.multipliedReportingOverflow(by: nanosecondsADay)
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
}
