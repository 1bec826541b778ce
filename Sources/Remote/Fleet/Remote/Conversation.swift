import Platform
import Reports
import Scenarios
import Documents

/// What the other machine says, line by line: first its shell, then our program there. A state machine without effects.
struct Conversation: ShellConversation {
    /// What has to be done now.
    enum Action: Sendable {
        case none
        /// Send what is missing there.
        case send(program: Bool, archive: Bool)
        /// Tell whoever watches.
        case report(EventLine)
    }

    /// How far it came.
    enum Phase: Sendable {
        /// Nothing of ours was heard yet.
        case connecting
        /// The shell is there and waits for files.
        case ready
        /// Our program runs.
        case running
        /// It gave its result.
        case finished
    }

    /// Whether nothing of ours was heard yet.
    var isConnecting: Bool { phase == .connecting }

    private let machine: Machine
    private let expectedProcessor: String?
    private(set) var phase = Phase.connecting
    private(set) var refusal: (kind: RemoteScript.Refusal, detail: String)?
    private(set) var checks: [CheckResult] = []
    private(set) var result: RunResult?
    private var passedOver = 0

    /// Lines of a login shell's own that are passed over.
    private static let noiseLimit = 10_000

    init(machine: Machine, expectedProcessor: String?) {
        self.machine = machine
        self.expectedProcessor = expectedProcessor
    }

    /// Takes a line.
    mutating func take(_ line: [UInt8]) throws(HostFailure) -> Action {
        let marker = Array(RemoteScript.marker.utf8) + [UInt8(ascii: " ")]
        if line.starts(with: marker) { return try takeMarked(line[marker.count...]) }
        switch phase {
        case .connecting, .ready:
            passedOver += 1
            guard passedOver <= Self.noiseLimit else {
                throw HostFailure(
                    .malformed, "talk to the shell of \(machine.name)", found: "\(passedOver) lines of other text",
                    remedy: "look at what a login prints there: ssh \(machine.address) true")
            }
            return .none
        case .running, .finished:
            if line.isEmpty { return .none }
            return .report(try takeEvent(line))
        }
    }

    private mutating func takeEvent(_ line: [UInt8]) throws(HostFailure) -> EventLine {
        let event: EventLine
        do throws(ReportDecodingError) {
            event = try EventLine(line)
        } catch {
            throw HostFailure(
                .malformed, "read the results of \(machine.name)", found: error.description,
                remedy: "run it there by hand: ssh \(machine.address)")
        }
        switch event {
        case .started: break
        case .check(let check): checks.append(check)
        case .finished(let run):
            result = run
            phase = .finished
        }
        return event
    }

    private mutating func takeMarked(_ text: ArraySlice<UInt8>) throws(HostFailure) -> Action {
        let words = text.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        guard let word = words.first else { return .none }
        if let kind = RemoteScript.Refusal(rawValue: word) {
            refusal = (kind, words.dropFirst().joined(separator: " "))
            return .none
        }
        switch word {
        case "ready":
            guard phase == .connecting, words.count == 5, words[1] == RemoteScript.version else {
                throw HostFailure(
                    .malformed, "talk to the shell of \(machine.name)",
                    found: "'\(DisplayText.shortened(words.joined(separator: " ")))'",
                    remedy: "look at what a login prints there: ssh \(machine.address) true")
            }
            if let expectedProcessor, words[2] != expectedProcessor {
                throw HostFailure(
                    .unsuitable, "run meshcheck on \(machine.name)",
                    found: "its processor is \(words[2]) and this program is for \(expectedProcessor)",
                    remedy: "name a program for \(words[2]): --remote-binary FILE")
            }
            phase = .ready
            return .send(program: words[3] == "yes", archive: words[4] == "yes")
        case "running":
            phase = .running
            return .none
        default:
            return .none
        }
    }

    /// The outcome when the connection has ended.
    ///
    /// - Parameters:
    ///   - status: how ssh ended.
    ///   - message: what came on standard error.
    func outcome(status: Int32, message: String) -> Result<RunResult, HostFailure>? {
        if let result { return .success(result) }
        let said = ConnectionInquest.lastLine(message)
        if let refusal { return .failure(failure(of: refusal.kind, detail: refusal.detail)) }
        switch (phase, status) {
        case (.connecting, 255): return nil
        case (.connecting, _):
            return .failure(
                HostFailure(
                    .unsuitable, "use the shell of \(machine.name)",
                    found: "it ended with status \(status)" + (said.isEmpty ? "" : ": \(said)"),
                    remedy: "a POSIX shell with head, sha256sum and tar has to be there: ssh \(machine.address)"))
        case (_, 255), (_, 128...254):
            return .failure(
                HostFailure(
                    .disconnected, "run the checks on \(machine.name)",
                    found: "the connection ended after \(checks.count == 1 ? "1 check" : "\(checks.count) checks")"
                        + (said.isEmpty ? "" : ": \(said)"),
                    remedy: "ssh \(machine.address), and look whether it runs"))
        case (_, 126), (_, 127):
            return .failure(
                HostFailure(
                    .unsuitable, "run meshcheck on \(machine.name)", found: said.isEmpty ? "status \(status)" : said,
                    remedy: "name a program that needs no libraries of Swift, built with --static-swift-stdlib: "
                        + "--remote-binary FILE"))
        case (_, 2):
            return .failure(
                HostFailure(
                    .refused, "run the checks on \(machine.name)", found: message.isEmpty ? "status 2" : message,
                    remedy: "mend what is named"))
        default:
            return .failure(
                HostFailure(
                    .malformed, "run the checks on \(machine.name)",
                    found: "meshcheck ended there with status \(status) and gave no result"
                        + (said.isEmpty ? "" : ": \(said)"),
                    remedy: "run it there by hand: ssh \(machine.address)"))
        }
    }

    private func failure(of kind: RemoteScript.Refusal, detail: String) -> HostFailure {
        switch kind {
        case .folder:
            HostFailure(
                .unsuitable, "keep files on \(machine.name)",
                found: "neither ~/.cache/meshcheck nor \(detail) is a folder that only its user can write to",
                remedy: "ssh \(machine.address) ls -ld \(detail)")
        case .store:
            HostFailure(
                .unsuitable, "keep files on \(machine.name)",
                found: "what arrived in \(detail) is not what was sent, or cannot be unpacked",
                remedy: "look for space there: ssh \(machine.address) df -h \(detail)")
        case .sudo:
            HostFailure(
                .notPermitted, "use sudo on \(machine.name)", found: "it wants a password, or is not there",
                remedy: "allow it without one for this user, or leave --sudo out")
        }
    }
}
