import ArgumentParser
import Documents

/// The options by which a tool chooses hosts and reaches them.
package struct SSHArguments: ParsableArguments {
    @Option(help: ArgumentHelp("An Ansible inventory, INI or YAML, with more hosts.", valueName: "file"))
    package var inventory: String?

    @Option(
        help: ArgumentHelp(
            "Only these hosts of the inventory: names, groups and globs separated by commas; '!' excludes, '&' keeps only "
                + "those that match as well.", valueName: "patterns"))
    package var limit: String?

    @Option(help: ArgumentHelp("How many hosts at once.", valueName: "n"))
    package var forks = 16

    @Option(help: ArgumentHelp("Seconds for a connection.", valueName: "n"))
    package var connectTimeout = 10

    @Option(
        name: .customLong("ssh-option"),
        help: ArgumentHelp("An option as in ssh_config(5); repeatable.", valueName: "name=value"))
    package var sshOptions: [String] = []

    @Option(
        name: .customLong("ssh-config"),
        help: ArgumentHelp("An ssh configuration in place of the user's.", valueName: "file"))
    package var sshConfiguration: String?

    package init() {}

    package func validate() throws {
        if !(1...1000).contains(forks) { throw ValidationError("--forks is \(forks) (must be >=1 and <=1000)") }
        if !(1...3600).contains(connectTimeout) {
            throw ValidationError("--connect-timeout is \(connectTimeout) (must be >=1 and <=3600 seconds)")
        }
        if limit != nil, inventory == nil { throw ValidationError("--limit needs an --inventory") }
    }

    /// The options of ssh(1).
    package var ssh: SSHOptions {
        SSHOptions(configuration: sshConfiguration, connectTimeout: connectTimeout, options: sshOptions)
    }

    /// The hosts with these addresses and those of the inventory, each once. All mistakes are reported at once.
    package func hosts(addresses: [String], diagnostics: inout Diagnostics) -> [RemoteHost] {
        HostList.load(addresses: addresses, inventory: inventory, limit: limit, diagnostics: &diagnostics)
    }
}
