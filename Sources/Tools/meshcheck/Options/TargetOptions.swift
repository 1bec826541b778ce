import ArgumentParser
import RemoteHosts
import SpecLoading

/// On which machines.
struct TargetOptions: ParsableArguments {
    @Option(
        name: .customLong("target"),
        help: ArgumentHelp(
            "A machine to check by ssh; repeatable (default: this one).", valueName: "ssh://user@host:port"))
    var targets: [String] = []

    @OptionGroup var arguments: SSHArguments

    @Flag(help: "Run on the machines as root, by sudo without a password.")
    var sudo = false

    @Option(help: ArgumentHelp("Time for one machine, from connecting to its result.", valueName: "time"))
    var hostTimeout = DurationArgument(seconds: 600)

    @Option(
        name: .customLong("remote-binary"),
        help: ArgumentHelp("The meshcheck for the machines, where this one does not run there.", valueName: "file"))
    var remoteBinary: String?

    /// Whether other machines are meant.
    var areRemote: Bool { !targets.isEmpty || arguments.inventory != nil }

    /// The machines, each once; all mistakes are reported at once.
    func machines() throws -> [RemoteHost] {
        var diagnostics = Diagnostics()
        let machines = arguments.hosts(addresses: targets, diagnostics: &diagnostics)
        if diagnostics.hasErrors { throw Failure.report(diagnostics, status: Status.wrongInput) }
        return machines
    }
}
