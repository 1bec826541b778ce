import DebianArchive
import DebianBuild
import Platform
import StandardStreams
import Synchronization

/// Progress on standard error: one line that is rewritten on a terminal, nothing elsewhere.
final class ProgressLine: BuildObserver {
    private struct State {
        var totals: [String: Int64] = [:]
        var done: [String: Int64] = [:]
        var lastDrawn = MonotonicTime(nanoseconds: 0)
        var isDrawn = false
        let started = MonotonicTime.now
    }

    private let isTerminal: Bool
    private let isQuiet: Bool
    private let state: Mutex<State>

    init(isQuiet: Bool) {
        self.isQuiet = isQuiet
        isTerminal = !isQuiet && Terminal.hasErrorTerminal
        state = Mutex(State())
    }

    func note(_ text: String) {
        if isQuiet { return }
        state.withLock { state in
            erase(&state)
            Terminal.writeErrorLine("debbuild: \(text)")
        }
    }

    func began(_ plan: BuildPlan) {
        state.withLock { $0.totals[plan.fileName] = plan.payloadSize }
    }

    func advanced(_ plan: BuildPlan, bytes: Int) {
        guard isTerminal else { return }
        state.withLock { state in
            state.done[plan.fileName, default: 0] += Int64(bytes)
            let now = MonotonicTime.now
            if now.since(state.lastDrawn) < .milliseconds(100) { return }
            state.lastDrawn = now
            draw(&state, now: now)
        }
    }

    func finished(_ outcome: BuildOutcome) {
        guard isTerminal else { return }
        state.withLock { state in
            erase(&state)
            let verb = outcome.isUpToDate ? "unchanged" : "built"
            Terminal.writeErrorLine("\(verb)  \(outcome.plan.fileName)  \(ByteCount.text(outcome.size))")
        }
    }

    func end() {
        state.withLock { erase(&$0) }
    }

    private func draw(_ state: inout State, now: MonotonicTime) {
        let total = state.totals.values.reduce(0, +)
        let done = state.done.values.reduce(0, +)
        let rate = Double(done) / max(now.since(state.started) / .seconds(1), 0.001)
        let percent = total > 0 ? Int(done * 100 / total) : 100
        // The compressor still has what it was given, so the line stays at 100 % for a moment.
        Terminal.writeError(
            "\r\u{1B}[K\(percent) %  \(ByteCount.text(done)) of \(ByteCount.text(total))  \(ByteCount.text(Int64(rate)))/s"
        )
        state.isDrawn = true
    }

    private func erase(_ state: inout State) {
        if state.isDrawn { Terminal.writeError("\r\u{1B}[K") }
        state.isDrawn = false
    }
}
