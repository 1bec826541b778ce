import FoundationEssentials
import Platform
import Processes

/// The user's kubectl(1), with the user's cluster and rights.
public struct Kubectl: Sendable {
    /// The program; a name is looked for on PATH.
    public var program: String
    /// `--context`; nil for the current one.
    public var context: String?
    /// `--kubeconfig`; nil for the user's.
    public var configuration: String?
    /// How long one call may take.
    public var timeLimit: Duration

    /// Bytes that an answer may have: a hundred times the largest object that a cluster keeps.
    private static let outputLimit = 16 << 20

    /// Creates an access.
    public init(
        program: String = "kubectl", context: String? = nil, configuration: String? = nil,
        timeLimit: Duration = .seconds(30)
    ) {
        self.program = program
        self.context = context
        self.configuration = configuration
        self.timeLimit = timeLimit
    }

    /// The answer to a call: an end without success is an answer too.
    struct Answer: Sendable {
        var isSuccess: Bool
        var output: [UInt8]
        var errors: String

        /// The reason of the API server, such as NotFound (metav1.StatusReason of Kubernetes).
        ///
        /// kubectl gives the Status object to nobody; the word in "Error from server (REASON): …" is all that it shows
        /// of it.
        var reason: String? {
            let mark = "Error from server ("
            guard let start = errors.utf8.firstRange(of: mark.utf8) else { return nil }
            return String(errors[start.upperBound...].prefix { $0 != ")" })
        }
    }

    /// Calls kubectl.
    ///
    /// - Parameters:
    ///   - isLocal: whether no server is asked.
    ///   - attempt: what it is for, in the words of an error.
    func call(
        _ arguments: [String], input: [UInt8] = [], isLocal: Bool = false, for attempt: String
    ) async throws(ClusterProblem) -> Answer {
        guard let path = ExecutablePath.find(program) else {
            throw ClusterProblem(
                .input, attempt, found: "\(program) is not on PATH",
                remedy: "install it (Debian: apt-get install kubernetes-client), or name it with --kubectl")
        }
        var all: [String] = []
        if let configuration { all += ["--kubeconfig", configuration] }
        if let context { all += ["--context", context] }
        // A server that does not answer is noticed by kubectl before it is ended by us.
        all += ["--request-timeout", "\(max(1, timeLimit.components.seconds - 2))s"]
        let result: ProcessOutput
        do throws(ProcessError) {
            result = try await ChildProcess.run(
                SpawnOptions(executable: path, arguments: all + arguments), input: input,
                limits: RunLimits(time: timeLimit, outputBytes: Self.outputLimit))
        } catch {
            throw ClusterProblem(.host, attempt, found: error.description, remedy: "run \(path) version by hand")
        }
        if result.reason != .ended {
            throw ClusterProblem(
                .late, attempt, found: "\(program) did not end within \(timeLimit.components.seconds) s",
                remedy: "see whether the cluster answers: \(program) get --raw /healthz")
        }
        guard !result.isTruncated else {
            throw ClusterProblem(
                .state, attempt, found: "\(program) printed more than \(Self.outputLimit) bytes",
                remedy: "see what it prints: \(([program] + arguments).joined(separator: " "))")
        }
        let answer = Answer(
            isSuccess: result.status.isSuccess, output: result.standardOutput,
            errors: String(decoding: result.standardError, as: UTF8.self))
        if answer.isSuccess || answer.reason != nil || isLocal { return answer }
        // Without a reason no server has spoken, or kubectl has refused the input itself.
        if let problem = await silence(path, all, answer, attempt) { throw problem }
        return answer
    }

    /// Whether the server answers at all, for a call that failed without a reason of it.
    private func silence(
        _ path: String, _ options: [String], _ answer: Answer, _ attempt: String
    ) async -> ClusterProblem? {
        do throws(ProcessError) {
            let version = try await ChildProcess.run(
                SpawnOptions(executable: path, arguments: options + ["get", "--raw", "/version"]),
                limits: RunLimits(time: timeLimit))
            if version.status.isSuccess { return nil }
        } catch {
            // What it was asked for has failed already, and that is told.
        }
        return ClusterProblem(
            .unreachable, attempt, found: Self.lastLine(answer.errors),
            remedy:
                "see whether the cluster answers: \(program) get --raw /version (context: \(context ?? "the current one"))"
        )
    }

