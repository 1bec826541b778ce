import ArgumentParser
import Glibc
import MeshContract
import NodeAgent
import Platform
import StandardStreams

@main
enum NodeAgentMain {
    private static let flags: Set<String> = [
        "org", "key-size", "key-type", "cert-chain", "key", "root-cert", "ca-address", "env", "workload-cert-ttl",
        "grace-percent", "jitter-percent", "rpc-timeout", "log-format", "v",
    ]

    static func main() {
        AgentSignals.block()
        let command: NodeAgentCommand
        do {
            let ignored = GoFlags.logFlags.union(["platform"])
            let arguments = GoFlags.without(
                try GoFlags.normalised(
                    Array(CommandLine.arguments.dropFirst()), flags: flags.union(ignored), booleans: GoFlags.logSwitches
                ),
                flags: ignored, booleans: GoFlags.logSwitches)
            if arguments.first == "version" {
                Terminal.write(ProductVersion.text + "\n")
                return
            }
            if let platform = platform(in: arguments), VouchingPlatform(rawValue: platform) == nil {
                throw ValidationError(
                    "--env: the platform '\(platform)' is not supported, expected 'onprem': copy the three files of "
                        + "a service account to this machine and leave --env out")
            }
            command = try NodeAgentCommand.parse(arguments)
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
        let status = NodeAgentCommand.exitCode(for: error).rawValue
        if status == ExitCode.validationFailure.rawValue {
            Terminal.writeErrorLine(NodeAgentCommand.fullMessage(for: error))
            Terminal.exit(2)
        }
        NodeAgentCommand.exit(withError: error)
    }
}

/// What the agent does on signals. It has to end at once whatever it is doing, so the main thread does nothing else.
enum AgentSignals {
    private static let handled = [SIGTERM, SIGINT, SIGHUP]

    /// Keeps the signals from the calling thread and all that it starts. To be called before there is another thread.
    static func block() {
        var set = signalSet
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for signals for ever: SIGTERM and SIGINT end the process with status 0, SIGHUP fires the trigger.
    ///
    /// The main thread must not serve Dispatch instead: that lets every signal through to it.
    static func handle(trigger: RenewalTrigger, gate: WriteGate, log: AgentLog) -> Never {
        var set = signalSet
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            if number == SIGHUP {
                log.info("Asked by SIGHUP to renew now")
                trigger.fire()
            } else {
                log.info("Asked by \(number == SIGTERM ? "SIGTERM" : "SIGINT") to end")
                end(0, gate)
            }
        }
    }

    /// Ends the process, but not between two renames; and without exit handlers, which would take from under other threads
    /// what they are using.
    static func end(_ status: Int32, _ gate: WriteGate) -> Never {
        gate.hold { _exit(status) }
        _exit(status)
    }

    private static var signalSet: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in handled { sigaddset(&set, number) }
        return set
    }
}
