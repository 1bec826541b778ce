import Documents

/// Machines by name and group, as Ansible's inventories have them
/// (docs.ansible.com, "How to build your inventory").
///
/// Of the variables, those that say how a machine is reached are understood: `ansible_host`, `ansible_port`,
/// `ansible_user`, `ansible_ssh_private_key_file`, `ansible_become`, and the older `ansible_ssh_` forms. All others are
/// Ansible's business.
public struct Inventory: Sendable {
    /// The machines in the order of the file.
    public internal(set) var machines: [Machine] = []
    /// The groups with the names of their machines, those of child groups included.
    public internal(set) var groups: [String: Set<String>] = [:]

    /// Bytes of an inventory file.
    public static let limit = 8 << 20
    /// Machines of an inventory.
    static let machineLimit = 10_000

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
        if inventory.machines.isEmpty, diagnostics.errorCount == before {
            diagnostics.error(
                "empty-inventory", "the inventory '\(source.path)' has no machines", at: nil,
                help: "write one host per line, or groups as described in docs/meshcheck.md")
        }
        return diagnostics.errorCount == before ? inventory : nil
    }

    /// The machines that match patterns as of Ansible's `--limit`: names, groups and globs, separated by commas; a
    /// pattern with `!` takes machines away, one with `&` keeps only those that match it as well.
    ///
    /// - Returns: nil for a pattern that matches nothing, with its text in `unmatched`.
    public func machines(limitedTo patterns: String, unmatched: inout [String]) -> [Machine] {
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
        return machines.filter { machine in
            (selected?.contains(machine.name) ?? true) && !excluded.contains(machine.name)
                && required.allSatisfy { $0.contains(machine.name) }
        }
    }

    private func matching(_ pattern: String) -> Set<String> {
        if pattern == "all" || pattern == "*" { return Set(machines.map(\.name)) }
        var names: Set<String> = []
        for (group, members) in groups where Glob.matches(group, pattern) { names.formUnion(members) }
        for machine in machines where Glob.matches(machine.name, pattern) { names.insert(machine.name) }
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
