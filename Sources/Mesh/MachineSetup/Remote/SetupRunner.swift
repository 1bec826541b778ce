import Fleet
import Platform
import Reports

/// Sets up many machines at once.
public struct SetupRunner: Sendable {
    /// What is told while it goes on.
    public enum Event: Sendable {
        /// A connection is being made.
        case began(target: String)
        /// A step, or what a step says.
        case told(target: String, String)
        /// A line of the report of meshcheck.
        case reported(target: String, String)
        /// A machine is through.
        case ended(SetupResult)
    }

    private let machines: [Machine]
    private let files: [StagedFile]
    private let options: SSHOptions
    private let forks: Int
    private let timeLimit: Duration
    private let command: String

    /// Creates a runner.
    ///
    /// - Parameters:
    ///   - files: configuration, certificates and packages; the script is added here.
    ///   - namespace: where the control plane runs.
    ///   - function: the function of the script, empty for everything.
    ///   - checks: whether meshcheck runs there at the end.
    ///   - forks: connections at once.
    ///   - timeLimit: for one machine.
    public init(
        machines: [Machine], files: [StagedFile], namespace: String, function: String = "", checks: Bool,
        options: SSHOptions, forks: Int, timeLimit: Duration
    ) throws(SetupProblems) {
        self.machines = machines
        self.files = [StagedFile(name: SetupScript.fileName, bytes: Array(SetupScript.text.utf8))] + files
        self.options = options
        self.forks = max(1, forks)
        self.timeLimit = timeLimit
        var words: [String] = []
        for word in ReceivingScript.words(
            files: self.files, namespace: namespace, function: function, checks: checks)
        {
            guard let quoted = ShellWord.quoted(word) else {
                throw SetupProblems([
                    SetupProblem("send '\(word)'", found: "more than one line", remedy: "use another name")
                ])
            }
            words.append(quoted)
        }
        command = words.joined(separator: " ")
    }

    /// Runs on all machines; the results are in the order of the machines.
    public func run(onEvent: @escaping @Sendable (Event) -> Void) async -> [SetupResult] {
        var results: [Int: SetupResult] = [:]
        await withTaskGroup(of: (Int, SetupResult).self) { group in
            var next = 0
            func add() {
                guard next < machines.count else { return }
                let index = next
                next += 1
                group.addTask {
                    onEvent(.began(target: machines[index].name))
                    let run = MachineSetupRun(
                        machine: machines[index], files: files, options: options, command: command,
                        timeLimit: timeLimit, onEvent: onEvent)
                    return (index, await run.result())
                }
            }
            for _ in 0..<forks { add() }
            for await (index, result) in group {
                results[index] = result
                onEvent(.ended(result))
                add()
            }
        }
        return machines.indices.compactMap { results[$0] }
    }
}
