import ArgumentParser
import Platform
import SidecarAgent
import StandardStreams

/// `pilot-agent guard MARK`, which `proxy` starts for itself where systemd does not end what it leaves.
struct GuardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guard", abstract: "End what Envoy leaves running when the agent is killed.", shouldDisplay: false)

    @Argument(help: "The mark in the environment of what is to end.")
    var mark: String

    func run() { ProxyGuardian.guardProcesses(mark: mark) }
}

/// `pilot-agent version`.
struct AgentVersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    @Flag(name: .shortAndLong, help: "Taken for the sake of old command lines: the version is always short.")
    var short = false

    func run() { Terminal.write(ProductVersion.text + "\n") }
}
