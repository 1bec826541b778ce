import Fleet
import Reports

/// One machine, over one ssh connection.
struct MachineSetupRun: Sendable {
    let machine: Machine
    let files: [StagedFile]
    let options: SSHOptions
    let command: String
    let timeLimit: Duration
    let onEvent: @Sendable (SetupRunner.Event) -> Void

    private static let lineLimit = 1 << 16
    private static let piece = 1 << 18

    func result() async -> SetupResult {
        let session = ShellSession(
            SetupConversation(machine: machine, files: files), with: machine, options: options, command: command,
            timeLimit: timeLimit, lineLimit: Self.lineLimit)
        let outcome =
            await session.result { _ in
                HostFailure(
                    .timedOut, "set up \(machine.name)", found: "not through within \(timeLimit)",
                    remedy: "give it more time with --host-timeout, and run it again: it goes on where it stopped")
            } act: { action in
                switch action {
                case .none: return nil
                case .tell(let text): onEvent(.told(target: machine.name, text))
                case .report(let text): onEvent(.reported(target: machine.name, text))
                // The machine says what it took while more is sent.
                case .send(let needed): return { input in try await Self.send(needed, to: input) }
                }
                return nil
            }
        return SetupResult(
            target: machine.name,
            outcome: outcome
                ?? .failure(
                    HostFailure(
                        .disconnected, "set up \(machine.name)", found: "it was stopped", remedy: "run it again")))
    }

    private static func send(_ needed: [(file: StagedFile, offset: Int)], to input: ShellInput) async throws {
        for (file, offset) in needed {
            var place = offset
            while place < file.bytes.count {
                let end = min(file.bytes.count, place + piece)
                try await input.write(Array(file.bytes[place..<end]))
                place = end
            }
        }
        try await input.finish()
    }
}
