import Glibc
import Platform
import Reports
import Scenarios

/// A word that cannot be passed to the shell of another machine.
public struct UnsendableArgument: Error, Sendable, Hashable, CustomStringConvertible {
    /// The word.
    public var word: String

    /// The sentence for people.
    public var description: String {
        "the argument \(word.debugDescription) cannot be sent to another machine: expected one line"
    }
}

/// Runs the same checks on many machines at once.
public struct FleetRunner: Sendable {
    private let machines: [Machine]
    private let bundle: Bundle
    private let options: SSHOptions
    private let forks: Int
    private let timeLimit: Duration
    private let commands: [String]
    private let sudo: [Bool]

    /// Creates a runner.
    ///
    /// - Parameters:
    ///   - machines: where to run.
    ///   - bundle: what is needed there.
    ///   - arguments: for our program there; it has to answer with lines of events.
    ///   - environment: variables for it, `NAME=value`.
    ///   - usesSudo: whether it runs as root by sudo(8), besides on machines whose inventory says so.
    ///   - forks: connections at once.
    ///   - timeLimit: for one machine, from connecting to its result.
    public init(
        machines: [Machine], bundle: Bundle, arguments: [String], environment: [String], options: SSHOptions,
        usesSudo: Bool, forks: Int, timeLimit: Duration
    ) throws(UnsendableArgument) {
        self.machines = machines
        self.bundle = bundle
        self.options = options
        self.forks = max(1, forks)
        self.timeLimit = timeLimit
        sudo = machines.map { usesSudo || $0.usesSudo }
        var commands: [String] = []
        for isSudo in [false, true] {
            var words: [String] = []
            for word in RemoteScript.arguments(
                bundle: bundle, usesSudo: isSudo, environment: environment, program: arguments)
            {
                guard let quoted = ShellWord.quoted(word) else { throw UnsendableArgument(word: word) }
                words.append(quoted)
            }
            commands.append(words.joined(separator: " "))
        }
        self.commands = commands
    }

    /// What is told while it goes on.
    public enum Event: Sendable {
        /// A connection is being made.
        case began(target: String)
        /// Something came from a machine.
        case event(target: String, EventLine)
        /// A machine is through.
        case ended(HostResult)
    }

    /// Runs on all machines; the results are in the order of the machines.
    public func run(onEvent: @escaping @Sendable (Event) -> Void) async -> FleetResult {
        let clock = ContinuousClock()
        let begin = clock.now
        let startedAt = Self.now
        var results: [Int: HostResult] = [:]
        await withTaskGroup(of: (Int, HostResult).self) { group in
            var next = 0
            func add() {
                guard next < machines.count else { return }
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
            hosts: machines.indices.compactMap { results[$0] }, startedAt: startedAt, duration: clock.now - begin)
    }

    private func result(_ index: Int, _ onEvent: @escaping @Sendable (Event) -> Void) async -> HostResult {
        let machine = machines[index]
        onEvent(.began(target: machine.name))
        return await RemoteRun(
            machine: machine, bundle: bundle, options: options, usesSudo: sudo[index],
            command: commands[sudo[index] ? 1 : 0], timeLimit: timeLimit
        ) { onEvent(.event(target: machine.name, $0)) }.result()
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
