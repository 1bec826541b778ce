import Glibc
import Platform
import Documents
import StandardStreams
import Synchronization

/// One line on standard error that is rewritten while something goes on; nothing where that is no terminal.
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

    /// A line that is as wide as the terminal would leave pieces behind.
    private static func cut(_ text: String) -> String {
        let room = max(10, (Terminal.width(STDERR_FILENO) ?? 80) - 1)
        var result = ""
        var columns = 0
        for scalar in DisplayText.visible(text, keepsNewlines: false).unicodeScalars {
            columns += DisplayText.width(scalar)
            if columns > room { break }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
