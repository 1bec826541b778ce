import Glibc
import Platform

/// A mutex. It is held for moments only, never over a wait of anybody else.
final class Lock: @unchecked Sendable {
    fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func acquire() { pthread_mutex_lock(mutex) }
    func release() { pthread_mutex_unlock(mutex) }

    func withLock<Result>(_ body: () -> Result) -> Result {
        acquire()
        defer { release() }
        return body()
    }
}

/// Something to wait for under a ``Lock``.
final class Condition: @unchecked Sendable {
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    /// Wakes one that waits.
    func signal() { pthread_cond_signal(condition) }
    /// Wakes all that wait.
    func broadcast() { pthread_cond_broadcast(condition) }
    /// Waits to be woken, with the lock held; may return without.
    func wait(_ lock: Lock) { pthread_cond_wait(condition, lock.mutex) }
    /// Waits to be woken until a moment of the monotonic clock, in nanoseconds.
    func wait(_ lock: Lock, untilMonotonic nanoseconds: UInt64) {
        var moment = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        pthread_cond_timedwait(condition, lock.mutex, &moment)
    }
}

/// A detached thread.
package enum PlainThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread; false when the system has none to give.
    package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 1 << 20)
        let argument = Unmanaged.passRetained(Body(body))
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        if status != 0 { argument.release() }
        return status == 0
    }
}

/// The clocks of the system in nanoseconds.
enum MonotonicTime {
    /// CLOCK_MONOTONIC, which systemd's timestamps are of.
    static var now: UInt64 { read(CLOCK_MONOTONIC) }
    /// CLOCK_BOOTTIME, which process start times are of.
    static var sinceBoot: UInt64 { read(CLOCK_BOOTTIME) }
    /// Nanoseconds since 1970.
    static var wall: Int64 { Int64(clamping: read(CLOCK_REALTIME)) }

    /// The moment of the monotonic clock that an instant of Swift's clock is at.
    static func nanoseconds(of instant: ContinuousClock.Instant) -> UInt64 {
        let rest = ContinuousClock.now.duration(to: instant)
        let (seconds, attoseconds) = rest.components
        if seconds < 0 || attoseconds < 0 { return 0 }
        // A limit of years is none, and must not overflow.
        let nanoseconds = UInt64(min(seconds, 1_000_000_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        return now + nanoseconds
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
    }
}
