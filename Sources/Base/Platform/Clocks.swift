import Glibc

/// A moment on the machine's monotonic clock, which nobody sets; it stands while the machine is suspended.
public struct MonotonicTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since some moment at boot.
    public var nanoseconds: UInt64

    /// Creates a moment of nanoseconds since boot.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The moment that an instant of Swift's clock is at.
    public init(_ instant: ContinuousClock.Instant) {
        self = .now + ContinuousClock.now.duration(to: instant)
    }

    /// Later than every other.
    public static let never = MonotonicTime(nanoseconds: .max)

    /// This moment.
    public static var now: MonotonicTime {
        MonotonicTime(nanoseconds: KernelClock.read(CLOCK_MONOTONIC))
    }

    /// Whether a moment comes before another.
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The moment after a duration; a negative one counts as zero and one of centuries as never.
    public static func + (moment: Self, duration: Duration) -> Self {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return moment }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        let (moment, beyond) = sum.addingReportingOverflow(moment.nanoseconds)
        return overflow || carried || beyond ? .never : MonotonicTime(nanoseconds: moment)
    }

    /// The duration since an earlier moment.
    public func since(_ earlier: Self) -> Duration {
        .nanoseconds(Int64(clamping: nanoseconds >= earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0))
    }

    /// Milliseconds from now until then, rounded up, as epoll_wait(2) takes them: -1 for never.
    public func milliseconds(from now: Self) -> Int32 {
        if self == .never { return -1 }
        guard self > now else { return 0 }
        return Int32(clamping: (nanoseconds - now.nanoseconds - 1) / 1_000_000 + 1)
    }
}

/// The kernel's clocks in nanoseconds (clock_gettime(2)).
public enum KernelClock {
    /// Nanoseconds since 1970: the time of day, which may be set.
    public static var wall: Int64 { Int64(clamping: read(CLOCK_REALTIME)) }

    /// Nanoseconds since boot, suspended time included, which the start times of processes are of.
    public static var sinceBoot: UInt64 { read(CLOCK_BOOTTIME) }

    /// It cannot fail for these clocks and a valid pointer.
    static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
    }
}
