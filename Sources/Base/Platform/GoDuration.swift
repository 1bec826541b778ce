/// A duration as Go's `time.Duration` writes and reads it: `29m59.137732603s`, `1h2m3s`, `850ms`.
///
/// Source: the documentation of `Duration.String` and `ParseDuration` in Go's package time.
public struct GoDuration: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The length in nanoseconds.
    public var nanoseconds: Int64

    /// Creates a duration of nanoseconds.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Creates a duration, cut to nanoseconds and to what 64 bits hold.
    public init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        nanoseconds = overflow || carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// The same length as Swift's type.
    public var duration: Duration { .nanoseconds(nanoseconds) }

    /// The length in seconds.
    public var seconds: Double { Double(nanoseconds) / 1e9 }

    /// The shorter first.
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Units by their names, in nanoseconds. Go takes three ways to write microseconds.
    private static let units: [(name: [UInt8], nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1000), ("\u{b5}s", 1000), ("\u{3bc}s", 1000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ].map { (Array($0.0.utf8), $0.1) }

    /// Reads a duration; nil where Go's ParseDuration has an error, which a number without a unit is.
    public init?(_ text: some StringProtocol) {
        var rest = Array(text.utf8)[...]
        var isNegative = false
        if let first = rest.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            isNegative = first == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        if rest.elementsEqual([UInt8(ascii: "0")]) {
            nanoseconds = 0
            return
        }
        guard !rest.isEmpty else { return nil }
        var total: UInt64 = 0
        while !rest.isEmpty {
            guard let part = Self.takePart(&rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow, sum <= UInt64(Int64.max) + (isNegative ? 1 : 0) else { return nil }
            total = sum
        }
        nanoseconds = isNegative ? Int64(truncatingIfNeeded: 0 &- total) : Int64(total)
    }

    /// One number with its unit, in nanoseconds.
    private static func takePart(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        let isDigit: (UInt8) -> Bool = { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let whole = rest.prefix(while: isDigit)
        rest = rest.dropFirst(whole.count)
        var fraction: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            fraction = rest.prefix(while: isDigit)
            rest = rest.dropFirst(fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        let name = rest.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
        guard let unit = units.first(where: { name.elementsEqual($0.name) }) else { return nil }
        rest = rest.dropFirst(name.count)
        var value: UInt64 = 0
        for digit in whole {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !overflow, !carried, sum <= 1 << 63 else { return nil }
            value = sum
        }
        let (scaled, overflow) = value.multipliedReportingOverflow(by: UInt64(unit.nanoseconds))
        guard !overflow, scaled <= 1 << 63 else { return nil }
        var part = 0.0
        var scale = 1.0
        for digit in fraction.prefix(18) {
            part = part * 10 + Double(digit - UInt8(ascii: "0"))
            scale *= 10
        }
        return scaled + UInt64(part * (Double(unit.nanoseconds) / scale))
    }

    /// As Go writes it: the largest unit first, `0s` for nothing, a fraction without trailing zeros.
    public var description: String {
        if nanoseconds == 0 { return "0s" }
        let magnitude = nanoseconds.magnitude
        let sign = nanoseconds < 0 ? "-" : ""
        if magnitude < 1000 { return "\(sign)\(magnitude)ns" }
        if magnitude < 1_000_000 { return sign + Self.fixed(magnitude, unit: 1000) + "\u{b5}s" }
        if magnitude < 1_000_000_000 { return sign + Self.fixed(magnitude, unit: 1_000_000) + "ms" }
        let seconds = Self.fixed(magnitude % 60_000_000_000, unit: 1_000_000_000) + "s"
        let minutes = magnitude / 60_000_000_000
        if minutes == 0 { return sign + seconds }
        if minutes < 60 { return "\(sign)\(minutes)m\(seconds)" }
        return "\(sign)\(minutes / 60)h\(minutes % 60)m\(seconds)"
    }

    private static func fixed(_ value: UInt64, unit: UInt64) -> String {
        let rest = value % unit
        if rest == 0 { return "\(value / unit)" }
        let digits = String(unit + rest).dropFirst()
        let kept = digits.utf8.reversed().drop { $0 == UInt8(ascii: "0") }
        return "\(value / unit)." + String(decoding: kept.reversed(), as: UTF8.self)
    }
}