    /// The namespace of the context: what kubectl and istioctl take where none is named. `default` where the context has
    /// none, and where there is no kubeconfig, as in a pod.
    public func currentNamespace() async throws(ClusterProblem) -> String {
        let answer = try await call(
            ["config", "view", "--minify", "--output", "jsonpath={.contexts[0].context.namespace}"], isLocal: true,
            for: "read the namespace of the kubeconfig's context")
        let name = Ascii.text(Ascii.trimmed(answer.output[...]))
        return answer.isSuccess && !name.isEmpty ? name : "default"
    }

    /// An object, or nil when there is none of the name.
    func object<Object: Decodable>(
        _ type: Object.Type, _ kind: String, _ name: String, in namespace: String
    ) async throws(ClusterProblem) -> Object? {
        let attempt = "read \(kind) \(name) in \(namespace)"
        let answer = try await call(["get", kind, name, "--namespace", namespace, "--output", "json"], for: attempt)
        if answer.reason == "NotFound" { return nil }
        guard answer.isSuccess else { throw problem(answer, attempt) }
        return try Self.decoded(type, answer.output, attempt)
    }

    /// Hands objects to `kubectl apply`. The form of what is made here needs no second opinion from kubectl, which would
    /// fetch the API's whole description for it; the API server judges it in any case.
    func apply(_ objects: [UInt8], for attempt: String) async throws(ClusterProblem) -> String {
        let answer = try await call(["apply", "--validate=false", "--filename", "-"], input: objects, for: attempt)
        guard answer.isSuccess else { throw problem(answer, attempt) }
        return String(decoding: answer.output, as: UTF8.self)
    }

    /// An answer without success in words.
    func problem(_ answer: Answer, _ attempt: String) -> ClusterProblem {
        let found = Self.lastLine(answer.errors)
        switch answer.reason {
        case "Forbidden", "Unauthorized":
            return ClusterProblem(
                .input, attempt, found: found,
                remedy: "ask for the right, or take another context: \(program) auth can-i --list")
        case "NotFound":
            return ClusterProblem(.state, attempt, found: found, remedy: "see the name and the namespace")
        case "Conflict":
            return ClusterProblem(
                .state, attempt, found: found, remedy: "somebody has changed it meanwhile: run it again")
        default:
            return ClusterProblem(
                .state, attempt, found: found, remedy: "fix what the API server names, and run it again")
        }
    }

    static func decoded<Object: Decodable>(
        _ type: Object.Type, _ bytes: [UInt8], _ attempt: String
    ) throws(ClusterProblem) -> Object {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw ClusterProblem(
                .state, attempt,
                found: DisplayText.shortened("an answer that is not the JSON of the object (\(error))", to: 300),
                remedy: "see what kubectl get --output json shows")
        }
    }

    private static func lastLine(_ text: String) -> String {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        return DisplayText.shortened(lines.last ?? "no reason given", to: 500)
    }
}

/// Why something of mesh expansion could not be done.
public struct ClusterProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is to blame, which decides the exit status.
    public enum Kind: Sendable, Hashable, CaseIterable {
        /// Something in the cluster is not as it has to be.
        case state
        /// What the user gave, or may not do.
        case input
        /// The cluster cannot be reached.
        case unreachable
        /// It took too long.
        case late
        /// This host, or meshex itself.
        case host

        /// The exit status that stands for it.
        public var status: Int32 {
            switch self {
            case .state: 1
            case .input: 2
            case .unreachable: 3
            case .late: 4
            case .host: 70
            }
        }
    }

    /// What is to blame.
    public var kind: Kind
    /// What was tried: "read the secret istio.default".
    public var attempt: String
    /// What was found.
    public var found: String
    /// What to do about it.
    public var remedy: String

    /// Creates a problem.
    public init(_ kind: Kind, _ attempt: String, found: String, remedy: String) {
        self.kind = kind
        // The cluster and kubectl say it in part, and nothing of it may look like a line of ours.
        self.attempt = DisplayText.inline(attempt)
        self.found = DisplayText.inline(found)
        self.remedy = DisplayText.inline(remedy)
    }

    /// Two lines for people.
    public var description: String { "cannot \(attempt): \(found)\n  remedy: \(remedy)" }
}
