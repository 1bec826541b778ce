import MeshContract

/// Lengths of time as text.
enum DurationText {
    /// For people, three digits at most: `412µs`, `12ms`, `2.3s`, `1m05s`, `2h10m`.
    static func short(_ duration: Duration) -> String {
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
    static func seconds(_ duration: Duration) -> String { seconds(nanoseconds: GoDuration(duration).nanoseconds) }

    /// The same of nanoseconds, which must not be negative to be a length.
    static func seconds(nanoseconds: Int64) -> String {
        let micro = max(0, nanoseconds) / 1000
        let fraction = String(micro % 1_000_000)
        return "\(micro / 1_000_000)." + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
    }

    /// Milliseconds with three decimals: `12.345`.
    static func milliseconds(_ duration: Duration) -> String {
        let micro = max(0, GoDuration(duration).nanoseconds) / 1000
        let fraction = String(micro % 1000)
        return "\(micro / 1000)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
    }

    private static func twoDigits(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
