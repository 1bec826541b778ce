import Platform
import Reports
import Scenarios

/// Runs the same checks on many hosts at once.
public struct RemoteCheckRunner: Sendable {
    private let hosts: [RemoteHost]
    private let payload: RemotePayload
    private let input: [UInt8]
    private let options: SSHOptions
    private let forks: Int
    private let timeLimit: Duration
    private let commands: [String]
    private let sudo: [Bool]

    /// Creates a runner.
    ///
    /// - Parameters:
    ///   - hosts: where to run.
    ///   - payload: what is needed there.
    ///   - arguments: for our program there; it has to answer with lines of events.
    ///   - input: what it reads on its standard input, where no list of processes and no file shows it.
    ///   - usesSudo: whether it runs as root by sudo(8), besides on hosts whose inventory says so.
    ///   - forks: connections at once.
    ///   - timeLimit: for one host, from connecting to its result.
    public init(
        hosts: [RemoteHost], payload: RemotePayload, arguments: [String], input: [UInt8], options: SSHOptions,
        usesSudo: Bool, forks: Int, timeLimit: Duration
    ) throws(UnsendableArgument) {
        self.hosts = hosts
        self.payload = payload
        self.input = input
        self.options = options
        self.forks = max(1, forks)
        self.timeLimit = timeLimit
        sudo = hosts.map { usesSudo || $0.usesSudo }
        var commands: [String] = []
        for isSudo in [false, true] {
            commands.append(
                try CheckScript.command(payload: payload, usesSudo: isSudo, program: arguments))
        }
        self.commands = commands
    }

    /// What happens during a run.
    public enum Event: Sendable {
        /// A connection is being made.
        case began(target: String)
        /// Something came from a host.
        case event(target: String, EventLine)
        /// A host is done.
        case ended(HostResult)
    }

    /// Runs on all hosts; the results are in the order of the hosts.
    public func run(onEvent: @escaping @Sendable (Event) -> Void) async -> FleetResult {
        let clock = ContinuousClock()
        let begin = clock.now
        let startedAt = KernelClock.wall
        var results: [Int: HostResult] = [:]
        await withTaskGroup(of: (Int, HostResult).self) { group in
            var next = 0
            func add() {
                guard next < hosts.count else { return }
                let index = next
                next += 1
                group.addTask { (index, await result(index, onEvent)) }
            }
            for _ in 0..<forks { add() }
            for await (index, result) in group {
                results[index] = result
                onEvent(.ended(result))
                add()
            }
        }
        return FleetResult(
            hosts: hosts.indices.compactMap { results[$0] }, startedAt: startedAt, duration: clock.now - begin)
    }

    private func result(_ index: Int, _ onEvent: @escaping @Sendable (Event) -> Void) async -> HostResult {
        let host = hosts[index]
        onEvent(.began(target: host.name))
        return await RemoteCheckRun(
            host: host, payload: payload, input: input, options: options, usesSudo: sudo[index],
            command: commands[sudo[index] ? 1 : 0], timeLimit: timeLimit
        ) { onEvent(.event(target: host.name, $0)) }.result()
    }
}

/// One run on one host, over one ssh connection: the shell is asked what it has, gets what it lacks, and runs it.
struct RemoteCheckRun: Sendable {
    let host: RemoteHost
    let payload: RemotePayload
    let input: [UInt8]
    let options: SSHOptions
    let usesSudo: Bool
    /// The command for the host's shell.
    let command: String
    let timeLimit: Duration
    let onEvent: @Sendable (EventLine) -> Void

    /// Runs it.
    func result() async -> HostResult {
        let session = ShellSession(
            CheckDialog(host: host, expectedProcessor: payload.processor), with: host, options: options,
            command: command, timeLimit: timeLimit, lineLimit: EventLine.limit)
        let outcome =
            await session.result { dialog in
                HostFailure(
                    .timedOut, "run the checks on \(host.name)",
                    found: "no result within \(timeLimit), \(dialog.checks.count) checks done",
                    remedy: "give it more time with --host-timeout")
            } act: { action in
                switch action {
                case .none: return nil
                case .report(let event):
                    onEvent(event)
                    return nil
                case .send(let program, let archive):
                    return { stream in
                        if program { try await stream.write(payload.program.bytes) }
                        if archive { try await stream.write(payload.archive.bytes) }
                        for bytes in [payload.privateArchive, input] where !bytes.isEmpty {
                            try await stream.write(bytes)
                        }
                        stream.finish()
                    }
                }
            }
            ?? .failure(
                HostFailure(
                    .disconnected, "run the checks on \(host.name)", found: "the run was stopped",
                    remedy: "run it again"))
        let isComplete: Bool
        if case .success = outcome { isComplete = true } else { isComplete = false }
        return HostResult(
            target: host.name, groups: host.groups, outcome: outcome,
            partialChecks: isComplete ? [] : session.current.checks)
    }
}
