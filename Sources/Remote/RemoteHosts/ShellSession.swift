import Processes
import Reports
import Synchronization

/// A dialog with a host over one ssh connection, within its limits.
public struct ShellSession<Dialog: ShellDialog>: Sendable {
    /// Something to do while listening goes on, with what the host reads.
    public typealias Sending = @Sendable (ShellInput) async throws -> Void

    let host: RemoteHost
    let options: SSHOptions
    let command: String
    let timeLimit: Duration
    let lineLimit: Int
    private let dialog: DialogState<Dialog>

    /// Creates a session.
    ///
    /// - Parameters:
    ///   - command: for the host's shell.
    ///   - timeLimit: from connecting to the end.
    ///   - lineLimit: bytes of a line of the host's.
    public init(
        _ dialog: Dialog, with host: RemoteHost, options: SSHOptions, command: String,
        timeLimit: Duration, lineLimit: Int
    ) {
        self.host = host
        self.options = options
        self.command = command
        self.timeLimit = timeLimit
        self.lineLimit = lineLimit
        self.dialog = DialogState(dialog)
    }

    /// The dialog as it is now.
    public var current: Dialog { dialog.value.withLock { $0 } }

    /// Has the dialog.
    ///
    /// - Parameters:
    ///   - late: what is said when the time is over; nothing follows it.
    ///   - act: does what a line calls for; what it returns runs while listening goes on.
    /// - Returns: nil when the task was cancelled.
    public func result(
        late: @escaping @Sendable (Dialog) -> HostFailure,
        act: @escaping @Sendable (Dialog.Action) -> Sending?
    ) async -> Result<Dialog.Report, HostFailure>? {
        await withTaskGroup(of: Result<Dialog.Report, HostFailure>?.self) { group in
            group.addTask { await connected(act) }
            group.addTask { await lateness(late) }
            // The one that is cancelled still ends its ssh before the group is left.
            var outcome: Result<Dialog.Report, HostFailure>?
            while outcome == nil, let next = await group.next() { outcome = next }
            group.cancelAll()
            return outcome
        }
    }

    /// Ends when it takes too long: first until the shell answers, then until all is said.
    private func lateness(
        _ late: @Sendable (Dialog) -> HostFailure
    ) async -> Result<Dialog.Report, HostFailure>? {
        let connectLimit = min(timeLimit, .seconds(options.connectTimeout) + sshGrace)
        do {
            try await Task.sleep(for: connectLimit)
            if current.isConnecting {
                return .failure(
                    HostFailure(
                        .timedOut, "connect to \(host.name)", found: "no shell within \(connectLimit)",
                        remedy: "ssh -v \(host.address)"))
            }
            if timeLimit > connectLimit { try await Task.sleep(for: timeLimit - connectLimit) }
        } catch {
            return nil
        }
        let dialog = current
        guard let report = dialog.settled else { return .failure(late(dialog)) }
        return .success(report)
    }

    private func connected(
        _ act: @escaping @Sendable (Dialog.Action) -> Sending?
    ) async -> Result<Dialog.Report, HostFailure>? {
        guard let program = ExecutablePath.find(options.program) else {
            return .failure(
                HostFailure(
                    .unsuitable, "connect to \(host.name)", found: "\(options.program) is not installed here",
                    remedy: "apt-get install openssh-client"))
        }
        var ssh = SpawnOptions(
            executable: program, arguments: options.arguments(for: host) + ["--", host.address.host, command])
        ssh.standardInput = .pipe
        ssh.standardOutput = .pipe
        ssh.standardError = .pipe
        ssh.group = .new
        let status: Int32
        do {
            let child = try await ChildProcess.spawn(ssh)
            do {
                try await talk(child, act)
                status = try await child.wait().shellStatus
            } catch {
                _ = try await child.stop(grace: .seconds(2))
                throw error
            }
        } catch let failure as HostFailure {
            return .failure(failure)
        } catch is CancellationError {
            return nil
        } catch {
            return .failure(
                HostFailure(.disconnected, "talk to \(host.name)", found: "\(error)", remedy: "ssh \(host.address)"))
        }
        if Task.isCancelled { return nil }
        let message = String(decoding: dialog.message.withLock { $0 }, as: UTF8.self)
        if let outcome = current.outcome(status: status, message: message) { return outcome }
        return .failure(await ConnectionDiagnosis(options: options, host: host).failure(saying: message))
    }

