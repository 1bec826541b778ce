import Documents
import Glibc
import Platform
import RemoteHosts
import Reports
import Scenarios
import StandardStreams
import Synchronization

/// One line on standard error that is rewritten while something goes on; nothing where that is not a terminal.
final class StatusLine: Sendable {
    private struct State {
        var isDrawn = false
        var lastDrawn: ContinuousClock.Instant?
    }

    private let isShown: Bool
    private let state = Mutex(State())
    /// Often enough to look alive, seldom enough to cost nothing.
    private static let interval = Duration.milliseconds(80)

    init(isQuiet: Bool) { isShown = !isQuiet && Terminal.hasErrorTerminal }

    /// Shows a text, if the last one was there long enough.
    func show(_ text: @autoclosure () -> String) {
        guard isShown else { return }
        state.withLock { state in
            let now = ContinuousClock.now
            if let last = state.lastDrawn, now - last < Self.interval { return }
            state.lastDrawn = now
            state.isDrawn = true
            Terminal.writeError("\r\u{1B}[K" + Self.cut(text()))
        }
    }

    /// Takes the line away.
    func clear() {
        guard isShown else { return }
        state.withLock { state in
            if state.isDrawn { Terminal.writeError("\r\u{1B}[K") }
            state.isDrawn = false
            state.lastDrawn = nil
        }
    }

    /// The line without secrets; one that is as wide as the terminal would leave pieces behind.
    private static func cut(_ text: String) -> String {
        let room = max(10, (Terminal.width(STDERR_FILENO) ?? 80) - 1)
        var result = ""
        var columns = 0
        for scalar in DisplayText.inline(SecretMask.masked(text)).unicodeScalars {
            columns += DisplayText.width(scalar)
            if columns > room { break }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}

/// Follows a run on this host: a line on the terminal, or events on standard output.
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
        var parts = ["\(state.ended)/\(total) hosts"]
        if state.failed > 0 { parts.append("\(state.failed) failed") }
        if state.absent > 0 { parts.append("\(state.absent) without result") }
        let running = state.running.sorted { $0.key < $1.key }.prefix(4).map { name, count in
            count.total > 0 ? "\(name) \(count.done)/\(count.total)" : name
        }
        if !running.isEmpty { parts.append(running.joined(separator: "  ")) }
        return parts.joined(separator: ", ")
    }
}
