import Platform
import RemoteHosts
import Reports

/// What the other host says, line by line. A state host without effects.
struct SetupDialog: ShellDialog {
    /// What has to be done now.
    enum Action: Sendable {
        case none
        /// Tell whoever watches.
        case tell(String)
        /// A line of meshcheck's report.
        case report(String)
        /// Send these files from these offsets, in this order.
        case send([(file: StagedFile, offset: Int)])
    }

    /// How far it came.
    enum Phase: Sendable {
        case connecting, receiving, running, checking, finished
    }

    private let host: RemoteHost
    private let files: [StagedFile]

    /// Whether the host has not answered yet; it may wait for another run.
    var isConnecting: Bool { phase == .connecting && !isWaiting }

    private(set) var phase = Phase.connecting
    /// Another setup has to end there first.
    private(set) var isWaiting = false
    private var needed: [(file: StagedFile, offset: Int)] = []
    private var report = SetupResult.Report()
    private var failedLine: String?
    private var refusal: (kind: ReceivingScript.Refusal, detail: String)?
    private var passedOver = 0
    private static let noiseLimit = 10_000
    private static let listLimit = 10_000

    init(host: RemoteHost, files: [StagedFile]) {
        self.host = host
        self.files = files
    }

    /// Takes a line.
    mutating func take(_ bytes: [UInt8]) throws(HostFailure) -> Action {
        let line = DisplayText.inline(
            String(decoding: bytes.last == 0x0d ? bytes.dropLast() : bytes[...], as: UTF8.self))
        let marker = ReceivingScript.marker + " "
        if line.utf8.starts(with: marker.utf8) {
            let words = line.utf8.dropFirst(marker.utf8.count).split(separator: 0x20, maxSplits: 2)
                .map { String(decoding: $0, as: UTF8.self) }
            return try takeMarked(words)
        }
        switch phase {
        case .connecting, .receiving:
            passedOver += 1
            guard passedOver <= Self.noiseLimit else {
                throw malformed("\(passedOver) lines of other text")
            }
            return .none
        case .running: return takeStep(line)
        case .checking: return .report(line)
        case .finished: return .none
        }
    }

    private mutating func takeMarked(_ words: [String]) throws(HostFailure) -> Action {
        switch (phase, words.first) {
        case (_, "refused"):
            guard words.count >= 2, let kind = ReceivingScript.Refusal(rawValue: words[1]) else {
                throw malformed(words.joined(separator: " "))
            }
            refusal = (kind, words.count == 3 ? words[2] : "")
            return .none
        case (.connecting, "waiting"):
            isWaiting = true
            return .tell("another setup is running there; waiting for it to end")
        case (.connecting, "ready"):
            phase = .receiving
            return .none
        case (.receiving, "need"):
            guard words.count == 3, let file = files.first(where: { $0.name == words[1] }), let offset = Int(words[2]),
                (0...file.bytes.count).contains(offset)
            else { throw malformed(words.joined(separator: " ")) }
            needed.append((file, offset))
            return .none
        case (.receiving, "go"): return .send(needed)
        case (.receiving, "took"):
            guard words.count == 2, let entry = needed.first(where: { $0.file.name == words[1] }) else { return .none }
            return .tell(
                "copied \(words[1])" + (entry.offset > 0 ? " (continued at byte \(entry.offset))" : ""))
        case (.receiving, "running"):
            phase = .running
            return .none
        case (.running, "ran"):
            guard words.count == 2, let status = Int32(words[1]) else { throw malformed(words.joined(separator: " ")) }
            if status == 0 { phase = .finished }
            return .none
        case (.finished, "checking"):
            phase = .checking
            return .none
        case (.checking, "checked"):
            guard words.count == 2, let status = Int32(words[1]) else { throw malformed(words.joined(separator: " ")) }
            report.checkStatus = status
            phase = .finished
            return .none
        default: throw malformed(words.joined(separator: " "))
        }
    }

    private mutating func takeStep(_ line: String) -> Action {
        func rest(_ word: String) -> String? {
            line.utf8.starts(with: word.utf8)
                ? String(decoding: line.utf8.dropFirst(word.utf8.count), as: UTF8.self) : nil
        }
        if let text = rest("changed: "), report.changed.count < Self.listLimit { report.changed.append(text) }
        if rest("unchanged: ") != nil { report.unchangedCount += 1 }
        if let text = rest("warning: "), report.warnings.count < Self.listLimit { report.warnings.append(text) }
        if let text = rest("failed: ") { failedLine = text }
        return .tell(line)
    }

