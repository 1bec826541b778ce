import CProcess
import Glibc
import Platform
import Synchronization

/// One thread that waits for descriptors and times, for all children of this process.
///
/// It lives as long as the process does, which is why children that are to die with their parent are spawned in it: the
/// kernel takes the end of the spawning *thread* for the end of the parent.
final class EventLoop: Sendable {
    /// What happens when something is ready. It runs in the loop's thread and must not wait for anything.
    typealias Handler = @Sendable () -> Void

    /// A descriptor or a time that is waited for.
    struct Registration: Sendable, Hashable {
        fileprivate let id: UInt64
    }

    private struct Timer {
        var due: MonotonicTime
        var handler: Handler
    }

    private struct State {
        var lastID: UInt64 = 0
        var descriptors: [UInt64: @Sendable (Registration) -> Void] = [:]
        var timers: [UInt64: Timer] = [:]
        /// Not later than the earliest timer. A timer that is cancelled leaves it as it is; the thread then wakes once
        /// too often.
        var earliest = MonotonicTime.never
        var submitted: [Handler] = []

        mutating func newID() -> UInt64 {
            lastID &+= 1
            return lastID
        }
    }

    private let state = Mutex(State())
    private let poll: Descriptor
    /// An eventfd(2) that ends a wait.
    private let wake: Descriptor
    private static let wakeID: UInt64 = 0

    private static let started = Mutex<EventLoop?>(nil)

    /// The loop of this process, started when it is first needed.
    static func shared() throws(ProcessError) -> EventLoop {
        // Rethrown by hand: withLock would make the error untyped.
        let result = started.withLock { loop -> Result<EventLoop, ProcessError> in
            if let loop { return .success(loop) }
            do throws(ProcessError) {
                let new = try EventLoop()
                try new.startThread()
                loop = new
                return .success(new)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init() throws(ProcessError) {
        let poll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard poll >= 0 else { throw ProcessError(step: .watch, subject: "processes", errno: errno) }
        self.poll = Descriptor(owning: poll)
        let wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wake >= 0 else { throw ProcessError(step: .watch, subject: "processes", errno: errno) }
        self.wake = Descriptor(owning: wake)
        try control(EPOLL_CTL_ADD, wake, id: Self.wakeID, for: .input)
    }

    /// What a descriptor is waited for.
    enum Readiness {
        case input, output
    }

    /// Calls the handler whenever the descriptor is ready or its other end is closed, until ``cancel(_:descriptor:)``.
    @discardableResult
    func watch(
        _ descriptor: Descriptor, for readiness: Readiness, _ handler: @escaping @Sendable (Registration) -> Void
    ) throws(ProcessError) -> Registration {
        let id = state.withLock { state in
            let id = state.newID()
            state.descriptors[id] = handler
            return id
        }
        do throws(ProcessError) {
            try control(EPOLL_CTL_ADD, descriptor.number, id: id, for: readiness)
        } catch {
            state.withLock { _ = $0.descriptors.removeValue(forKey: id) }
            throw error
        }
        return Registration(id: id)
    }

    /// Stops waiting for a descriptor, which must still be open.
    func cancel(_ registration: Registration, descriptor: Descriptor) {
        let handler = state.withLock { $0.descriptors.removeValue(forKey: registration.id) }
        guard handler != nil else { return }
        // It fails only for a descriptor that is not there, and then there is nothing to stop.
        epoll_ctl(poll.number, EPOLL_CTL_DEL, descriptor.number, nil)
    }

    /// Calls the handler once when a time has come.
    @discardableResult
    func schedule(at due: MonotonicTime, _ handler: @escaping Handler) -> Registration {
        let (id, isSooner) = state.withLock { state in
            let id = state.newID()
            state.timers[id] = Timer(due: due, handler: handler)
            let isSooner = due < state.earliest
            if isSooner { state.earliest = due }
            return (id, isSooner)
        }
        if isSooner { wakeUp() }
        return Registration(id: id)
    }

    /// Forgets a time.
    func cancel(timer registration: Registration) {
        // Released outside of the lock: what the handler holds may come back here when it goes.
        let timer = state.withLock { $0.timers.removeValue(forKey: registration.id) }
        withExtendedLifetime(timer) {}
    }

    /// Runs something in the loop's thread.
    func submit(_ handler: @escaping Handler) {
        state.withLock { $0.submitted.append(handler) }
        wakeUp()
    }

    private func wakeUp() {
        var one: UInt64 = 1
        // EAGAIN means that the counter is full, and then the thread is being woken already.
        _ = write(wake.number, &one, 8)
    }

    private func control(
        _ operation: Int32, _ descriptor: Int32, id: UInt64, for readiness: Readiness
    ) throws(ProcessError) {
        var event = epoll_event()
        event.events = readiness == .input ? EPOLLIN.rawValue : EPOLLOUT.rawValue
        event.data.u64 = id
        guard epoll_ctl(poll.number, operation, descriptor, &event) == 0 else {
            throw ProcessError(step: .watch, subject: "descriptor \(descriptor)", errno: errno)
        }
    }

    private func startThread() throws(ProcessError) {
        // Signals are for the program's other threads; and a write to a closed pipe from here is an error, not a death.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                Unmanaged<EventLoop>.fromOpaque(context).takeRetainedValue().run()
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            throw ProcessError(step: .watch, subject: "processes", errno: status)
        }
    }

    private func run() -> Never {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let earliest = state.withLock { $0.submitted.isEmpty ? $0.earliest : MonotonicTime(nanoseconds: 0) }
            let count = epoll_wait(poll.number, &events, Int32(events.count), earliest.milliseconds(from: .now))
            for event in events.prefix(Int(max(0, count))) {
                if event.data.u64 == Self.wakeID {
                    var counter: UInt64 = 0
                    _ = read(wake.number, &counter, 8)
                } else if let handler = state.withLock({ $0.descriptors[event.data.u64] }) {
                    // One that was cancelled by a handler before it in this turn is not found any more.
                    handler(Registration(id: event.data.u64))
                }
            }
            for handler in takeDue() { handler() }
        }
    }

    private func takeDue() -> [Handler] {
        let now = MonotonicTime.now
        return state.withLock { state in
            var due = state.submitted
            state.submitted = []
            guard state.earliest <= now else { return due }
            let timers = state.timers.filter { $0.value.due <= now }
            for id in timers.keys { state.timers.removeValue(forKey: id) }
            due += timers.sorted { ($0.value.due, $0.key) < ($1.value.due, $1.key) }.map(\.value.handler)
            state.earliest = state.timers.values.map(\.due).min() ?? .never
            return due
        }
    }
}
