import Glibc
import Platform
import Probes

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
    ///   - host: the host; facts that were read for one check are there for the others.
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
        let timer = DeadlineTimer()
        let watching = Task { await timer.run() }
        defer { watching.cancel() }
        let turns = AsyncSemaphore(min(options.jobs, Self.jobsOfDescriptors))
        let context = RunContext(
            suite: suite, host: host, options: options, started: started, turns: turns, timer: timer, onEvent: onEvent,
            explains: diagnoses != nil,
            diagnosed: diagnoses?.attributes(of: suite.checks, kinds: suite.kinds) ?? [:])
        onEvent(.started(total: suite.checks.count))
        var schedule = Schedule(suite.checks, options)
        await withTaskGroup(of: Step.self) { group in
            var ready = schedule.begin()
            var waitsForTurn = false
            // A check that waits costs memory, so it is started with its first turn, and only the next one waits for one.
            var hasTurn = false
            while true {
                while let start = ready.last {
                    switch start {
                    case .skip(let index, let end):
                        ready.removeLast()
                        onEvent(.ended(end.result))
                        ready += schedule.take(index, end).reversed()
                        continue
                    case .look(let index, let captures, let since):
                        guard hasTurn || turns.tryEnter() else { break }
                        hasTurn = false
                        ready.removeLast()
                        let run = CheckRun(
                            check: suite.checks[index], context: context, captures: captures, since: since)
                        group.addTask { .ended(index, await run.run()) }
                        continue
                    }
                    break
                }
                if hasTurn {
                    turns.leave()
                    hasTurn = false
                }
                if !ready.isEmpty, !waitsForTurn {
                    waitsForTurn = true
                    group.addTask { .turn(await turns.enter()) }
                }
                guard let step = await group.next() else { break }
                switch step {
                case .turn(let isGiven):
                    waitsForTurn = false
                    hasTurn = isGiven
                    // Cancelled: nothing more is started.
                    if !isGiven { ready = [] }
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

    /// How many looks the limit of open files allows (setrlimit(2)): one that runs a program holds three, and some are in
    /// use by whoever runs us.
    private static var jobsOfDescriptors: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        return max(1, (Int(clamping: limit.rlim_cur) - 64) / 4)
    }

    /// What the tasks of a run tell.
    private enum Step: Sendable {
        /// A check has come to its end.
        case ended(Int, CompletedCheck)
        /// One more check can be started, or the run was cancelled.
        case turn(Bool)
    }

    /// The host's name.
    private static func hostName(_ host: Host) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard host.root == "/", gethostname(&buffer, buffer.count - 1) == 0 else { return host.root }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// How checks are run.
public struct RunOptions: Sendable, Hashable {
    /// How many subjects are looked at, at the same time. Most looks wait, so it is not bound to the processors.
    public var jobs: Int
    /// Whether the first failure of severity error ends the run.
    public var failFast: Bool
    /// For how long after the start of the run a failed check is looked at again; nil for its own `eventually` only.
    public var retryFor: Duration?
    /// Whether what may not be seen counts as failed.
    public var strict: Bool

    /// Creates options.
    public init(jobs: Int = 128, failFast: Bool = false, retryFor: Duration? = nil, strict: Bool = false) {
        self.jobs = jobs
        self.failFast = failFast
        self.retryFor = retryFor
        self.strict = strict
    }
}

/// Which checks can be looked at, as others come to their end.
struct Schedule {
    /// What to do with a check whose needs have come to their end.
    enum Start {
        /// Look, with the captured values, and with facts that are no older than the moment.
        case look(Int, captures: [String: Value], since: ContinuousClock.Instant?)
        /// It is not looked at.
        case skip(Int, CompletedCheck)
    }

    private let checks: [Check]
    private let options: RunOptions
    private var results: [CompletedCheck?]
    private var open: [Int]
    private var dependents: [[Int]]
    private let needs: [[Int]]
    private var captures: [String: Value] = [:]
    /// Whether a failure has ended the run.
    private(set) var isStopped = false

    init(_ checks: [Check], _ options: RunOptions) {
        self.checks = checks
        self.options = options
        let places = Dictionary(
            checks.enumerated().map { ($0.element.id, $0.offset) }, uniquingKeysWith: { first, _ in first })
        results = Array(repeating: nil, count: checks.count)
        needs = checks.map { check in Array(Set(check.needs.compactMap { places[$0] })).sorted() }
        let awaited = checks.map { check in Set((check.needs + check.after).compactMap { places[$0] }) }
        open = awaited.map(\.count)
        dependents = Array(repeating: [], count: checks.count)
        for (index, list) in awaited.enumerated() {
            for need in list { dependents[need].append(index) }
        }
    }

    /// The checks that need no other, the first one last: starts are taken from the end.
    mutating func begin() -> [Start] {
        var starts: [Start] = []
        for index in checks.indices.reversed() where open[index] == 0 { starts.append(start(index)) }
        return starts
    }

    /// Takes the end of a check; gives those that waited for it alone.
    mutating func take(_ index: Int, _ end: CompletedCheck) -> [Start] {
        results[index] = end
        if case .passed = end.result.outcome { captures.merge(end.captured) { _, new in new } }
        if options.failFast, end.result.severity == .error, isFailure(end.result) { isStopped = true }
        var ready: [Start] = []
        for dependent in dependents[index] {
            open[dependent] -= 1
            if open[dependent] == 0, !isStopped { ready.append(start(dependent)) }
        }
        return ready
    }

    /// Skips what was never started; gives what it skipped.
    mutating func finish() -> [(Int, CompletedCheck)] {
        var skipped: [(Int, CompletedCheck)] = []
        for index in checks.indices where results[index] == nil {
            let check = checks[index]
            let end = CompletedCheck(result: CheckText.result(check, .skipped(.stopped), subject: check.kind))
            results[index] = end
            skipped.append((index, end))
        }
        return skipped
    }

    /// The ends of all checks, in their order.
    var ends: [CompletedCheck] { results.compactMap { $0 } }

    private func start(_ index: Int) -> Start {
        let check = checks[index]
        let roots = failedRoots(of: index)
        guard roots.isEmpty else {
            return .skip(
                index, CompletedCheck(result: CheckText.result(check, .skipped(.needs(roots)), subject: check.kind)))
        }
        let since = needs[index].compactMap { results[$0]?.since }.max()
        return .look(index, captures: captures, since: since)
    }

    /// The failed checks that keep a check from being looked at: not those that were skipped for them.
    private func failedRoots(of index: Int) -> [String] {
        var roots: [String] = []
        for need in needs[index] {
            guard let result = results[need]?.result else { continue }
            switch result.outcome {
            case .skipped(.needs(let earlier)): roots += earlier
            case .skipped(.stopped): roots.append(result.id)
            case .passed, .skipped(.condition), .skipped(.missingCapture): break
            case .failed, .error: if isFailure(result) { roots.append(result.id) }
            }
        }
        var seen: Set<String> = []
        return roots.filter { seen.insert($0).inserted }
    }

    private func isFailure(_ result: CheckResult) -> Bool {
        if result.isFailure { return true }
        if case .error = result.outcome { return options.strict }
        return false
    }
}
