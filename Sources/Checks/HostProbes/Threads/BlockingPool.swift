import Glibc
import Platform

/// A few threads for system calls that may block, so that Swift's own threads never do.
///
/// Each job has a deadline: whoever waits goes on then, and a thread that hangs in a call (a dead network file system)
/// is replaced by another, up to a limit.
final class BlockingPool: @unchecked Sendable {
    /// Files, /proc and the like: fast unless a file system is dead.
    static let files = BlockingPool(threads: 4, limit: 64)
    /// The system's resolver, which waits for seconds at a time.
    static let names = BlockingPool(threads: 32, limit: 128)

    private let lock = Lock()
    /// Threads without a job wait here.
    private let jobs = Condition()
    /// The watchdog waits here: what wakes one of the threads must not be spent on it.
    private let watchdog = Condition()
    private let base: Int
    private let limit: Int
    private let prepare: (@Sendable () -> Int32)?
    // What follows is protected by the lock.
    private var queue: [Job] = []
    private var head = 0
    private var threads = 0
    private var idle = 0
    private var watched: [ObjectIdentifier: Job] = [:]
    private var watchLimit: UInt64 = .max
    private var hasWatchdog = false
    private var watchesStall = false
    private var isClosed = false
    private var preparationFailure: Int32?

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
        lock.withLock {
            isClosed = true
            jobs.broadcast()
            watchdog.broadcast()
        }
    }

    /// Runs a body in one of the threads.
    ///
    /// - Parameters:
    ///   - operation: what is tried, for the error when it is too late.
    ///   - deadline: when the waiting ends; the body runs on.
    func run<Result: Sendable>(
        _ operation: String, until deadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable () throws(ProbeError) -> Result
    ) async throws(ProbeError) -> Result {
        let job = ResultJob(operation: operation, deadline: MonotonicTime.nanoseconds(of: deadline), body: body)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                job.start(continuation)
                submit(job)
            }
        } onCancel: {
            job.expire()
        }
        return try result.get()
    }

    private func submit(_ job: Job) {
        lock.withLock {
            queue.append(job)
            watched[ObjectIdentifier(job)] = job
            if !hasWatchdog {
                hasWatchdog = spawn { $0.watch() }
            } else if job.deadline < watchLimit {
                watchdog.signal()
            }
            if idle > 0 { jobs.signal() }
            guard isShort else { return }
            // More jobs than threads that wait for one. The watchdog adds threads beyond the base, if those that are there
            // hang; it need not be woken for every job.
            if threads < base {
                addThread()
            } else if !watchesStall {
                watchdog.signal()
            }
        }
    }

    /// Whether there are more jobs than threads without one; a thread that was woken counts until it has taken its job.
    private var isShort: Bool { queue.count - head > idle }

    private func addThread() {
        // Where the system has no thread to give, the jobs run into their deadlines, and that is what people are told.
        if spawn({ $0.work() }) { threads += 1 }
    }

    private func spawn(_ body: @escaping @Sendable (BlockingPool) -> Void) -> Bool {
        PlainThread.start { body(self) }
    }

    private func work() {
        let failure = prepare?() ?? 0
        if failure != 0 {
            lock.withLock { preparationFailure = failure }
        }
        lock.acquire()
        while true {
            if head < queue.count {
                let job = queue[head]
                head += 1
                if head == queue.count {
                    queue.removeAll(keepingCapacity: true)
                    head = 0
                }
                lock.release()
                if failure != 0 { job.fail(failure) } else { job.run() }
                lock.acquire()
                watched[ObjectIdentifier(job)] = nil
                continue
            }
            // A thread that was added for others that hung goes when it has nothing to do.
            if isClosed || threads > base { break }
            idle += 1
            jobs.wait(lock)
            idle -= 1
        }
        threads -= 1
        lock.release()
    }

    /// Ends the waiting of jobs at their deadlines, and adds threads while jobs wait because others hang.
    private func watch() {
        lock.acquire()
        while !isClosed || !watched.isEmpty {
            let now = MonotonicTime.now
            var next = UInt64.max
            var late: [Job] = []
            for (key, job) in watched {
                if job.deadline <= now {
                    late.append(job)
                    watched[key] = nil
                } else {
                    next = min(next, job.deadline)
                }
            }
            watchesStall = isShort
            if watchesStall {
                if threads < limit, queue[head].waitsSince + 20_000_000 < now { addThread() }
                next = min(next, now + 20_000_000)
            }
            watchLimit = next
            if late.isEmpty {
                if next == .max { watchdog.wait(lock) } else { watchdog.wait(lock, untilMonotonic: next) }
            } else {
                lock.release()
                for job in late { job.expire() }
                lock.acquire()
            }
        }
        hasWatchdog = false
        lock.release()
    }
}

/// A job of a pool.
private class Job: @unchecked Sendable {
    let deadline: UInt64
    let waitsSince = MonotonicTime.now

    init(deadline: UInt64) { self.deadline = deadline }

    func run() {}
    func fail(_ errno: Int32) {}
    func expire() {}
}

private final class ResultJob<Result: Sendable>: Job, @unchecked Sendable {
    private typealias Answer = Swift.Result<Result, ProbeError>
    private let operation: String
    private let body: @Sendable () throws(ProbeError) -> Result
    private let lock = Lock()
    private var continuation: CheckedContinuation<Answer, Never>?
    private var isOver = false

    init(operation: String, deadline: UInt64, body: @escaping @Sendable () throws(ProbeError) -> Result) {
        self.operation = operation
        self.body = body
        super.init(deadline: deadline)
    }

    func start(_ continuation: CheckedContinuation<Swift.Result<Result, ProbeError>, Never>) {
        let isLate = lock.withLock {
            if !isOver { self.continuation = continuation }
            return isOver
        }
        if isLate { continuation.resume(returning: .failure(lateness)) }
    }

    override func run() {
        // Nobody waits any more.
        if lock.withLock({ isOver }) { return }
        let answer: Answer
        do throws(ProbeError) { answer = .success(try body()) } catch { answer = .failure(error) }
        finish(answer)
    }

    override func fail(_ errno: Int32) {
        finish(.failure(.system(operation, errno: errno)))
    }

    override func expire() { finish(.failure(lateness)) }

    private var lateness: ProbeError {
        ProbeError(.timedOut, operation, expected: "an answer of the system in time", found: "none")
    }

    private func finish(_ answer: Answer) {
        let waiting = lock.withLock {
            let waiting = continuation
            continuation = nil
            isOver = true
            return waiting
        }
        waiting?.resume(returning: answer)
    }
}
