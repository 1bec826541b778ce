import Reports

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

    /// Runs it.
    func result() async -> HostResult {
        let session = ShellSession(
            Conversation(machine: machine, expectedProcessor: bundle.machine), with: machine, options: options,
            command: command, timeLimit: timeLimit, lineLimit: EventLine.limit)
        let outcome =
            await session.result { conversation in
                HostFailure(
                    .timedOut, "run the checks on \(machine.name)",
                    found: "no result within \(timeLimit), \(conversation.checks.count) checks through",
                    remedy: "give it more time with --host-timeout")
            } act: { action in
                switch action {
                case .none: return nil
                case .report(let event):
                    onEvent(event)
                    return nil
                case .send(let program, let archive):
                    return { input in
                        if program { try await input.write(bundle.program.bytes) }
                        if archive { try await input.write(bundle.archive.bytes) }
                        try await input.finish()
                    }
                }
            }
            ?? .failure(
                HostFailure(
                    .disconnected, "run the checks on \(machine.name)", found: "the run was stopped",
                    remedy: "run it again"))
        let isComplete: Bool
        if case .success = outcome { isComplete = true } else { isComplete = false }
        return HostResult(
            target: machine.name, groups: machine.groups, outcome: outcome,
            partialChecks: isComplete ? [] : session.current.checks)
    }
}
