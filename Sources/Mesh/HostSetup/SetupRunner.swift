import MeshContract
import Platform
import RemoteHosts
import Reports

/// Sets up many hosts at once.
public struct SetupRunner: Sendable {
    /// What happens during a run.
    public enum Event: Sendable {
        /// A connection is being made.
        case began(target: String)
        /// A step, or what a step says.
        case told(target: String, String)
        /// A line of the report of meshcheck.
        case reported(target: String, String)
        /// A host is done.
        case ended(SetupResult)
    }

    private let hosts: [RemoteHost]
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
    ///   - timeLimit: for one host.
    public init(
        hosts: [RemoteHost], files: [StagedFile], namespace: String, function: String = "", checks: Bool,
        options: SSHOptions, forks: Int, timeLimit: Duration
    ) throws(SetupProblems) {
        self.hosts = hosts
        self.files = [StagedFile(name: SetupScript.fileName, bytes: SetupScript.bytes)] + files
        self.options = options
        self.forks = max(1, forks)
        self.timeLimit = timeLimit
        do throws(UnsendableArgument) {
            command = try ReceivingScript.command(
                files: self.files, namespace: namespace, function: function, checks: checks)
        } catch {
            throw SetupProblems([
                SetupProblem("send '\(error.word)'", found: "more than one line", remedy: "use another name")
            ])
        }
    }

    /// Runs on all hosts; the results are in the order of the hosts.
    public func run(onEvent: @escaping @Sendable (Event) -> Void) async -> [SetupResult] {
        var results: [Int: SetupResult] = [:]
        await withTaskGroup(of: (Int, SetupResult).self) { group in
            var next = 0
            func add() {
                guard next < hosts.count else { return }
                let index = next
                next += 1
                group.addTask {
                    onEvent(.began(target: hosts[index].name))
                    let run = HostSetupRun(
                        host: hosts[index], files: files, options: options, command: command,
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
        return hosts.indices.compactMap { results[$0] }
    }
}

/// One host, over one ssh connection.
struct HostSetupRun: Sendable {
    let host: RemoteHost
    let files: [StagedFile]
    let options: SSHOptions
    let command: String
    let timeLimit: Duration
    let onEvent: @Sendable (SetupRunner.Event) -> Void

    private static let lineLimit = 1 << 16
    private static let piece = 1 << 18

    func result() async -> SetupResult {
        let session = ShellSession(
            SetupDialog(host: host, files: files), with: host, options: options, command: command,
            timeLimit: timeLimit, lineLimit: Self.lineLimit)
        let outcome =
            await session.result { _ in
                HostFailure(
                    .timedOut, "set up \(host.name)", found: "not finished within \(timeLimit)",
                    remedy: "give it more time with --host-timeout, and run it again: it continues where it stopped")
            } act: { action in
                switch action {
                case .none: return nil
                case .tell(let text): onEvent(.told(target: host.name, text))
                case .report(let text): onEvent(.reported(target: host.name, text))
                // The host says what it took while more is sent.
                case .send(let needed): return { input in try await Self.send(needed, to: input) }
                }
                return nil
            }
        return SetupResult(
            target: host.name,
            outcome: outcome
                ?? .failure(
                    HostFailure(
                        .disconnected, "set up \(host.name)", found: "it was stopped", remedy: "run it again")))
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
        input.finish()
    }
}

/// What became of one host.
public struct SetupResult: Sendable, Hashable {
    /// What a host that was set up has.
    public struct Report: Sendable, Hashable {
        /// What was changed, in order.
        public var changed: [String] = []
        /// How many things were as they should be.
        public var unchangedCount = 0
        /// What needs a look.
        public var warnings: [String] = []
        /// The exit status of `meshcheck run`; nil when it was not asked for.
        public var checkStatus: Int32?
    }

    /// The name by which the user knows it.
    public var target: String
    /// What was done, or why it was not.
    public var outcome: Result<Report, HostFailure>

    /// The exit status that it stands for.
    public var exitStatus: Int32 {
        switch outcome {
        case .success(let report): report.checkStatus ?? 0
        case .failure(let failure):
            switch failure.reason {
            case .unreachable, .hostKeyChanged, .hostKeyUnknown, .authentication, .disconnected: 3
            case .timedOut: 4
            case .notPermitted, .refused: 2
            case .unsuitable: 1
            case .malformed: 70
            }
        }
    }

    /// One status for many hosts: the one that needs the operator most.
    public static func exitStatus(of results: [SetupResult]) -> Int32 {
        let statuses = results.map(\.exitStatus)
        return [70, 2, 3, 4, 1].first { statuses.contains($0) } ?? statuses.first { $0 != 0 } ?? 0
    }
}

/// The steps on a host, for people.
public enum SetupPlan {
    /// What is done with these files.
    public static func steps(files: [StagedFile], checks: Bool) -> [String] {
        var steps = ["copy to /var/cache/meshex, what is not there yet:"]
        for file in [StagedFile(name: SetupScript.fileName, bytes: SetupScript.bytes)] + files {
            steps.append("  \(file.name), \(file.bytes.count) bytes, SHA-256 \(file.digest)")
        }
        steps += [
            "run \(SetupScript.fileName) as root:",
            "  initNetwork: install dnsmasq if it is missing; kubedns to \(MeshPaths.kubeDNS); cluster.env to "
                + "\(MeshPaths.clusterEnvironment); let the resolver ask 127.0.0.1; restart dnsmasq if something changed",
            "  istioInstall: root-cert.pem, cert-chain.pem and key.pem (0600) to \(MeshPaths.certificates), unless these "
                + "were copied before",
        ]
        let packages = files.filter { $0.name.utf8.suffix(4).elementsEqual(".deb".utf8) }.map(\.name)
        steps.append(
            packages.isEmpty
                ? "  istioInstall: the apt source, apt-get update, apt-get install "
                    + MeshNames.packages.joined(separator: " ")
                : "  istioInstall: apt-get install " + packages.joined(separator: " ") + ", those not installed yet")
        steps.append(
            "  istioInstall: give \(MeshPaths.certificates) to \(MeshNames.user); enable istio-auth-node-agent and istio, "
                + "start them or restart them if something changed")
        if checks { steps.append("run meshcheck run") }
        return steps
    }
}