    private func malformed(_ found: String) -> HostFailure {
        HostFailure(
            .malformed, "set up \(host.name)", found: "its shell said '\(found)'",
            remedy: "check what a login prints there: ssh \(host.address) true")
    }

    /// What it comes to when ssh has ended; nil when there was no connection.
    func outcome(status: Int32, message: String) -> Result<SetupResult.Report, HostFailure>? {
        if let refusal { return .failure(failure(refusal.kind, refusal.detail)) }
        let said = ConnectionDiagnosis.lastLine(message)
        switch phase {
        case .finished where status == 0 || report.checkStatus != nil: return .success(report)
        case .connecting where status == 255: return nil
        case .connecting:
            return .failure(
                HostFailure(
                    .unsuitable, "use the shell of \(host.name)",
                    found: "it ended with status \(status)" + (said.isEmpty ? "" : ": \(said)"),
                    remedy: "a Debian with flock, head, sha256sum and stat has to be there: ssh \(host.address)"))
        case .running where failedLine != nil && status != 255:
            let reason: HostFailure.Reason = status == 2 ? .refused : status == 3 ? .unreachable : .unsuitable
            return .failure(
                HostFailure(
                    reason, "set up \(host.name)", found: failedLine ?? "",
                    remedy: "then run it again: what is done is left alone"))
        case .receiving, .running, .checking, .finished:
            let what =
                switch phase {
                case .receiving: "while files were copied"
                case .running: "while the setup was running, which continues there"
                default: "while the checks were running"
                }
            return .failure(
                HostFailure(
                    .disconnected, "set up \(host.name)",
                    found: "the connection ended (status \(status)) \(what)" + (said.isEmpty ? "" : ": \(said)"),
                    remedy: "run it again: it continues where it stopped"))
        }
    }

    private func failure(_ kind: ReceivingScript.Refusal, _ detail: String) -> HostFailure {
        switch kind {
        case .sudo:
            HostFailure(
                .notPermitted, "use sudo on \(host.name)",
                found: "it asks \(detail) for a password, or is not installed",
                remedy: "log in as root, or allow it there: echo '\(detail) ALL=(ALL) NOPASSWD: ALL' | "
                    + "sudo EDITOR='tee' visudo -f /etc/sudoers.d/\(detail)")
        case .folder:
            HostFailure(
                .unsuitable, "keep files on \(host.name)", found: "\(detail) cannot be made root's own folder",
                remedy: "ssh \(host.address) ls -ld \(detail)")
        case .busy:
            HostFailure(
                .timedOut, "set up \(host.name)", found: "another setup has run there for 15 minutes",
                remedy: "look at it: ssh \(host.address) tail /var/cache/meshex/log")
        case .space:
            HostFailure(
                .unsuitable, "copy files to \(host.name)", found: "\(detail) cannot be stored in /var/cache/meshex",
                remedy: "make room there: ssh \(host.address) df -h /var/cache/meshex")
        case .short:
            HostFailure(
                .disconnected, "copy \(detail) to \(host.name)", found: "the connection ended before its end",
                remedy: "run it again: it continues where it stopped")
        case .corrupt:
            HostFailure(
                .unsuitable, "copy \(detail) to \(host.name)", found: "what arrived has another SHA-256",
                remedy: "run it again, and it is sent again")
        case .check:
            HostFailure(
                .refused, "check \(host.name)", found: "it is set up, but meshcheck is not installed there",
                remedy: "add its package, or omit the check with --no-check")
        }
    }
}

/// What receiveSetup.sh, which the other host's shell runs, says and wants.
enum ReceivingScript {
    /// How its lines begin.
    static let marker = "MESHEX-REMOTE"

    /// Why it does not begin, by its word.
    enum Refusal: String {
        case sudo = "no-sudo"
        case folder = "no-folder"
        case busy
        case space = "no-space"
        case short
        case corrupt
        case check = "no-meshcheck"
    }

    /// The command for the shell of a host.
    static func command(
        files: [StagedFile], namespace: String, function: String, checks: Bool
    ) throws(UnsendableArgument) -> String {
        let triples = files.flatMap { [$0.name, $0.digest, String($0.bytes.count)] }
        return try RemoteScript.command(
            PackageResources.receiveSetup_sh, name: "meshex",
            arguments: [checks ? "yes" : "no", function, namespace] + triples)
    }
}

/// The script that sets a host up, which can also be run by hand.
public enum SetupScript {
    /// Its name.
    public static let fileName = "setupIstioVM.sh"
    /// Its text.
    public static var bytes: [UInt8] { PackageResources.setupIstioVM_sh }
}
