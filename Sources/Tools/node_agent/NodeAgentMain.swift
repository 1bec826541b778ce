import ArgumentParser
import Glibc
import MeshContract
import NodeAgent
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
            let arguments = try GoFlags.normalised(
                Array(CommandLine.arguments.dropFirst()), flags: flags.union(GlogOptions.flags),
                booleans: GlogOptions.booleans)
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

/// Command lines as the original agent took them: Go's flag packages know one dash or two, `--flag=value` and
/// `--flag value`, and a value only after `=` for booleans.
enum GoFlags {
    /// A boolean flag with a value that is none.
    struct BadBoolean: Error, Hashable, CustomStringConvertible {
        /// The flag with its dashes.
        var flag: String
        /// What stood after `=`.
        var found: String

        /// The sentence for people.
        var description: String {
            "the value '\(found)' is invalid for '\(flag)': expected one of 1, 0, t, f, true, false"
        }
    }

    /// The arguments with two dashes before every flag and without values of booleans; a boolean that is false is left
    /// out, which is what all of ours are by default.
    ///
    /// - Parameters:
    ///   - flags: the names of flags with a value.
    ///   - booleans: the names of flags without.
    static func normalised(
        _ arguments: [String], flags: Set<String>, booleans: Set<String>
    ) throws(BadBoolean) -> [String] {
        var result: [String] = []
        var takesNext = false
        for (index, argument) in arguments.enumerated() {
            if takesNext {
                takesNext = false
                result.append(argument)
                continue
            }
            if argument == "--" { return result + arguments[index...] }
            let bytes = Array(argument.utf8)
            let dashes = bytes.prefix { $0 == UInt8(ascii: "-") }.count
            let end = bytes.firstIndex(of: UInt8(ascii: "=")) ?? bytes.endIndex
            guard dashes == 1 || dashes == 2, dashes < end else {
                result.append(argument)
                continue
            }
            let name = String(decoding: bytes[dashes..<end], as: UTF8.self)
            let value = end < bytes.endIndex ? String(decoding: bytes[(end + 1)...], as: UTF8.self) : nil
            if booleans.contains(name) {
                if try isTrue(value, flag: "--\(name)") { result.append("--\(name)") }
            } else if flags.contains(name) {
                // As one argument, so that a value that begins with a dash stays a value.
                if let value {
                    result.append("--\(name)=\(value)")
                } else {
                    result.append("--\(name)")
                    takesNext = true
                }
            } else {
                result.append(argument)
            }
        }
        return result
    }

    /// The values that Go's ParseBool takes.
    private static func isTrue(_ value: String?, flag: String) throws(BadBoolean) -> Bool {
        switch value {
        case nil, "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        case .some(let found): throw BadBoolean(flag: flag, found: found)
        }
    }
}
