import Documents
import Platform
import Reports
import Scenarios

/// What the other host says, line by line: first its shell, then our program there. A state host without effects.
struct CheckDialog: ShellDialog {
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
        /// The host has not answered yet.
        case connecting
        /// The shell is there and waits for files.
        case ready
        /// Our program runs.
        case running
        /// It gave its result.
        case finished
    }

    /// Whether the host has not answered yet.
    var isConnecting: Bool { phase == .connecting }

    /// The result, which counts however the connection ends.
    var settled: RunResult? { result }

    private let host: RemoteHost
    private let expectedProcessor: String?
    private(set) var phase = Phase.connecting
    private(set) var refusal: (kind: CheckScript.Refusal, detail: String)?
    private(set) var checks: [CheckResult] = []
    private(set) var result: RunResult?
    private var passedOver = 0
    private var announced = 0
    private var received = 0

    /// Lines of a login shell's own that are passed over.
    private static let noiseLimit = 10_000
    /// Checks of one host that are kept.
    private static let checkLimit = 100_000
    /// Bytes of results of one host that are read.
    private static let byteLimit = EventLine.limit

    init(host: RemoteHost, expectedProcessor: String?) {
        self.host = host
        self.expectedProcessor = expectedProcessor
    }

    /// Takes a line.
    mutating func take(_ line: [UInt8]) throws(HostFailure) -> Action {
        let marker = Array(CheckScript.marker.utf8) + [UInt8(ascii: " ")]
        if line.starts(with: marker) { return try takeMarked(line[marker.count...]) }
        switch phase {
        case .connecting, .ready:
            passedOver += 1
            guard passedOver <= Self.noiseLimit else {
                throw HostFailure(
                    .malformed, "talk to the shell of \(host.name)", found: "\(passedOver) lines of other text",
                    remedy: "check what a login prints there: ssh \(host.address) true")
            }
            return .none
        case .running, .finished:
            if line.isEmpty { return .none }
            return .report(try takeEvent(line))
        }
    }

    /// What was said, as long as it is what our program says: no more checks than announced, and one result.
    private mutating func takeEvent(_ line: [UInt8]) throws(HostFailure) -> EventLine {
        received += line.count
        guard received <= Self.byteLimit else { throw malformed("more than \(Self.byteLimit) bytes of results") }
        guard phase == .running else { throw malformed("more after its result") }
        let event: EventLine
        do throws(ReportDecodingError) {
            event = try EventLine(line)
        } catch {
            throw malformed(error.description)
        }
        switch event {
        case .started(let total): announced = min(total, Self.checkLimit)
        case .check(let check):
            guard checks.count < announced else { throw malformed("more checks than the \(announced) announced") }
            checks.append(check)
        case .finished(let run):
            // One who says nothing has proved nothing.
            guard !run.checks.isEmpty else { throw malformed("a result without checks") }
            result = run
            phase = .finished
        }
        return event
    }

    private func malformed(_ found: String) -> HostFailure {
        HostFailure(
            .malformed, "read the results of \(host.name)", found: found,
            remedy: "run it there by hand: ssh \(host.address)")
    }

    private mutating func takeMarked(_ text: ArraySlice<UInt8>) throws(HostFailure) -> Action {
        let words = text.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        guard let word = words.first else { return .none }
        if let kind = CheckScript.Refusal(rawValue: word) {
            refusal = (kind, words.dropFirst().joined(separator: " "))
            return .none
        }
        switch word {
        case "ready":
            guard phase == .connecting, words.count == 5, words[1] == CheckScript.version else {
                throw HostFailure(
                    .malformed, "talk to the shell of \(host.name)",
                    found: "'\(DisplayText.shortened(words.joined(separator: " ")))'",
                    remedy: "check what a login prints there: ssh \(host.address) true")
            }
            if let expectedProcessor, words[2] != expectedProcessor {
                throw HostFailure(
                    .unsuitable, "run meshcheck on \(host.name)",
                    found: "its processor is \(words[2]) and this program is for \(expectedProcessor)",
                    remedy: "name a program for \(words[2]): --remote-binary FILE")
            }
            phase = .ready
            return .send(program: words[3] == "yes", archive: words[4] == "yes")
        case "running":
            if phase == .ready { phase = .running }
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
        let said = ConnectionDiagnosis.lastLine(message)
        if let refusal { return .failure(failure(of: refusal.kind, detail: refusal.detail)) }
        switch (phase, status) {
        case (.connecting, 255): return nil
        case (.connecting, _):
            return .failure(
                HostFailure(
                    .unsuitable, "use the shell of \(host.name)",
                    found: "it ended with status \(status)" + (said.isEmpty ? "" : ": \(said)"),
                    remedy: "a POSIX shell with head, sha256sum and tar has to be there: ssh \(host.address)"))
        case (_, 255), (_, 128...254):
            return .failure(
                HostFailure(
                    .disconnected, "run the checks on \(host.name)",
                    found: "the connection ended after \(checks.count == 1 ? "1 check" : "\(checks.count) checks")"
                        + (said.isEmpty ? "" : ": \(said)"),
                    remedy: "ssh \(host.address), and check whether it runs"))
        case (_, 126), (_, 127):
            return .failure(
                HostFailure(
                    .unsuitable, "run meshcheck on \(host.name)", found: said.isEmpty ? "status \(status)" : said,
                    remedy: "name a program that needs no libraries of Swift, built with --static-swift-stdlib: "
                        + "--remote-binary FILE"))
        case (_, 2):
            return .failure(
                HostFailure(
                    .refused, "run the checks on \(host.name)", found: message.isEmpty ? "status 2" : message,
                    remedy: "fix what is named"))
        default:
            return .failure(
                HostFailure(
                    .malformed, "run the checks on \(host.name)",
                    found: "meshcheck ended there with status \(status) and gave no result"
                        + (said.isEmpty ? "" : ": \(said)"),
                    remedy: "run it there by hand: ssh \(host.address)"))
        }
    }

    private func failure(of kind: CheckScript.Refusal, detail: String) -> HostFailure {
        // The host says it, and people paste commands: it is one word of them.
        let detail = DisplayText.shortened(detail)
        let folder = ShellWord.quoted(detail).map { " " + $0 } ?? ""
        return switch kind {
        case .folder:
            HostFailure(
                .unsuitable, "keep files on \(host.name)",
                found: "neither ~/.cache/meshcheck nor \(detail) is a folder that only its user can write to",
                remedy: "ssh \(host.address) ls -ld\(folder)")
        case .store:
            HostFailure(
                .unsuitable, "keep files on \(host.name)",
                found: "what arrived in \(detail) is not what was sent, or cannot be unpacked",
                remedy: "look for space there: ssh \(host.address) df -h\(folder)")
        case .sudo:
            HostFailure(
                .notPermitted, "use sudo on \(host.name)", found: "it asks for a password, or is not installed",
                remedy: "allow it without a password for this user, or omit --sudo")
        }
    }
}

/// What remoteCheck.sh, which the other host's shell runs, says and wants.
enum CheckScript {
    /// How its lines begin.
    static let marker = "MESHCHECK-REMOTE"
    /// The version of the dialog.
    static let version = "1"

    /// The states that it ends in before the program runs, by their word.
    enum Refusal: String {
        case folder = "no-folder"
        case store = "not-stored"
        case sudo = "no-sudo"
    }

    /// The command for the shell of a host.
    static func command(
        payload: RemotePayload, usesSudo: Bool, program arguments: [String]
    ) throws(UnsendableArgument) -> String {
        let own = [
            payload.program.digest, String(payload.program.bytes.count), payload.archive.digest,
            String(payload.archive.bytes.count), String(payload.privateArchive.count), usesSudo ? "yes" : "no",
        ]
        return try RemoteScript.command(
            PackageResources.remoteCheck_sh, name: "meshcheck", arguments: own + arguments)
    }
}
