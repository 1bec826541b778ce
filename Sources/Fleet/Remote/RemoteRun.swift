import Reports
import Scenarios
import Subprocess
import Synchronization

/// One run on one machine, over one ssh connection: the shell is asked what it has, gets what it lacks, and runs it.
struct RemoteRun: Sendable {
    let machine: Machine
    let bundle: Bundle
    let options: SSHOptions
    let usesSudo: Bool
    /// The command for the machine's shell.
    let command: String
    let timeLimit: Duration
    let onEvent: @Sendable (EventLine) -> Void

    /// Bytes of what ssh and the program say on standard error that are kept.
    private static let messageLimit = 16 << 10
    /// What ssh itself may take longer than its own time limit, before it is ended.
    private static let grace = Duration.seconds(15)

    private final class Progress: Sendable {
        let conversation: Mutex<Conversation>
        let message = Mutex<[UInt8]>([])

        init(_ conversation: Conversation) { self.conversation = Mutex(conversation) }
    }

    /// Runs it.
    func result() async -> HostResult {
        let progress = Progress(Conversation(machine: machine, expectedProcessor: bundle.machine))
        let outcome = await raced(progress)
        let partial = progress.conversation.withLock(\.checks)
        let isComplete: Bool
        if case .success = outcome { isComplete = true } else { isComplete = false }
        return HostResult(
            target: machine.name, groups: machine.groups, outcome: outcome,
            partialChecks: isComplete ? [] : partial)
    }

    private func raced(_ progress: Progress) async -> Result<RunResult, HostFailure> {
        await withTaskGroup(of: Result<RunResult, HostFailure>?.self) { group in
            group.addTask { await connected(progress) }
            group.addTask { await lateness(progress) }
            // The one that is cancelled still ends its ssh before the group is left.
            var outcome: Result<RunResult, HostFailure>?
            while outcome == nil, let next = await group.next() { outcome = next }
            group.cancelAll()
            return outcome
                ?? .failure(
                    HostFailure(
                        .disconnected, "run the checks on \(machine.name)", found: "the run was stopped",
                        remedy: "run it again"))
        }
    }

    /// Ends when it takes too long: first until the shell answers, then until the result is there.
    private func lateness(_ progress: Progress) async -> Result<RunResult, HostFailure>? {
        let connectLimit = Duration.seconds(options.connectTimeout) + Self.grace
        do {
            try await Task.sleep(for: min(connectLimit, timeLimit))
            let isConnected = progress.conversation.withLock { $0.phase != .connecting }
            if !isConnected {
                return .failure(
                    HostFailure(
                        .timedOut, "connect to \(machine.name)", found: "no shell within \(connectLimit)",
                        remedy: "ssh -v \(machine.address)"))
            }
            if timeLimit > connectLimit { try await Task.sleep(for: timeLimit - connectLimit) }
        } catch {
            return nil
        }
        let count = progress.conversation.withLock(\.checks.count)
        return .failure(
            HostFailure(
                .timedOut, "run the checks on \(machine.name)",
                found: "no result within \(timeLimit), \(count) checks through",
                remedy: "give it more time with --host-timeout"))
    }

    private func connected(_ progress: Progress) async -> Result<RunResult, HostFailure>? {
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
                try await talk(progress, execution)
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
        let message = String(decoding: progress.message.withLock { $0 }, as: UTF8.self)
        if let outcome = progress.conversation.withLock({ $0.outcome(status: status, message: message) }) {
            return outcome
        }
        return .failure(await ConnectionInquest(options: options, machine: machine).failure(saying: message))
    }

    private func talk(
        _ progress: Progress, _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await piece in execution.standardError {
                    piece.withUnsafeBytes { bytes in
                        progress.message.withLock { message in
                            message.append(contentsOf: bytes)
                            message = message.suffix(Self.messageLimit)
                        }
                    }
                }
            }
            group.addTask { try await listen(progress, execution) }
            try await group.waitForAll()
        }
    }

    private func listen(
        _ progress: Progress, _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>
    ) async throws {
        var reader = LineReader(limit: EventLine.limit)
        for try await piece in execution.standardOutput {
            let lines: [[UInt8]]
            do throws(LineReader.TooLong) {
                lines = try piece.withUnsafeBytes { (bytes) throws(LineReader.TooLong) in
                    try reader.lines(adding: bytes)
                }
            } catch {
                throw HostFailure(
                    .malformed, "read the results of \(machine.name)",
                    found: "a line of more than \(EventLine.limit) bytes",
                    remedy: "run it there by hand: ssh \(machine.address)")
            }
            for line in lines {
                let action = try progress.conversation.withLock { (conversation) throws(HostFailure) in
                    try conversation.take(line)
                }
                switch action {
                case .none: break
                case .report(let event): onEvent(event)
                case .send(let program, let archive):
                    // The shell says nothing while it reads, so there is nothing to be missed.
                    if program { try await send(bundle.program.bytes, execution) }
                    if archive { try await send(bundle.archive.bytes, execution) }
                    try await execution.standardInputWriter.finish()
                }
            }
        }
    }

    /// A machine that goes away while it is sent to is noticed by how ssh ends.
    private func send(
        _ bytes: [UInt8], _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>
    ) async throws {
        do {
            _ = try await execution.standardInputWriter.write(bytes)
        } catch {
            if error.code != .failedToWriteToSubprocess { throw error }
        }
    }
}