    private func talk(
        _ ssh: ChildProcess, _ act: @escaping @Sendable (Dialog.Action) -> Sending?
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while case let piece = try await ssh.nextErrorOutput(), !piece.isEmpty {
                    dialog.message.withLock { message in
                        message.append(contentsOf: piece)
                        message = message.suffix(messageLimit)
                    }
                }
            }
            group.addTask { try await listen(ssh, act) }
            // Not waitForAll(), which goes on waiting for the others when one has failed.
            while try await group.next() != nil {}
        }
    }

    private func listen(_ ssh: ChildProcess, _ act: @Sendable (Dialog.Action) -> Sending?) async throws {
        let input = ShellInput(ssh: ssh)
        try await withThrowingTaskGroup(of: Void.self) { group in
            var reader = LineReader(limit: lineLimit)
            while case let piece = try await ssh.nextOutput(), !piece.isEmpty {
                // A host that never stops talking gives no other moment for it.
                try Task.checkCancellation()
                guard let lines = reader.lines(adding: piece) else {
                    throw HostFailure(
                        .malformed, "read what \(host.name) says", found: "a line of more than \(lineLimit) bytes",
                        remedy: "run it there by hand: ssh \(host.address)")
                }
                for line in lines {
                    let action = try dialog.value.withLock { (value) throws(HostFailure) in try value.take(line) }
                    if let sending = act(action) { group.addTask { try await sending(input) } }
                }
            }
            while try await group.next() != nil {}
        }
    }
}

/// Bytes of what ssh and the command say on standard error that are kept.
private let messageLimit = 16 << 10
/// What ssh itself may take longer than its own time limit, before it is ended.
private let sshGrace = Duration.seconds(15)

private final class DialogState<Dialog: ShellDialog>: Sendable {
    let value: Mutex<Dialog>
    let message = Mutex<[UInt8]>([])

    init(_ value: Dialog) { self.value = Mutex(value) }
}

/// What the host's shell reads.
public struct ShellInput: Sendable {
    fileprivate let ssh: ChildProcess

    /// Sends bytes. A host that goes away meanwhile is noticed by how ssh ends.
    public func write(_ bytes: [UInt8]) async throws { try await ssh.writeInput(bytes) }

    /// Says that nothing more comes.
    public func finish() { ssh.closeInput() }
}

/// What is said with the shell of a host: lines in, actions out. A value without effects.
public protocol ShellDialog: Sendable {
    /// What a line calls for.
    associatedtype Action: Sendable
    /// What comes of it all.
    associatedtype Report: Sendable

    /// Whether the host has not answered yet.
    var isConnecting: Bool { get }

    /// What came of it, as soon as that is known, while the connection still stands; nil before.
    var settled: Report? { get }

    /// Takes a line.
    ///
    /// - Throws: ``HostFailure`` when there is no use in going on.
    mutating func take(_ line: [UInt8]) throws(HostFailure) -> Action

    /// What came of it, when ssh has ended.
    ///
    /// - Parameters:
    ///   - status: ssh's own, or that of the command.
    ///   - message: what was said on standard error.
    /// - Returns: nil when the connection itself was the fault.
    func outcome(status: Int32, message: String) -> Result<Report, HostFailure>?
}

extension ShellDialog {
    /// Nothing is known before the connection ends.
    public var settled: Report? { nil }
}

/// Puts lines together from pieces as they come in.
struct LineReader {
    /// Bytes of a line.
    let limit: Int
    private var pending: [UInt8] = []

    init(limit: Int) { self.limit = limit }

    /// The lines that the piece completes, without their ends; nil when one is longer than allowed.
    mutating func lines(adding piece: [UInt8]) -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        var rest = piece[...]
        while let end = rest.firstIndex(of: 0x0a) {
            pending += rest[..<end]
            guard pending.count <= limit else { return nil }
            lines.append(pending)
            pending = []
            rest = rest[(end + 1)...]
        }
        pending += rest
        return pending.count <= limit ? lines : nil
    }
}
