import Platform
import SpecLoading

/// Ansible's YAML inventories: groups with `hosts`, `vars` and `children`.
enum YAMLInventory {
    private static let keys = ["hosts", "vars", "children"]

    static func read(_ node: YAMLNode, into draft: inout InventoryDraft, diagnostics: inout Diagnostics) {
        guard case .mapping(let groups) = node.content else {
            diagnostics.error(
                "type", "the inventory is \(node.kindName) (must be a mapping of groups)", at: node.range)
            return
        }
        for pair in groups { read(group: pair, into: &draft, diagnostics: &diagnostics) }
    }

    private static func read(
        group pair: YAMLNode.Pair, into draft: inout InventoryDraft, diagnostics: inout Diagnostics
    ) {
        let group = pair.key.scalarText ?? ""
        guard MachineAddress.isSafe(group) else {
            diagnostics.error("group", "'\(group)' is no name of a group", at: pair.key.range)
            return
        }
        draft.declare(group: group)
        if pair.value.isNull { return }
        guard case .mapping(let members) = pair.value.content else {
            diagnostics.error(
                "type", "the group '\(group)' is \(pair.value.kindName) (must be a mapping)", at: pair.value.range)
            return
        }
        for member in members {
            let key = member.key.scalarText ?? ""
            if member.value.isNull, keys.contains(key) { continue }
            guard case .mapping(let pairs) = member.value.content else {
                diagnostics.error(
                    "type", "'\(key)' of '\(group)' is \(member.value.kindName) (must be a mapping)",
                    at: member.value.range ?? member.key.range)
                continue
            }
            switch key {
            case "hosts":
                for host in pairs { add(host, to: group, into: &draft, diagnostics: &diagnostics) }
            case "vars":
                draft.set(variables(pairs), ofGroup: group)
            case "children":
                for child in pairs {
                    draft.add(
                        child: Located(value: child.key.scalarText ?? "", range: child.key.range), to: group)
                    read(group: child, into: &draft, diagnostics: &diagnostics)
                }
            default:
                diagnostics.error(
                    "unknown-key", "unknown key '\(key)' of the group '\(group)' (must be hosts, vars or children)",
                    at: member.key.range, help: SpellingSuggestion.of(key, among: keys).map { "did you mean '\($0)'?" })
            }
        }
    }

    private static func add(
        _ pair: YAMLNode.Pair, to group: String, into draft: inout InventoryDraft, diagnostics: inout Diagnostics
    ) {
        let pattern = Located(value: pair.key.scalarText ?? "", range: pair.key.range)
        if pair.value.isNull {
            draft.add(pattern, to: group, variables: [:], diagnostics: &diagnostics)
            return
        }
        guard case .mapping(let pairs) = pair.value.content else {
            diagnostics.error(
                "type", "the machine '\(pattern.value)' is \(pair.value.kindName) (must be a mapping of variables)",
                at: pair.value.range, help: "write '\(pattern.value):' with nothing behind it")
            return
        }
        draft.add(pattern, to: group, variables: variables(pairs), diagnostics: &diagnostics)
    }

    /// Variables whose value is one text; lists and mappings are of no use to us.
    private static func variables(_ pairs: [YAMLNode.Pair]) -> InventoryDraft.Variables {
        var result: InventoryDraft.Variables = [:]
        for pair in pairs {
            guard let name = pair.key.scalarText, let text = pair.value.scalarText, !pair.value.isNull else { continue }
            result[name] = Located(value: text, range: pair.value.range)
        }
        return result
    }
}
