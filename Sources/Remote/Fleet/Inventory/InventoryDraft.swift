import Platform
import Documents

/// An inventory while it is read: what each line says, before groups are put together.
struct InventoryDraft {
    /// A variable with its place.
    typealias Variables = [String: Located<String>]

    private(set) var order: [String] = []
    private var hostVariables: [String: Variables] = [:]
    private var places: [String: SourceRange?] = [:]
    private(set) var groupOrder: [String] = []
    private var groupVariables: [String: Variables] = [:]
    private var members: [String: [String]] = [:]
    private var children: [String: [Located<String>]] = [:]
    /// Groups that were declared, not only named as a child.
    private var declared: Set<String> = []

    mutating func declare(group: String) {
        if declared.insert(group).inserted { groupOrder.append(group) }
    }

    /// Adds machines to a group; a range stands for several.
    mutating func add(
        _ pattern: Located<String>, to group: String?, variables: Variables, diagnostics: inout Diagnostics
    ) {
        let names: [String]
        do throws(HostRange.Problem) {
            names = try HostRange.expand(pattern.value)
        } catch {
            diagnostics.error(
                "host-range", "the range in '\(pattern.value)' cannot be read: expected \(error.expected)",
                at: pattern.range)
            return
        }
        guard order.count + names.count <= Inventory.machineLimit else {
            diagnostics.error(
                "too-many-machines", "the inventory has more than \(Inventory.machineLimit) machines",
                at: pattern.range)
            return
        }
        for name in names {
            if hostVariables[name] == nil {
                order.append(name)
                hostVariables[name] = [:]
                places[name] = pattern.range
            }
            hostVariables[name, default: [:]].merge(variables) { $1 }
            if let group { members[group, default: []].append(name) }
        }
    }

    mutating func set(_ variables: Variables, ofGroup group: String) {
        groupVariables[group, default: [:]].merge(variables) { $1 }
    }

    mutating func add(child: Located<String>, to group: String) { children[group, default: []].append(child) }

    /// The inventory: the closer a variable is to the machine, the more it counts.
    func resolved(_ diagnostics: inout Diagnostics) -> Inventory {
        checkChildren(&diagnostics)
        var inventory = Inventory()
        var variables: [String: Variables] = [:]
        var memberships: [String: [String]] = [:]
        for name in order { variables[name] = groupVariables["all"] ?? [:] }
        // From the top down, so that a child's variables overwrite its parent's.
        let depths = depths()
        let groups = groupOrder.enumerated().sorted { left, right in
            let (one, other) = (depths[left.element] ?? 0, depths[right.element] ?? 0)
            return one == other ? left.offset < right.offset : one < other
        }.map(\.element)
        for group in groups where group != "all" {
            let names = machines(in: group)
            inventory.groups[group] = Set(names)
            for name in names {
                variables[name, default: [:]].merge(groupVariables[group] ?? [:]) { $1 }
                memberships[name, default: []].append(group)
            }
        }
        inventory.groups["all"] = Set(order)
        for name in order {
            let own = (variables[name] ?? [:]).merging(hostVariables[name] ?? [:]) { $1 }
            let groups = memberships[name] ?? []
            if let machine = machine(
                name, own, groups: groups, place: places[name] ?? nil, diagnostics: &diagnostics)
            {
                inventory.machines.append(machine)
            }
        }
        return inventory
    }

    private func machine(
        _ name: String, _ variables: Variables, groups: [String], place: SourceRange?,
        diagnostics: inout Diagnostics
    ) -> Machine? {
        func value(_ names: String...) -> Located<String>? { names.lazy.compactMap { variables[$0] }.first }
        if let connection = value("ansible_connection"), connection.value != "ssh", connection.value != "smart" {
            diagnostics.error(
                "connection", "the machine '\(name)' is reached by '\(connection.value)' (must be ssh)",
                at: connection.range, help: "leave it out with --limit '!\(name)'")
            return nil
        }
        var port: UInt16?
        if let text = value("ansible_port", "ansible_ssh_port") {
            port = MachineAddress.port(text.value)
            if port == nil {
                diagnostics.error(
                    "port", "the port of '\(name)' is '\(text.value)' (must be a number from 1 to 65535)",
                    at: text.range)
                return nil
            }
        }
        let host = value("ansible_host", "ansible_ssh_host")
        let user = value("ansible_user", "ansible_ssh_user")
        guard let address = MachineAddress(host: host?.value ?? name, user: user?.value, port: port) else {
            diagnostics.error(
                "address",
                "the machine '\(name)' has the address '\(host?.value ?? name)'"
                    + (user.map { " and the user '\($0.value)'" } ?? "")
                    + " (must be letters, digits and ._-:%, not beginning with '-')",
                at: host?.range ?? user?.range ?? place)
            return nil
        }
        let become = value("ansible_become").map { ["true", "yes", "on", "1"].contains($0.value.lowercased()) }
        return Machine(
            name: name, address: address, identityFile: value("ansible_ssh_private_key_file")?.value,
            usesSudo: become ?? false, groups: groups)
    }

    private func checkChildren(_ diagnostics: inout Diagnostics) {
        for group in groupOrder {
            for child in children[group] ?? [] where !declared.contains(child.value) {
                let nearest = SpellingSuggestion.of(child.value, among: groupOrder)
                diagnostics.error(
                    "unknown-group", "the group '\(child.value)' is a child of '\(group)' and is nowhere declared",
                    at: child.range, help: nearest.map { "did you mean '\($0)'?" })
            }
        }
        var state: [String: Bool] = [:]
        for group in groupOrder {
            if let cycle = cycle(from: group, state: &state, path: []) {
                diagnostics.error(
                    "group-cycle", "groups contain each other: \(cycle.map(\.value).joined(separator: " > "))",
                    at: cycle.last?.range)
                return
            }
        }
    }

    /// A way from a group back to itself. In `state` false stands for being looked at, true for done.
    private func cycle(
        from group: String, state: inout [String: Bool], path: [Located<String>]
    ) -> [Located<String>]? {
        if state[group] == true { return nil }
        if state[group] == false { return path }
        state[group] = false
        // Deeper than anybody nests groups; a chain of thousands would only exhaust the stack.
        guard path.count < 200 else { return path }
        for child in children[group] ?? [] {
            if let cycle = cycle(from: child.value, state: &state, path: path + [child]) { return cycle }
        }
        state[group] = true
        return nil
    }

    private func depths() -> [String: Int] {
        var depths: [String: Int] = [:]
        // A group is deeper than every parent; there are at most as many levels as groups.
        for _ in 0..<min(groupOrder.count, 200) {
            var hasChanged = false
            for group in groupOrder {
                for child in children[group] ?? [] {
                    let depth = min((depths[group] ?? 0) + 1, 200)
                    if depth > depths[child.value] ?? 0 {
                        depths[child.value] = depth
                        hasChanged = true
                    }
                }
            }
            if !hasChanged { break }
        }
        return depths
    }

    private func machines(in group: String) -> [String] {
        var seen: Set<String> = []
        var pending = [group]
        var names: Set<String> = []
        while let next = pending.popLast() {
            guard seen.insert(next).inserted else { continue }
            names.formUnion(members[next] ?? [])
            pending += (children[next] ?? []).map(\.value)
        }
        return order.filter(names.contains)
    }
}
