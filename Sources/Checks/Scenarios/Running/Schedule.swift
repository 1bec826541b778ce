import HostProbes

/// Which checks can be looked at, as others come to their end.
struct Schedule {
    /// What to do with a check whose needs have come to their end.
    enum Start {
        /// Look, with the captured values, and with facts that are no older than the moment.
        case look(Int, captures: [String: Value], since: ContinuousClock.Instant?)
        /// It is not looked at.
        case skip(Int, CheckEnd)
    }

    private let checks: [Check]
    private let options: RunOptions
    private var results: [CheckEnd?]
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
    mutating func take(_ index: Int, _ end: CheckEnd) -> [Start] {
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
    mutating func finish() -> [(Int, CheckEnd)] {
        var skipped: [(Int, CheckEnd)] = []
        for index in checks.indices where results[index] == nil {
            let check = checks[index]
            let end = CheckEnd(result: CheckText.result(check, .skipped(.stopped), subject: check.kind))
            results[index] = end
            skipped.append((index, end))
        }
        return skipped
    }

    /// The ends of all checks, in their order.
    var ends: [CheckEnd] { results.compactMap { $0 } }

    private func start(_ index: Int) -> Start {
        let check = checks[index]
        let roots = failedRoots(of: index)
        guard roots.isEmpty else {
            return .skip(
                index, CheckEnd(result: CheckText.result(check, .skipped(.needs(roots)), subject: check.kind)))
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
