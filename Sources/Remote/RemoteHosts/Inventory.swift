import Documents
import Files
import Platform

/// Hosts by name and group, as Ansible's inventories have them
/// (docs.ansible.com, "How to build your inventory").
///
/// Of the variables, those that say how a host is reached are understood: `ansible_host`, `ansible_port`,
/// `ansible_user`, `ansible_ssh_private_key_file`, `ansible_become`, and the older `ansible_ssh_` forms. All others are
/// Ansible's business.
public struct Inventory: Sendable {
    /// The hosts in the order of the file.
    public internal(set) var hosts: [RemoteHost] = []
    /// The groups with the names of their hosts, those of child groups included.
    public internal(set) var groups: [String: Set<String>] = [:]

    /// Bytes of an inventory file.
    public static let limit = 8 << 20
    /// Hosts of an inventory.
    static let hostLimit = 10_000

    /// Reads an inventory; YAML when the name ends in .yaml, .yml or .json, else INI. All problems are reported at once.
    public static func load(_ source: SourceText, diagnostics: inout Diagnostics) -> Inventory? {
        let before = diagnostics.errorCount
        var draft = InventoryDraft()
        let isYAML = [".yaml", ".yml", ".json"].contains { suffix in
            source.path.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
        }
        if isYAML {
            guard let node = YAMLLoader.load(source, diagnostics: &diagnostics) else { return nil }
            YAMLInventory.read(node, into: &draft, diagnostics: &diagnostics)
        } else {
            INIInventory.read(source, into: &draft, diagnostics: &diagnostics)
        }
        let inventory = draft.resolved(&diagnostics)
        if inventory.hosts.isEmpty, diagnostics.errorCount == before {
            diagnostics.error(
                "empty-inventory", "the inventory '\(source.path)' has no hosts", at: nil,
                help: "write one host per line, or groups as described in docs/meshcheck.md")
        }
        return diagnostics.errorCount == before ? inventory : nil
    }

    /// The hosts that match patterns as in Ansible's `--limit`: names, groups and globs, separated by commas; a
    /// pattern with `!` takes hosts away, one with `&` keeps only those that match it as well.
    ///
    /// - Returns: nil for a pattern that matches nothing, with its text in `unmatched`.
    public func hosts(limitedTo patterns: String, unmatched: inout [String]) -> [RemoteHost] {
        var selected: Set<String>?
        var excluded: Set<String> = []
        var required: [Set<String>] = []
        for part in patterns.utf8.split(separator: UInt8(ascii: ",")) {
            let text = String(decoding: part, as: UTF8.self).trimmingBlanks
            if text.isEmpty { continue }
            let first = text.utf8.first
            let isSpecial = first == UInt8(ascii: "!") || first == UInt8(ascii: "&")
            let pattern = isSpecial ? String(decoding: text.utf8.dropFirst(), as: UTF8.self) : text
            let names = matching(pattern)
            if names.isEmpty { unmatched.append(pattern) }
            if first == UInt8(ascii: "!") {
                excluded.formUnion(names)
            } else if first == UInt8(ascii: "&") {
                required.append(names)
            } else {
                selected = (selected ?? []).union(names)
            }
        }
        return hosts.filter { host in
            (selected?.contains(host.name) ?? true) && !excluded.contains(host.name)
                && required.allSatisfy { $0.contains(host.name) }
        }
    }

    private func matching(_ pattern: String) -> Set<String> {
        if pattern == "all" || pattern == "*" { return Set(hosts.map(\.name)) }
        var names: Set<String> = []
        for (group, members) in groups where Glob.matches(group, pattern) { names.formUnion(members) }
        for host in hosts where Glob.matches(host.name, pattern) { names.insert(host.name) }
        return names
    }
}

/// Patterns with `*` and `?`.
enum Glob {
    /// Whether the whole text matches; linear in the product of both lengths at worst.
    static func matches(_ text: String, _ pattern: String) -> Bool {
        let text = Array(text.utf8)
        let pattern = Array(pattern.utf8)
        var (index, place) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while index < text.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (place, index)
                place += 1
            } else if place < pattern.count, pattern[place] == text[index] || pattern[place] == UInt8(ascii: "?") {
                index += 1
                place += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                place = last.pattern + 1
                index = last.text + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}

extension String {
    /// Without blanks and tabs at both ends.
    var trimmingBlanks: String {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let bytes = Array(utf8)
        guard let start = bytes.firstIndex(where: { !isBlank($0) }), let end = bytes.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(decoding: bytes[start...end], as: UTF8.self)
    }
}

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

