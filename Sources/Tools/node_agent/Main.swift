import ArgumentParser
import Glibc

@main
enum Main {
    private static let flags: Set<String> = [
        "org", "key-size", "key-type", "cert-chain", "key", "root-cert", "ca-address", "env", "workload-cert-ttl",
        "grace-percent", "jitter-percent", "rpc-timeout", "log-format", "v",
    ]

    static func main() {
        AgentSignals.block()
        let command: NodeAgent
        do {
            let arguments = try GoFlags.normalised(
                Array(CommandLine.arguments.dropFirst()), flags: flags.union(GlogOptions.flags),
                booleans: GlogOptions.booleans)
            if let platform = platform(in: arguments), Platform(rawValue: platform) == nil {
                throw ValidationError(
                    "--env: the platform '\(platform)' is not supported, expected 'onprem': copy the three files of "
                        + "a service account to this machine and leave --env out")
            }
            command = try NodeAgent.parse(arguments)
        } catch let error as GoFlags.BadBoolean {
            end(ValidationError(error.description))
        } catch {
            end(error)
        }
        command.serve()
    }

    /// The value of `--env`, whose error should say more than that it is none of the known ones.
    private static func platform(in arguments: [String]) -> String? {
        let prefix = "--env="
        var value: String?
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { break }
            if argument == "--env", index + 1 < arguments.count { value = arguments[index + 1] }
            if argument.utf8.starts(with: prefix.utf8) {
                value = String(decoding: argument.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
            }
        }
        return value
    }

    private static func end(_ error: any Error) -> Never {
        // ArgumentParser's own status for wrong usage is 64; here it is 2 in every tool.
        let status = NodeAgent.exitCode(for: error).rawValue
        if status == ExitCode.validationFailure.rawValue {
            let message = Array((NodeAgent.fullMessage(for: error) + "\n").utf8)
            message.withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
            exit(2)
        }
        NodeAgent.exit(withError: error)
    }
}
