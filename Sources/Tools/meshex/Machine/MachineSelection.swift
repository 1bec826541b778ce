import ArgumentParser
import Fleet
import Documents

/// On which machines.
struct MachineSelection: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Machines: [user@]host[:port], ssh://… or a name of ssh_config(5).", valueName: "host"))
    var hosts: [String] = []

    @Option(help: ArgumentHelp("An inventory of Ansible, INI or YAML, with more machines.", valueName: "file"))
    var inventory: String?

    @Option(
        help: ArgumentHelp(
            "Only these machines of the inventory: names, groups and globs with commas between, '!' to take away, '&' to "
                + "keep only.", valueName: "patterns"))
    var limit: String?

    @Option(help: ArgumentHelp("Machines at once.", valueName: "n"))
    var forks = 16

    @Option(help: ArgumentHelp("Seconds for a connection.", valueName: "n"))
    var connectTimeout = 10

    @Option(help: ArgumentHelp("Seconds for one machine, from connecting to its result.", valueName: "n"))
    var hostTimeout = 1800

    @Option(
        name: .customLong("ssh-option"),
        help: ArgumentHelp("An option as of ssh_config(5); repeatable.", valueName: "name=value"))
    var sshOptions: [String] = []

    @Option(
        name: .customLong("ssh-config"),
        help: ArgumentHelp("A configuration of ssh in place of the user's.", valueName: "file"))
    var sshConfiguration: String?

    func validate() throws {
        if !(1...1000).contains(forks) { throw ValidationError("--forks is \(forks) (must be >=1 and <=1000)") }
        if !(1...3600).contains(connectTimeout) {
            throw ValidationError("--connect-timeout is \(connectTimeout) (must be >=1 and <=3600 seconds)")
        }
        if !(1...86400).contains(hostTimeout) {
            throw ValidationError("--host-timeout is \(hostTimeout) (must be >=1 and <=86400 seconds)")
        }
        if hosts.isEmpty, inventory == nil { throw ValidationError("name a machine, or an --inventory") }
        if limit != nil, inventory == nil { throw ValidationError("--limit needs an --inventory") }
    }

    /// ssh's options.
    var ssh: SSHOptions {
        SSHOptions(configuration: sshConfiguration, connectTimeout: connectTimeout, options: sshOptions)
    }

    /// The machines, each once; all mistakes are reported at once.
    func machines() throws -> [Machine] {
        var diagnostics = Diagnostics()
        let addresses = hosts.map { $0.utf8.starts(with: "ssh://".utf8) ? $0 : "ssh://" + $0 }
        let machines = MachineList.load(
            addresses: addresses, inventory: inventory, limit: limit, diagnostics: &diagnostics)
        if diagnostics.hasErrors {
            throw Failure(status: 2, text: DiagnosticRenderer.text(diagnostics, color: false)).exit
        }
        return machines
    }
}
