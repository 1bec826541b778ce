import ArgumentParser
import Fleet
import Documents

/// On which machines.
struct TargetOptions: ParsableArguments {
    @Option(
        name: .customLong("target"),
        help: ArgumentHelp(
            "A machine to check by ssh; repeatable (default: this one).", valueName: "ssh://user@host:port"))
    var targets: [String] = []

    @Option(
        help: ArgumentHelp("An inventory of Ansible, INI or YAML, with machines to check by ssh.", valueName: "file"))
    var inventory: String?

    @Option(
        help: ArgumentHelp(
            "Only these machines of the inventory: names, groups and globs with commas between, '!' to take away, '&' to "
                + "keep only.", valueName: "patterns"))
    var limit: String?

    @Option(help: ArgumentHelp("Machines at once.", valueName: "n"))
    var forks = 16

    @Flag(help: "Run on the machines as root, by sudo without a password.")
    var sudo = false

    @Option(help: ArgumentHelp("Seconds for a connection.", valueName: "n"))
    var connectTimeout = 10

    @Option(help: ArgumentHelp("Time for one machine, from connecting to its result.", valueName: "time"))
    var hostTimeout = DurationArgument(seconds: 600)

    @Option(
        name: .customLong("ssh-option"),
        help: ArgumentHelp("An option as of ssh_config(5); repeatable.", valueName: "name=value"))
    var sshOptions: [String] = []

    @Option(
        name: .customLong("ssh-config"),
        help: ArgumentHelp("A configuration of ssh in place of the user's.", valueName: "file"))
    var sshConfiguration: String?

    @Option(
        name: .customLong("remote-binary"),
        help: ArgumentHelp("The meshcheck for the machines, where this one does not run there.", valueName: "file"))
    var remoteBinary: String?

    func validate() throws {
        if !(1...1000).contains(forks) { throw ValidationError("--forks is \(forks) (must be >=1 and <=1000)") }
        if !(1...3600).contains(connectTimeout) {
            throw ValidationError("--connect-timeout is \(connectTimeout) (must be >=1 and <=3600 seconds)")
        }
        if limit != nil, inventory == nil { throw ValidationError("--limit needs an --inventory") }
    }

    /// Whether other machines are meant.
    var areRemote: Bool { !targets.isEmpty || inventory != nil }

    /// ssh's options.
    var ssh: SSHOptions {
        SSHOptions(configuration: sshConfiguration, connectTimeout: connectTimeout, options: sshOptions)
    }

    /// The machines, each once; all mistakes are reported at once.
    func machines() throws -> [Machine] {
        var diagnostics = Diagnostics()
        let machines = MachineList.load(
            addresses: targets, inventory: inventory, limit: limit, diagnostics: &diagnostics)
        if diagnostics.hasErrors { throw Failure.report(diagnostics, status: Status.wrongInput) }
        return machines
    }
}
