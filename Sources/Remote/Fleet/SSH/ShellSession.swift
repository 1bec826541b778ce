import Reports
import Subprocess
import Synchronization

/// A conversation with a machine over one ssh connection, within its limits.
public struct ShellSession<Conversation: ShellConversation>: Sendable {
    /// Something to do while listening goes on, with what the machine reads.
    public typealias Sending = @Sendable (ShellInput) async throws -> Void

    let machine: Machine
    let options: SSHOptions
    let command: String
    let timeLimit: Duration
    let lineLimit: Int
    private let conversation: ConversationState<Conversation>

    /// Creates a session.
    ///
    /// - Parameters:
    ///   - command: for the machine's shell.
    ///   - timeLimit: from connecting to the end.
    ///   - lineLimit: bytes of a line of the machine's.
    public init(
        _ conversation: Conversation, with machine: Machine, options: SSHOptions, command: String,
        timeLimit: Duration, lineLimit: Int
    ) {
        self.machine = machine
        self.options = options
        self.command = command
        self.timeLimit = timeLimit
        self.lineLimit = lineLimit
        self.conversation = ConversationState(conversation)
    }

    /// The conversation as it is now.
    public var current: Conversation { conversation.value.withLock { $0 } }

    /// Has the conversation.
    ///
    /// - Parameters:
    ///   - late: what is said when the time is over; nothing follows it.
    ///   - act: does what a line calls for; what it returns runs while listening goes on.
    /// - Returns: nil when the task was cancelled.
    public func result(
        late: @escaping @Sendable (Conversation) -> HostFailure,
        act: @escaping @Sendable (Conversation.Action) -> Sending?
    ) async -> Result<Conversation.Report, HostFailure>? {
        await withTaskGroup(of: Result<Conversation.Report, HostFailure>?.self) { group in
            group.addTask { await connected(act) }
            group.addTask { await lateness(late) }
            // The one that is cancelled still ends its ssh before the group is left.
            var outcome: Result<Conversation.Report, HostFailure>?
            while outcome == nil, let next = await group.next() { outcome = next }
            group.cancelAll()
            return outcome
        }
    }

    /// Ends when it takes too long: first until the shell answers, then until all is said.
    private func lateness(
        _ late: @Sendable (Conversation) -> HostFailure
    ) async -> Result<Conversation.Report, HostFailure>? {
        let connectLimit = min(timeLimit, .seconds(options.connectTimeout) + sshGrace)
        do {
            try await Task.sleep(for: connectLimit)
            if current.isConnecting {
                return .failure(
                    HostFailure(
                        .timedOut, "connect to \(machine.name)", found: "no shell within \(connectLimit)",
                        remedy: "ssh -v \(machine.address)"))
            }
            if timeLimit > connectLimit { try await Task.sleep(for: timeLimit - connectLimit) }
        } catch {
            return nil
        }
        return .failure(late(current))
    }

    private func connected(
        _ act: @escaping @Sendable (Conversation.Action) -> Sending?
    ) async -> Result<Conversation.Report, HostFailure>? {
        var platform = PlatformOptions()
        platform.processGroupID = 0
        platform.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))
        ]
        let arguments = options.arguments(for: machine) + ["--", machine.address.host, command]
        let status: Int32
        do {
            let ended = try await Subprocess.run(
                .name(options.program), arguments: Arguments(arguments), platformOptions: platform,
                input: .inputWriter, output: .sequence, error: .sequence
            ) { execution in
                try await talk(execution, act)
            }
            status = ended.terminationStatus.code
        } catch let failure as HostFailure {
            return .failure(failure)
        } catch let error as SubprocessError where error.code == .executableNotFound {
            return .failure(
                HostFailure(
                    .unsuitable, "connect to \(machine.name)", found: "\(options.program) is not installed here",
                    remedy: "apt-get install openssh-client"))
        } catch is CancellationError {
            return nil
        } catch {
            return .failure(
                HostFailure(
                    .disconnected, "talk to \(machine.name)", found: "\(error)", remedy: "ssh \(machine.address)"))
        }
        if Task.isCancelled { return nil }
        let message = String(decoding: conversation.message.withLock { $0 }, as: UTF8.self)
        if let outcome = current.outcome(status: status, message: message) { return outcome }
        return .failure(await ConnectionInquest(options: options, machine: machine).failure(saying: message))
    }

    private func talk(
        _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>,
        _ act: @escaping @Sendable (Conversation.Action) -> Sending?
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await piece in execution.standardError {
                    piece.withUnsafeBytes { bytes in
                        conversation.message.withLock { message in
                            message.append(contentsOf: bytes)
                            message = message.suffix(messageLimit)
                        }
                    }
                }
            }
            group.addTask { try await listen(execution, act) }
            try await group.waitForAll()
        }
    }

    private func listen(
        _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>,
        _ act: @Sendable (Conversation.Action) -> Sending?
    ) async throws {
        let input = ShellInput(writer: execution.standardInputWriter)
        try await withThrowingTaskGroup(of: Void.self) { group in
            var reader = LineReader(limit: lineLimit)
            for try await piece in execution.standardOutput {
                let lines: [[UInt8]]
                do throws(LineReader.TooLong) {
                    lines = try piece.withUnsafeBytes { (bytes) throws(LineReader.TooLong) in
                        try reader.lines(adding: bytes)
                    }
                } catch {
                    throw HostFailure(
                        .malformed, "read what \(machine.name) says", found: "a line of more than \(lineLimit) bytes",
                        remedy: "run it there by hand: ssh \(machine.address)")
                }
                for line in lines {
                    let action = try conversation.value.withLock { (value) throws(HostFailure) in try value.take(line) }
                    if let sending = act(action) { group.addTask { try await sending(input) } }
                }
            }
            try await group.waitForAll()
        }
    }
}

/// Bytes of what ssh and the command say on standard error that are kept.
private let messageLimit = 16 << 10
/// What ssh itself may take longer than its own time limit, before it is ended.
private let sshGrace = Duration.seconds(15)

private final class ConversationState<Conversation: ShellConversation>: Sendable {
    let value: Mutex<Conversation>
    let message = Mutex<[UInt8]>([])

    init(_ value: Conversation) { self.value = Mutex(value) }
}

/// What the machine's shell reads.
public struct ShellInput: Sendable {
    fileprivate let writer: StandardInputWriter

    /// Sends bytes. A machine that goes away meanwhile is noticed by how ssh ends.
    public func write(_ bytes: [UInt8]) async throws {
        do {
            _ = try await writer.write(bytes)
        } catch {
            if error.code != .failedToWriteToSubprocess { throw error }
        }
    }

    /// Says that nothing more comes.
    public func finish() async throws { try await writer.finish() }
}
