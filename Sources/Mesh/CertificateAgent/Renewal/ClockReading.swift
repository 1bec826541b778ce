import FoundationEssentials

/// The time of day.
struct ClockReading: Sendable, Hashable {
    /// Whole seconds since 1970.
    var seconds: Int
    /// Nanoseconds within the second.
    var nanoseconds: Int

    /// Creates a reading.
    init(seconds: Int, nanoseconds: Int) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Now.
    static var wall: ClockReading {
        let now = Date().timeIntervalSince1970
        let seconds = now.rounded(.down)
        return ClockReading(seconds: Int(seconds), nanoseconds: Int((now - seconds) * 1e9))
    }
}
