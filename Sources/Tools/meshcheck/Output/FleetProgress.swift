import RemoteHosts
import Reports
import Scenarios
import Synchronization

/// Follows a fleet: one line on the terminal.
final class FleetProgress: Sendable {
    private struct State {
        var running: [String: (done: Int, total: Int)] = [:]
        var ended = 0
        var failed = 0
        var absent = 0
    }

    private let line: StatusLine
    private let total: Int
    private let state = Mutex(State())

    init(total: Int, isQuiet: Bool) {
        line = StatusLine(isQuiet: isQuiet)
        self.total = total
    }

    /// Takes what the runner tells.
    func take(_ event: RemoteCheckRunner.Event) {
        let text = state.withLock { state -> String in
            switch event {
            case .began(let target): state.running[target] = (0, 0)
            case .event(let target, .started(let total)): state.running[target] = (0, total)
            case .event(let target, .check): state.running[target]?.done += 1
            case .event(_, .finished): break
            case .ended(let result):
                state.running[result.target] = nil
                state.ended += 1
                if result.run?.hasFailed ?? false { state.failed += 1 }
                if result.failure != nil { state.absent += 1 }
            }
            return Self.text(state, total: total)
        }
        line.show(text)
    }

    /// Takes the line away.
    func end() { line.clear() }

    private static func text(_ state: State, total: Int) -> String {
        var parts = ["\(state.ended)/\(total) machines"]
        if state.failed > 0 { parts.append("\(state.failed) failed") }
        if state.absent > 0 { parts.append("\(state.absent) without result") }
        let running = state.running.sorted { $0.key < $1.key }.prefix(4).map { name, count in
            count.total > 0 ? "\(name) \(count.done)/\(count.total)" : name
        }
        if !running.isEmpty { parts.append(running.joined(separator: "  ")) }
        return parts.joined(separator: ", ")
    }
}