    /// Adds hosts to a group; a range stands for several.
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
        guard order.count + names.count <= Inventory.hostLimit else {
            diagnostics.error(
                "too-many-hosts", "the inventory has more than \(Inventory.hostLimit) hosts",
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

    /// The inventory: the closer a variable is to the host, the more it counts.
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
            let names = hosts(in: group)
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
            if let host = host(
                name, own, groups: groups, place: places[name] ?? nil, diagnostics: &diagnostics)
            {
                inventory.hosts.append(host)
            }
        }
        return inventory
    }

    private func host(
        _ name: String, _ variables: Variables, groups: [String], place: SourceRange?,
        diagnostics: inout Diagnostics
    ) -> RemoteHost? {
        func value(_ names: String...) -> Located<String>? { names.lazy.compactMap { variables[$0] }.first }
        if let connection = value("ansible_connection"), connection.value != "ssh", connection.value != "smart" {
            diagnostics.error(
                "connection", "the host '\(name)' is reached by '\(connection.value)' (must be ssh)",
                at: connection.range, help: "exclude it with --limit '!\(name)'")
            return nil
        }
        var port: UInt16?
        if let text = value("ansible_port", "ansible_ssh_port") {
            port = SSHAddress.port(text.value)
            if port == nil {
                diagnostics.error(
                    "port", "the port of '\(name)' is '\(text.value)' (must be a number from 1 to 65535)",
                    at: text.range)
                return nil
            }
        }
        let host = value("ansible_host", "ansible_ssh_host")
        let user = value("ansible_user", "ansible_ssh_user")
        guard let address = SSHAddress(host: host?.value ?? name, user: user?.value, port: port) else {
            diagnostics.error(
                "address",
                "the host '\(name)' has the address '\(host?.value ?? name)'"
                    + (user.map { " and the user '\($0.value)'" } ?? "")
                    + " (must be letters, digits and ._-:%, not beginning with '-')",
                at: host?.range ?? user?.range ?? place)
            return nil
        }
        let become = value("ansible_become").map { ["true", "yes", "on", "1"].contains($0.value.lowercased()) }
        return RemoteHost(
            name: name, address: address, identityFile: value("ansible_ssh_private_key_file")?.value,
            usesSudo: become ?? false, groups: groups)
    }

    private func checkChildren(_ diagnostics: inout Diagnostics) {
        for group in groupOrder {
            for child in children[group] ?? [] where !declared.contains(child.value) {
                let nearest = SpellingSuggestion.of(child.value, among: groupOrder)
                diagnostics.error(
                    "unknown-group", "the group '\(child.value)' is a child of '\(group)' and is not declared",
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

    private func hosts(in group: String) -> [String] {
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

/// Hosts by their addresses and from an inventory, each once.
public enum HostList {
    /// Reads addresses and an inventory. All mistakes are reported at once.
    ///
    /// - Parameters:
    ///   - addresses: `ssh://[user@]host[:port]` each.
    ///   - inventory: a file of Ansible, INI or YAML.
    ///   - limit: names and groups of the inventory, with Ansible's patterns; nil for all of it.
    /// - Returns: no host when the diagnostics hold an error.
    public static func load(
        addresses: [String], inventory: String?, limit: String?, diagnostics: inout Diagnostics
    ) -> [RemoteHost] {
        var hosts: [RemoteHost] = []
        for text in addresses {
            do throws(AddressError) {
                let address = try SSHAddress(text)
                hosts.append(RemoteHost(name: address.description, address: address))
            } catch {
                diagnostics.error("address", error.description, at: nil)
            }
        }
        if let inventory { hosts += load(inventory, limit, &diagnostics) }
        if diagnostics.hasErrors { return [] }
        var names: Set<String> = []
        return hosts.filter { names.insert($0.name).inserted }
    }

    private static func load(_ path: String, _ limit: String?, _ diagnostics: inout Diagnostics) -> [RemoteHost] {
        let source: SourceText
        do throws(FileError) {
            source = SourceText(path: path, bytes: try FileTree.readWhole(path, limit: Inventory.limit))
        } catch {
            diagnostics.error("inventory", error.description, at: nil)
            return []
        }
        guard let inventory = Inventory.load(source, diagnostics: &diagnostics) else { return [] }
        guard let limit else { return inventory.hosts }
        var unmatched: [String] = []
        let hosts = inventory.hosts(limitedTo: limit, unmatched: &unmatched)
        let names = inventory.hosts.map(\.name) + inventory.groups.keys
        for pattern in unmatched {
            diagnostics.error(
                "limit", "'\(pattern)' matches no host or group of '\(path)'", at: nil,
                help: SpellingSuggestion.of(pattern, among: names).map { "did you mean '\($0)'?" })
        }
        if hosts.isEmpty, unmatched.isEmpty {
            diagnostics.error("limit", "--limit '\(limit)' leaves no host of '\(path)'", at: nil)
        }
        return hosts
    }
}
