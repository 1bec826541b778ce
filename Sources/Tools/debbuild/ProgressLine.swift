import DebianFormat
import DebianArchive
import DebianBuild
import DebianLint
import MeshLint
import Glibc
import StandardStreams
import Synchronization

/// Progress on standard error: one line that is rewritten on a terminal, nothing elsewhere.
final class ProgressLine: BuildObserver {
    private struct State {
        var totals: [String: Int64] = [:]
        var done: [String: Int64] = [:]
        var lastDrawn: Double = 0
        var isDrawn = false
        let started: Double
    }

    private let isTerminal: Bool
    private let isQuiet: Bool
    private let state: Mutex<State>

    init(isQuiet: Bool) {
        self.isQuiet = isQuiet
        isTerminal = !isQuiet && Terminal.hasErrorTerminal
        state = Mutex(State(started: Self.now))
    }

    func note(_ text: String) {
        if isQuiet { return }
        state.withLock { state in
            erase(&state)
            Terminal.writeError("debbuild: \(text)\n")
        }
    }

    func began(_ plan: BuildPlan) {
        state.withLock { $0.totals[plan.fileName] = plan.payloadSize }
    }

    func advanced(_ plan: BuildPlan, bytes: Int) {
        guard isTerminal else { return }
        state.withLock { state in
            state.done[plan.fileName, default: 0] += Int64(bytes)
            let now = Self.now
            if now - state.lastDrawn < 0.1 { return }
            state.lastDrawn = now
            draw(&state, now: now)
        }
    }

    func finished(_ outcome: BuildOutcome) {
        guard isTerminal else { return }
        state.withLock { state in
            erase(&state)
            let verb = outcome.isUpToDate ? "unchanged" : "built"
            Terminal.writeError("\(verb)  \(outcome.plan.fileName)  \(ByteCount.text(outcome.size))\n")
        }
    }

    func end() {
        state.withLock { erase(&$0) }
    }

    private func draw(_ state: inout State, now: Double) {
        let total = state.totals.values.reduce(0, +)
        let done = state.done.values.reduce(0, +)
        let rate = Double(done) / max(now - state.started, 0.001)
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

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
