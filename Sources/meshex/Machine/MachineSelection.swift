import ArgumentParser
import Files
import Fleet
import SpecLoading

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
        var machines: [Machine] = []
        for host in hosts {
            let text = host.utf8.starts(with: "ssh://".utf8) ? host : "ssh://" + host
            do throws(AddressError) {
                let address = try MachineAddress(text)
                machines.append(Machine(name: address.description, address: address))
            } catch {
                diagnostics.error("host", error.description, at: nil)
            }
        }
        if let inventory { machines += load(inventory, &diagnostics) }
        if diagnostics.hasErrors {
            throw Failure(status: 2, text: DiagnosticRenderer.text(diagnostics, color: false)).exit
        }
        var names: Set<String> = []
        return machines.filter { names.insert($0.name).inserted }
    }

    private func load(_ path: String, _ diagnostics: inout Diagnostics) -> [Machine] {
        let source: SourceText
        do throws(FileError) {
            source = SourceText(path: path, bytes: try FileTree.readWhole(path, limit: Inventory.limit))
        } catch {
            diagnostics.error("inventory", error.description, at: nil)
            return []
        }
        guard let inventory = Inventory.load(source, diagnostics: &diagnostics) else { return [] }
        guard let limit else { return inventory.machines }
        var unmatched: [String] = []
        let machines = inventory.machines(limitedTo: limit, unmatched: &unmatched)
        for pattern in unmatched {
            diagnostics.error("limit", "'\(pattern)' matches no machine or group of '\(path)'", at: nil)
        }
        if machines.isEmpty, unmatched.isEmpty {
            diagnostics.error("limit", "--limit '\(limit)' leaves no machine of '\(path)'", at: nil)
        }
        return machines
    }
}
