import Files
import Platform
import Documents

/// Machines by their addresses and from an inventory, each once.
public enum MachineList {
    /// Reads addresses and an inventory. All mistakes are reported at once.
    ///
    /// - Parameters:
    ///   - addresses: `ssh://[user@]host[:port]` each.
    ///   - inventory: a file of Ansible, INI or YAML.
    ///   - limit: names and groups of the inventory, with Ansible's patterns; nil for all of it.
    /// - Returns: no machine when the diagnostics hold an error.
    public static func load(
        addresses: [String], inventory: String?, limit: String?, diagnostics: inout Diagnostics
    ) -> [Machine] {
        var machines: [Machine] = []
        for text in addresses {
            do throws(AddressError) {
                let address = try MachineAddress(text)
                machines.append(Machine(name: address.description, address: address))
            } catch {
                diagnostics.error("address", error.description, at: nil)
            }
        }
        if let inventory { machines += load(inventory, limit, &diagnostics) }
        if diagnostics.hasErrors { return [] }
        var names: Set<String> = []
        return machines.filter { names.insert($0.name).inserted }
    }

    private static func load(_ path: String, _ limit: String?, _ diagnostics: inout Diagnostics) -> [Machine] {
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
        let names = inventory.machines.map(\.name) + inventory.groups.keys
        for pattern in unmatched {
            diagnostics.error(
                "limit", "'\(pattern)' matches no machine or group of '\(path)'", at: nil,
                help: SpellingSuggestion.of(pattern, among: names).map { "did you mean '\($0)'?" })
        }
        if machines.isEmpty, unmatched.isEmpty {
            diagnostics.error("limit", "--limit '\(limit)' leaves no machine of '\(path)'", at: nil)
        }
        return machines
    }
}
