import Fleet
import Reports
import Subprocess
import Synchronization

/// One machine, over one ssh connection.
struct MachineSetupRun: Sendable {
    let machine: Machine
    let files: [StagedFile]
    let options: SSHOptions
    let command: String
    let timeLimit: Duration
    let onEvent: @Sendable (SetupRunner.Event) -> Void

    private static let messageLimit = 16 << 10
    private static let lineLimit = 1 << 16
    private static let piece = 1 << 18

    private final class Progress: Sendable {
        let conversation: Mutex<SetupConversation>
        let message = Mutex<[UInt8]>([])

        init(_ conversation: SetupConversation) { self.conversation = Mutex(conversation) }
    }

    func result() async -> SetupResult {
        let progress = Progress(SetupConversation(machine: machine, files: files))
        let outcome = await withTaskGroup(of: Result<SetupResult.Report, HostFailure>?.self) { group in
            group.addTask { await connected(progress) }
            group.addTask { await lateness(progress) }
            var outcome: Result<SetupResult.Report, HostFailure>?
            while outcome == nil, let next = await group.next() { outcome = next }
            group.cancelAll()
            return outcome
        }
        return SetupResult(
            target: machine.name,
            outcome: outcome
                ?? .failure(
                    HostFailure(
                        .disconnected, "set up \(machine.name)", found: "it was stopped", remedy: "run it again")))
    }

    private func lateness(_ progress: Progress) async -> Result<SetupResult.Report, HostFailure>? {
        let connectLimit = min(timeLimit, .seconds(options.connectTimeout) + .seconds(15))
        do {
            try await Task.sleep(for: connectLimit)
            if progress.conversation.withLock({ $0.phase == .connecting && !$0.isWaiting }) {
                return .failure(
                    HostFailure(
                        .timedOut, "connect to \(machine.name)", found: "no shell within \(connectLimit)",
                        remedy: "ssh -v \(machine.address)"))
            }
            if timeLimit > connectLimit { try await Task.sleep(for: timeLimit - connectLimit) }
        } catch {
            return nil
        }
        return .failure(
            HostFailure(
                .timedOut, "set up \(machine.name)", found: "not through within \(timeLimit)",
                remedy: "give it more time with --host-timeout, and run it again: it goes on where it stopped"))
    }

    private func connected(_ progress: Progress) async -> Result<SetupResult.Report, HostFailure>? {
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

    /// Sending goes on beside listening: the machine says what it took while more is sent.
    private func listen(
        _ progress: Progress, _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var reader = LineReader(limit: Self.lineLimit)
            for try await piece in execution.standardOutput {
                let lines: [[UInt8]]
                do throws(LineReader.TooLong) {
                    lines = try piece.withUnsafeBytes { (bytes) throws(LineReader.TooLong) in
                        try reader.lines(adding: bytes)
                    }
                } catch {
                    throw HostFailure(
                        .malformed, "read what \(machine.name) says",
                        found: "a line of more than \(Self.lineLimit) bytes", remedy: "ssh \(machine.address)")
                }
                for line in lines {
                    let action = try progress.conversation.withLock { (conversation) throws(HostFailure) in
                        try conversation.take(line)
                    }
                    switch action {
                    case .none: break
                    case .tell(let text): onEvent(.told(target: machine.name, text))
                    case .report(let text): onEvent(.reported(target: machine.name, text))
                    case .send(let needed): group.addTask { try await send(needed, execution) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func send(
        _ needed: [(file: StagedFile, offset: Int)],
        _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>
    ) async throws {
        do {
            for (file, offset) in needed {
                var place = offset
                while place < file.bytes.count {
                    let end = min(file.bytes.count, place + Self.piece)
                    _ = try await execution.standardInputWriter.write(Array(file.bytes[place..<end]))
                    place = end
                }
            }
            try await execution.standardInputWriter.finish()
        } catch {
            // A machine that goes away while it is sent to is noticed by how ssh ends.
            if error.code != .failedToWriteToSubprocess { throw error }
        }
    }
}
