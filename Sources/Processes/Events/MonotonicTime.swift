import Glibc

/// A moment on the machine's monotonic clock, which nobody sets; it stands while the machine is suspended.
struct MonotonicTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since some moment at boot.
    var nanoseconds: UInt64

    /// Later than every other.
    static let never = MonotonicTime(nanoseconds: .max)

    /// This moment.
    static var now: MonotonicTime {
        var time = timespec()
        // It cannot fail for this clock and a valid pointer.
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The moment after a duration; a negative one counts as zero and one of centuries as never.
    static func + (moment: Self, duration: Duration) -> Self {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return moment }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        let (moment, beyond) = sum.addingReportingOverflow(moment.nanoseconds)
        return overflow || carried || beyond ? .never : MonotonicTime(nanoseconds: moment)
    }

    /// The duration since an earlier moment.
    func since(_ earlier: Self) -> Duration {
        .nanoseconds(Int64(clamping: nanoseconds >= earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0))
    }

    /// Milliseconds from now until then, rounded up, as epoll_wait(2) takes them: -1 for never.
    func milliseconds(from now: Self) -> Int32 {
        if self == .never { return -1 }
        guard self > now else { return 0 }
        return Int32(clamping: (nanoseconds - now.nanoseconds - 1) / 1_000_000 + 1)
    }
}
