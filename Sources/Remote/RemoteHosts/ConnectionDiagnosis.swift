import Documents
import Platform
import Processes
import Reports

/// Finds out why ssh gave no connection.
///
/// ssh ends with 255 whatever went wrong, and its messages are made for people and change. So the questions are asked
/// again, one by one, of programs that answer by facts: what ssh would do (`ssh -G`), which keys the host has
/// (`ssh-keyscan`), which ones are known (`ssh-keygen -F`). What ssh said is shown, and nothing is decided by it.
public struct ConnectionDiagnosis {
    let options: SSHOptions
    let host: RemoteHost

    /// Creates an inquest about a host.
    public init(options: SSHOptions, host: RemoteHost) {
        self.options = options
        self.host = host
    }

    /// The reason, with what ssh said last.
    public func failure(saying message: String) async -> HostFailure {
        let operation = "connect to \(host.name)"
        let said = Self.lastLine(message)
        guard let settings = await settings() else {
            return HostFailure(
                .unreachable, operation, found: said.isEmpty ? "ssh gives no reason" : said,
                remedy: "ssh -v \(host.address)")
        }
        // Behind a jump host the host is not ours to ask.
        if settings.isIndirect {
            return HostFailure(
                .unreachable, operation, found: said.isEmpty ? "ssh gives no reason" : said,
                remedy: "ssh -v \(host.address)")
        }
        let offered = await offeredKeys(settings)
        if offered.isEmpty {
            return HostFailure(
                .unreachable, operation,
                found: said.isEmpty ? "no ssh server answers at \(settings.host):\(settings.port)" : said,
                remedy: "check that \(settings.host):\(settings.port) can be reached: "
                    + "ssh-keyscan -p \(settings.port) \(settings.host)")
        }
        let known = await knownKeys(settings)
        if known.isEmpty {
            return HostFailure(
                .hostKeyUnknown, operation, found: said.isEmpty ? "its host key is not known" : said,
                remedy: "compare its key and accept it: ssh \(host.address)")
        }
        if known.isDisjoint(with: offered) {
            return HostFailure(
                .hostKeyChanged, operation,
                found: "its host key is not one of those that are known; somebody may be in between",
                remedy: "if the change is expected: ssh-keygen -R '\(settings.knownName)'")
        }
        return HostFailure(
            .authentication, operation, found: said.isEmpty ? "none of our keys is accepted" : said,
            remedy: "ssh-copy-id \(settings.copyOptions)\(host.address.user.map { "\($0)@" } ?? "")\(settings.host)")
    }

    /// What ssh would do.
    private struct Settings {
        var host = ""
        var port = "22"
        var alias: String?
        var knownHosts: [String] = []
        var isIndirect = false

        /// The name under which keys are kept.
        var knownName: String {
            if let alias { return alias }
            return port == "22" ? host : "[\(host)]:\(port)"
        }

        var copyOptions: String { port == "22" ? "" : "-p \(port) " }
    }

    private func settings() async -> Settings? {
        let arguments = options.arguments(for: host) + ["-G", host.address.host]
        guard let outcome = await Self.ask(options.program, arguments, within: .seconds(5)), outcome.status.isSuccess
        else {
            return nil
        }
        var settings = Settings()
        for line in outcome.standardOutput.split(separator: Ascii.newline) {
            let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard words.count >= 2 else { continue }
            switch words[0] {
            case "hostname": settings.host = words[1]
            case "port": settings.port = words[1]
            case "hostkeyalias": settings.alias = words[1]
            case "userknownhostsfile", "globalknownhostsfile": settings.knownHosts += words.dropFirst()
            case "proxyjump", "proxycommand": settings.isIndirect = words[1] != "none"
            default: break
            }
        }
        return settings.host.isEmpty ? nil : settings
    }

    /// Keys as `type base64`.
    private func offeredKeys(_ settings: Settings) async -> Set<String> {
        let limit = max(1, min(options.connectTimeout, 10))
        let arguments = ["-T", String(limit), "-p", settings.port, "--", settings.host]
        guard let outcome = await Self.ask("ssh-keyscan", arguments, within: .seconds(limit + 5)) else { return [] }
        return Self.keys(outcome.standardOutput)
    }

    private func knownKeys(_ settings: Settings) async -> Set<String> {
        var keys: Set<String> = []
        for file in settings.knownHosts {
            let arguments = ["-F", settings.knownName, "-f", file]
            // 1 stands for a name that is not in the file, or a file that is not there.
            guard let outcome = await Self.ask("ssh-keygen", arguments, within: .seconds(5)), outcome.status.isSuccess
            else { continue }
            keys.formUnion(Self.keys(outcome.standardOutput))
        }
        return keys
    }

    /// The keys in lines of sshd(8)'s known_hosts: names, type, key, after a marker maybe.
    private static func keys(_ text: [UInt8]) -> Set<String> {
        var keys: Set<String> = []
        for line in text.split(separator: Ascii.newline) where line.first != UInt8(ascii: "#") {
            var words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            if words.first?.utf8.first == UInt8(ascii: "@") { words.removeFirst() }
            if words.count >= 3 { keys.insert("\(words[1]) \(words[2])") }
        }
        return keys
    }

    /// What a tool answers; nil when it is not there or takes too long: then it has nothing to say.
    private static func ask(_ program: String, _ arguments: [String], within limit: Duration) async -> ProcessOutput? {
        guard let path = ExecutablePath.find(program) else { return nil }
        do throws(ProcessError) {
            let output = try await ChildProcess.run(
                SpawnOptions(executable: path, arguments: arguments), limits: RunLimits(time: limit))
            return output.reason == .ended ? output : nil
        } catch {
            return nil
        }
    }

    /// The last line of a text, shortened and without control characters.
    public static func lastLine(_ text: String) -> String {
        let lines = text.utf8.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d })
        return DisplayText.shortened(lines.last.map { String(decoding: $0, as: UTF8.self) } ?? "", to: 300)
    }
}
