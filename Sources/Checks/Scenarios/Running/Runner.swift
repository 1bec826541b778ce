import Glibc
import HostProbes
import Platform

/// Looks at everything that a suite asks for, and says what is wrong and why.
///
/// A check starts as soon as the checks that it needs have passed. Looks happen at the same time, up to the number of
/// jobs; a check that pauses before it looks again holds none of them.
public struct Runner: Sendable {
    private let suite: ScenarioSuite
    private let diagnoses: DiagnosisCatalogue?
    private let host: Host
    private let options: RunOptions

    /// Creates a runner.
    ///
    /// - Parameters:
    ///   - diagnoses: what explains failures; nil for no explanations.
    ///   - host: the machine; facts that were read for one check are there for the others.
    public init(
        suite: ScenarioSuite, diagnoses: DiagnosisCatalogue?, host: Host, options: RunOptions = RunOptions()
    ) {
        self.suite = suite
        self.diagnoses = diagnoses
        self.host = host
        self.options = options
    }

    /// Runs the checks. When the task is cancelled, what has not been looked at is skipped and the result comes at once.
    ///
    /// - Parameter onEvent: hears of every check, on any thread, one call at a time for each check.
    public func run(onEvent: @escaping @Sendable (RunEvent) -> Void = { _ in }) async -> RunResult {
        let startedAt = KernelClock.wall
        let started = ContinuousClock.now
        let watch = DeadlineWatch()
        let watching = Task { await watch.run() }
        defer { watching.cancel() }
        let context = RunContext(
            suite: suite, host: host, options: options, started: started, limiter: JobLimiter(options.jobs),
            watch: watch, onEvent: onEvent, explains: diagnoses != nil,
            diagnosed: diagnoses?.attributes(of: suite.checks, kinds: suite.kinds) ?? [:])
        onEvent(.started(total: suite.checks.count))
        var schedule = Schedule(suite.checks, options)
        await withTaskGroup(of: Step.self) { group in
            var ready = schedule.begin()
            var asksForRoom = false
            while true {
                while let start = ready.last {
                    switch start {
                    case .skip(let index, let end):
                        ready.removeLast()
                        onEvent(.ended(end.result))
                        ready += schedule.take(index, end).reversed()
                        continue
                    case .look(let index, let captures, let since):
                        guard context.limiter.start() else { break }
                        ready.removeLast()
                        let run = CheckRun(
                            check: suite.checks[index], context: context, captures: captures, since: since)
                        group.addTask { .ended(index, await run.run()) }
                        continue
                    }
                    break
                }
                if !ready.isEmpty, !asksForRoom {
                    asksForRoom = true
                    group.addTask {
                        await context.limiter.room()
                        return .room
                    }
                }
                guard let step = await group.next() else { break }
                switch step {
                case .room: asksForRoom = false
                case .ended(let index, let end):
                    onEvent(.ended(end.result))
                    ready += schedule.take(index, end).reversed()
                    if schedule.isStopped {
                        ready = []
                        group.cancelAll()
                    }
                }
            }
        }
        for (_, end) in schedule.finish() { onEvent(.ended(end.result)) }
        var ends = schedule.ends
        let found = diagnoses?.explain(&ends, suite: suite) ?? []
        return RunResult(
            host: Self.hostName(host), profile: suite.profile, startedAt: startedAt,
            duration: ContinuousClock.now - started, checks: ends.map(\.result), diagnoses: found)
    }

    /// What the tasks of a run tell.
    private enum Step: Sendable {
        /// A check has come to its end.
        case ended(Int, CheckEnd)
        /// More checks can be started.
        case room
    }

    /// The machine's name.
    private static func hostName(_ host: Host) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard host.root == "/", gethostname(&buffer, buffer.count - 1) == 0 else { return host.root }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
