import Documents

/// Ansible's YAML inventories: groups with `hosts`, `vars` and `children`.
enum YAMLInventory {
    /// Names with what stands after them.
    private typealias Entries<Value> = [(name: Located<String>, value: Value)]

    private struct Group: Sendable {
        var hosts: Entries<Entries<YAMLNode>?>?
        var variables: Entries<YAMLNode>?
        var children: Entries<Group?>?
    }

    private static let variables: Shape<Entries<YAMLNode>> = .entries(of: .node)

    private static let group: Shape<Group> = .object("group", "A group of machines.", as: Group.init) {
        optional(
            "hosts", .nullable(.entries(of: .nullable(variables))), default: nil, "Its machines with their variables.")
        optional("vars", .nullable(variables), default: nil, "Variables of all of its machines.")
        optional(
            "children", .nullable(.entries(of: .nullable(.named("group") { group }))), default: nil, "Groups in it.")
    }

    private static let groups: Shape<Entries<Group?>> = .entries(of: .nullable(group))

    static func read(_ node: YAMLNode, into draft: inout InventoryDraft, diagnostics: inout Diagnostics) {
        for (name, group) in groups.decode(node, &diagnostics) ?? [] {
            add(group, named: name, into: &draft, diagnostics: &diagnostics)
        }
    }

    private static func add(
        _ group: Group?, named name: Located<String>, into draft: inout InventoryDraft, diagnostics: inout Diagnostics
    ) {
        guard MachineAddress.isSafe(name.value) else {
            diagnostics.error("group", "'\(name.value)' is not a name for a group", at: name.range)
            return
        }
        draft.declare(group: name.value)
        for (host, values) in group?.hosts ?? [] {
            draft.add(host, to: name.value, variables: texts(values ?? []), diagnostics: &diagnostics)
        }
        if let variables = group?.variables { draft.set(texts(variables), ofGroup: name.value) }
        for (child, inner) in group?.children ?? [] {
            draft.add(child: child, to: name.value)
            add(inner, named: child, into: &draft, diagnostics: &diagnostics)
        }
    }

    /// Variables whose value is one text; lists and mappings are of no use to us.
    private static func texts(_ variables: Entries<YAMLNode>) -> InventoryDraft.Variables {
        var result: InventoryDraft.Variables = [:]
        for (name, node) in variables where !node.isNull {
            if let text = node.scalarText { result[name.value] = Located(value: text, range: node.range) }
        }
        return result
    }
}
