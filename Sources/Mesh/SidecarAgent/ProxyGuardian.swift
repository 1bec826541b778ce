import Glibc
import Processes

/// A process of its own that outlives this one, only to end what Envoy has left running.
///
/// Envoy itself gets a signal from the kernel when the agent is killed. What Envoy has started does not: it carries a mark in
/// its environment, by which the guardian finds it in any group and session.
public struct ProxyGuardian: Sendable {
    /// The variable with the mark.
    private static let variable = "PILOT_AGENT_RUN"
    /// How long what was killed may take to be gone.
    private static let limit = Duration.seconds(5)

    private let environment: [String]
    // Its standard input ends when this process does, however that happens.
    private let child: ChildProcess

    /// Starts the guardian: this program with the arguments `guard MARK`.
    ///
    /// - Parameter environment: the variables that Envoy gets beside the mark.
    public static func start(environment: [String: String]) async throws(ProcessError) -> ProxyGuardian {
        let mark = "\(getpid())-\(UInt64.random(in: 0 ... .max))"
        var options = SpawnOptions(executable: "/proc/self/exe", arguments: ["guard", mark])
        options.name = "pilot-agent"
        options.standardInput = .pipe
        // Ctrl-C is for the agent, whose end the guardian waits for.
        options.group = .session
        let variables = environment.filter { $0.key != variable }.map { "\($0.key)=\($0.value)" }
        return ProxyGuardian(
            environment: variables + ["\(variable)=\(mark)"], child: try await ChildProcess.spawn(options))
    }

    /// The environment of Envoy.
    var markedEnvironment: [String] { environment }

    /// The guardian's work: waits until standard input ends, and then kills whatever has the mark, until there is nothing.
    public static func guardProcesses(mark: String) {
        for number in [SIGTERM, SIGINT, SIGHUP] { signal(number, SIG_IGN) }
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR {}
        let entry = Array("\(variable)=\(mark)".utf8)
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            let marked = processes().filter { isMarked($0, entry) }
            if marked.isEmpty { return }
            for process in marked { kill(process, SIGKILL) }
            usleep(10_000)
        }
    }

    private static func processes() -> [pid_t] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var found: [pid_t] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let process = pid_t(name), process != getpid() { found.append(process) }
        }
        return found
    }

    /// Whether a variable is in a process's environment. That of other users cannot be read, and is none of ours.
    private static func isMarked(_ process: pid_t, _ entry: [UInt8]) -> Bool {
        let descriptor = open("/proc/\(process)/environ", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while contents.count < 4 << 20 {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            contents += buffer.prefix(count)
        }
        return contents.split(separator: 0).contains { $0.elementsEqual(entry) }
    }
}
