import Reports
import Scenarios
import StandardStreams
import Synchronization

/// Follows a run on this machine: a line on the terminal, or events on standard output.
final class RunProgress: Sendable {
    private struct State {
        var total = 0
        var done = 0
        var failed = 0
    }

    private let line: StatusLine
    private let writesEvents: Bool
    private let state = Mutex(State())

    init(isQuiet: Bool, writesEvents: Bool = false) {
        line = StatusLine(isQuiet: isQuiet || writesEvents)
        self.writesEvents = writesEvents
    }

    /// Takes what the runner tells.
    func take(_ event: RunEvent) {
        if writesEvents { writeEvent(event) }
        let (state, id) = state.withLock { state -> (State, String?) in
            switch event {
            case .started(let total):
                state.total = total
                return (state, nil)
            case .began(let id, _): return (state, id)
            case .ended(let check):
                state.done += 1
                if CheckStatus(check).isFailure { state.failed += 1 }
                return (state, check.id)
            }
        }
        guard let id else { return }
        line.show(
            "[\(state.done)/\(state.total)]\(state.failed > 0 ? " \(state.failed) failed," : "") \(id)")
    }

    /// Takes the line away; writes the result as the last event.
    func end(_ result: RunResult) {
        line.clear()
        if writesEvents { Terminal.write(EventLine.finished(result).text) }
    }

    private func writeEvent(_ event: RunEvent) {
        switch event {
        case .started(let total): Terminal.write(EventLine.started(total: total).text)
        case .began: break
        case .ended(let check): Terminal.write(EventLine.check(check).text)
        }
    }
}
