import DebianArchive

/// Runs builds side by side without using more compressor threads, and so memory, than one large build would.
struct BuildScheduler {
    let threads: Int
    let jobs: Int

    /// The compressor works on blocks of this size; a smaller payload cannot use a second thread.
    private static let blockSize: Int64 = 24 << 20

    /// Results in the order of the plans; nil for those that were not begun because one before them failed.
    func run(
        _ plans: [BuildPlan], _ build: @escaping @Sendable (BuildPlan, Int) -> Result<BuildOutcome, BuildError>
    ) async -> [Result<BuildOutcome, BuildError>?] {
        var results = [Result<BuildOutcome, BuildError>?](repeating: nil, count: plans.count)
        await withTaskGroup(of: (Int, Int, Result<BuildOutcome, BuildError>).self) { group in
            var waiting = Array(plans.indices)
            var free = max(1, threads)
            var running = 0
            var hasFailed = false
            while true {
                while !hasFailed, running < max(1, jobs),
                    let position = waiting.firstIndex(where: { share(of: plans[$0]) <= free || running == 0 })
                {
                    let index = waiting.remove(at: position)
                    let plan = plans[index]
                    let share = min(share(of: plan), max(1, free))
                    free -= share
                    running += 1
                    group.addTask { (index, share, build(plan, share)) }
                }
                guard let (index, share, result) = await group.next() else { break }
                free += share
                running -= 1
                results[index] = result
                if case .failure = result { hasFailed = true }
            }
        }
        return results
    }

    private func share(of plan: BuildPlan) -> Int {
        let blocks = (plan.payloadSize + Self.blockSize - 1) / Self.blockSize
        return max(1, min(max(1, threads), Int(clamping: blocks)))
    }
}
