import Dispatch
import Glibc
import Platform
import Synchronization

/// A few threads for system calls that may block, so that Swift's own threads never do.
///
/// Each job has a deadline: whoever waits goes on then, and a thread that hangs in a call (a dead network file system)
/// is replaced by another, up to a limit. The threads are not Dispatch's, since some become another user for good.
package final class BlockingPool: Sendable {
    /// Files, /proc and the like: fast unless a file system is dead.
    package static let files = BlockingPool(threads: 4, limit: 64)
    /// The system's resolver, which waits for seconds at a time.
    package static let names = BlockingPool(threads: 32, limit: 128)

    private struct Job: Sendable {
        var submitted = ContinuousClock.now
        /// Runs the job, or fails it with a status of `prepare`.
        var run: @Sendable (_ failure: Int32) -> Void
    }

    private struct State {
        var jobs: [Job] = []
        /// Jobs of the array that were taken already.
        var taken = 0
        var threads = 0
        var idle = 0
        var watchesStall = false
        var isClosed = false

        /// How many jobs more there are than threads that wait for one.
        var shortage: Int { jobs.count - taken - idle }
    }

    private let base: Int
    private let limit: Int
    private let prepare: (@Sendable () -> Int32)?
    private let state = Mutex(State())
    /// Threads without a job wait here.
    private let wake = DispatchSemaphore(value: 0)
    /// A job that has waited for this long waits for a thread that hangs.
    private static let stall = DispatchTimeInterval.milliseconds(20)

    /// Creates a pool.
    ///
    /// - Parameters:
    ///   - threads: how many there are when all goes well.
    ///   - limit: how many there may be when some hang.
    ///   - prepare: run first in each thread; a status other than 0 is an errno(3) that all jobs fail with.
    init(threads: Int, limit: Int, prepare: (@Sendable () -> Int32)? = nil) {
        base = threads
        self.limit = limit
        self.prepare = prepare
    }

    /// Lets the threads end when nothing is left to do.
    func close() {
        let idle = state.withLock { state in
            state.isClosed = true
            return state.idle
        }
        for _ in 0..<idle { wake.signal() }
    }

    /// Runs a body in one of the threads.
    ///
    /// - Parameters:
    ///   - operation: what is tried, for the error when it is too late.
    ///   - deadline: when the waiting ends; the body runs on.
    package func run<Result: Sendable>(
        _ operation: String, until deadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable () throws(ProbeError) -> Result
    ) async throws(ProbeError) -> Result {
        let late = Swift.Result<Result, ProbeError>.failure(
            ProbeError(.timedOut, operation, expected: "an answer of the system in time", found: "none"))
        let answer = OneShot<Swift.Result<Result, ProbeError>>()
        let isOtherUser = prepare != nil
        submit { failure in
            // Nobody waits any more.
            guard deadline > .now else {
                answer.resume(late)
                return
            }
            guard failure == 0 else {
                answer.resume(.failure(.system(operation, errno: failure)))
                return
            }
            do throws(ProbeError) {
                answer.resume(.success(try body()))
            } catch {
                // A thread that had to become another user was asked for what that user may do.
                answer.resume(.failure(isOtherUser ? error.asDenied : error))
            }
        }
        return try await answer.value(until: deadline, or: late).get()
    }

    private func submit(_ body: @escaping @Sendable (Int32) -> Void) {
        let (hasIdle, needsThread) = state.withLock { state in
            state.jobs.append(Job(run: body))
            let needsThread = state.shortage > 0 && state.threads < base
            if needsThread { state.threads += 1 }
            return (state.idle > 0, needsThread)
        }
        if hasIdle { wake.signal() }
        if needsThread { start() }
        watchStall()
    }

    /// Starts a thread that is counted already. Where the system has none to give, the jobs run into their deadlines, and
    /// that is what people are told.
    private func start() {
        if !PlainThread.start({ self.work() }) { state.withLock { $0.threads -= 1 } }
    }

    private enum Step {
        case run(Job)
        case wait
        case end
    }

    private func work() {
        let failure = prepare?() ?? 0
        while true {
            switch state.withLock({ nextStep(&$0) }) {
            case .run(let job): job.run(failure)
            case .wait:
                wake.wait()
                state.withLock { $0.idle -= 1 }
            case .end: return
            }
        }
    }

    private func nextStep(_ state: inout State) -> Step {
        if state.taken < state.jobs.count {
            let job = state.jobs[state.taken]
            state.taken += 1
            if state.taken == state.jobs.count {
                state.jobs.removeAll(keepingCapacity: true)
                state.taken = 0
            }
            return .run(job)
        }
        // A thread that was added for others that hung goes when it has nothing to do.
        if state.isClosed || state.threads > base {
            state.threads -= 1
            return .end
        }
        state.idle += 1
        return .wait
    }

    /// Adds a thread each time that the first job has waited for too long, while there are more jobs than threads.
    private func watchStall() {
        let mustWatch = state.withLock { state in
            defer { state.watchesStall = state.shortage > 0 }
            return state.shortage > 0 && !state.watchesStall
        }
        guard mustWatch else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.stall) { [weak self] in
            guard let self else { return }
            let needsThread = self.state.withLock { state in
                state.watchesStall = false
                guard state.shortage > 0, state.threads < self.limit,
                    state.jobs[state.taken].submitted.duration(to: .now) >= .milliseconds(20)
                else { return false }
                state.threads += 1
                return true
            }
            if needsThread { self.start() }
            self.watchStall()
        }
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

extension Deadline {
    /// The result of an operation, or a time-out at the deadline or when the task is cancelled; the operation is
    /// cancelled then, and nobody waits for it to notice.
    package static func race<Result: Sendable>(
        _ operation: String, until deadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable () async throws(ProbeError) -> Result
    ) async throws(ProbeError) -> Result {
        let result = await run(until: deadline) { () -> Swift.Result<Result, ProbeError> in
            do throws(ProbeError) { return .success(try await body()) } catch { return .failure(error) }
        }
        guard let result else { throw ProbeError(.timedOut, operation, expected: "an answer in time", found: "none") }
        return try result.get()
    }
}

extension Host {
    /// A fact that is read in a thread that may block, once for all who need it.
    ///
    /// - Parameter operation: what is tried, for the error when the system does not answer.
    package nonisolated func systemFact<Fact: Sendable>(
        _ name: String, _ operation: String, since: ContinuousClock.Instant?,
        _ read: @escaping @Sendable () throws(ProbeError) -> Fact
    ) async throws(ProbeError) -> Fact {
        try await fact(name, since: since) { () async throws(ProbeError) in
            try await BlockingPool.files.run(operation, until: .now + .seconds(10), read)
        }
    }
}
