import Platform
import Probes

/// The chains of nftables that are nobody's but their own: those that iptables keeps there are looked at by iptables.
struct NftRuleset: Sendable {
    private struct Chain: Sendable {
        var family: String
        var table: String
        var name: String
        var hook: String?
        var priority: Int64
        var policy: String?
        var rules: [(handle: Int64, expressions: [Value])] = []
        var key: String { "\(family) \(table) \(name)" }
    }

    private var chains: [Chain] = []
    /// The elements of sets by their tables and names.
    private var sets: [String: Value] = [:]
    /// Rules of the family arp, as they are printed, by their chains.
    private var arpRules: [(chain: String, text: String, handle: String)] = []
    /// The text of a rule by its chain and handle, as `nft -a list ruleset` shows it.
    private var texts: [String: String] = [:]

    /// Reads `nft -j list ruleset` and `nft -a list ruleset`.
    init(json: [UInt8], text: [UInt8]) throws(ProbeError) {
        let document = try JSONReader.read(json, of: "nft")
        for item in document["nftables"]?.items ?? [] {
            if let chain = item["chain"], let family = chain["family"]?.asText, let table = chain["table"]?.asText,
                let name = chain["name"]?.asText, ["ip", "inet", "netdev"].contains(family),
                !Self.isOfIptables(family, table)
            {
                chains.append(
                    Chain(
                        family: family, table: table, name: name, hook: chain["hook"]?.asText,
                        priority: Self.number(chain["prio"]) ?? 0, policy: chain["policy"]?.asText))
            } else if let rule = item["rule"], let family = rule["family"]?.asText, let table = rule["table"]?.asText,
                let name = rule["chain"]?.asText, let handle = Self.number(rule["handle"]),
                let place = chains.firstIndex(where: { $0.key == "\(family) \(table) \(name)" })
            {
                chains[place].rules.append((handle, rule["expr"]?.items ?? []))
            } else if let set = item["set"], let family = set["family"]?.asText, let table = set["table"]?.asText,
                let name = set["name"]?.asText
            {
                sets["\(family) \(table) @\(name)"] = set["elem"] ?? .list([])
            }
        }
        readTexts(text)
    }

    private mutating func readTexts(_ text: [UInt8]) {
        var table = ""
        var chain = ""
        for line in Bytes.lines(text) {
            let words = Ascii.words(line[...]).map { Ascii.text($0) }
            if words.first == "table", words.count > 2 { table = "\(words[1]) \(words[2])" }
            if words.first == "chain", words.count > 1 { chain = words[1] }
            guard words.count > 3, words[words.count - 2] == "handle", words[words.count - 3] == "#" else { continue }
            let rule = words.dropLast(3).joined(separator: " ")
            texts["\(table) \(chain) \(words[words.count - 1])"] = rule
            if table.startsBytewise("arp ") { arpRules.append(("\(table) \(chain)", rule, words[words.count - 1])) }
        }
    }

    /// The rule that keeps questions for the link-layer address of a neighbour on this host, or their answers from it.
    func arpRule(for address: String) -> FilterObstacle? {
        for rule in arpRules where rule.text.containsBytewise("drop") {
            let words = Ascii.words(Array(rule.text.utf8)[...]).map { Ascii.text($0) }
            let names = words.contains { $0 == address }
            // Without an address it is about all.
            guard names || !words.contains("ip") else { continue }
            return FilterObstacle(
                text: "nft \(rule.chain): \(rule.text)", undo: "nft delete rule \(rule.chain) handle \(rule.handle)",
                isCertain: true)
        }
        return nil
    }

    /// The rules as they are printed.
    var ruleTexts: [String] { Array(texts.values) }

    /// Tables that iptables-nft(8) has made: its chains are in capitals and belong to `ip`.
    private static func isOfIptables(_ family: String, _ table: String) -> Bool {
        family == "ip" && ["filter", "nat", "mangle", "raw", "security"].contains(table)
    }

    private static func number(_ value: Value?) -> Int64? {
        if case .integer(let number)? = value { number } else { nil }
    }

    /// The rule that stops a packet on its way through the hooks.
    ///
    /// - Parameter priorities: those of the chains of the output hook that see it.
    func obstacle(
        hooks: [String], priorities: ClosedRange<Int64> = .min ... .max, to packet: FilteredPacket
    ) -> FilterObstacle? {
        var possible: FilterObstacle?
        func isOnTheWay(_ chain: Chain) -> Bool {
            hooks.contains(chain.hook ?? "") && (chain.hook != "output" || priorities.contains(chain.priority))
        }
        for chain in chains.filter(isOnTheWay).sorted(by: { $0.priority < $1.priority }) {
            switch walk(chain, packet, depth: 0) {
            case .stopped(let obstacle):
                if obstacle.isCertain { return obstacle }
                possible = possible ?? obstacle
            case .accepted: continue
            case .returned where chain.policy == "drop":
                return FilterObstacle(
                    text: "nft: chain \(chain.key) has policy drop", undo: exemption(for: packet, in: chain),
                    isCertain: true)
            case .returned: continue
            }
        }
        return possible
    }

    private enum End { case accepted, stopped(FilterObstacle), returned }

    private func walk(_ chain: Chain, _ packet: FilteredPacket, depth: Int) -> End {
        guard depth < 16 else { return .returned }
        var possible: FilterObstacle?
        // A map whose verdict cannot be told may have let the packet through.
        var isClear = true
        func stopped(_ obstacle: FilterObstacle) -> End? {
            var obstacle = obstacle
            obstacle.isCertain = obstacle.isCertain && isClear
            if obstacle.isCertain { return .stopped(obstacle) }
            possible = possible ?? obstacle
            return nil
        }
        for rule in chain.rules {
            var match = FilterMatch.yes
            var isAboutUs = false
            for expression in rule.expressions {
                if let condition = expression["match"] {
                    match = match && holds(condition, packet, chain)
                    isAboutUs = isAboutUs || Self.isSpecific(condition)
                }
                guard match != .no else { break }
                var verdict = expression
                if let map = expression["vmap"] {
                    guard let found = Self.verdict(of: map, packet) else {
                        isClear = false
                        continue
                    }
                    verdict = found
                }
                if Self.stops(verdict, packet) {
                    let words = texts["\(chain.key) \(rule.handle)"] ?? "handle \(rule.handle)"
                    let end = stopped(
                        FilterObstacle(
                            text: "nft \(chain.key): \(words)",
                            undo: isAboutUs
                                ? "nft delete rule \(chain.key) handle \(rule.handle)"
                                : exemption(for: packet, in: chain),
                            isCertain: match == .yes))
                    if let end { return end }
                }
                if verdict["accept"] != nil, match == .yes { return possible.map { .stopped($0) } ?? .accepted }
                if verdict["return"] != nil, match == .yes { return possible.map { .stopped($0) } ?? .returned }
                if let target = (verdict["jump"] ?? verdict["goto"])?["target"]?.asText,
                    let next = chains.first(where: { $0.key == "\(chain.family) \(chain.table) \(target)" })
                {
                    switch walk(next, packet, depth: depth + 1) {
                    case .stopped(var obstacle):
                        obstacle.isCertain = obstacle.isCertain && match == .yes
                        if let end = stopped(obstacle) { return end }
                    case .accepted: if match == .yes { return .accepted }
                    case .returned: if match == .yes, verdict["goto"] != nil { return .returned }
                    }
                }
            }
        }
        if let possible { return .stopped(possible) }
        return isClear ? .returned : .accepted
    }

    /// Whether an expression keeps a packet from where it is to go.
    private static func stops(_ expression: Value, _ packet: FilteredPacket) -> Bool {
        if ["drop", "reject", "queue"].contains(where: { expression[$0] != nil }) { return true }
        // Addresses are changed by the first packet of a connection alone.
        if packet.isLater { return false }
        if ["dnat", "redirect"].contains(where: { expression[$0] != nil }) { return true }
        if expression["notrack"] != nil { return packet.redirectedTo != nil }
        guard let address = expression["snat"]?["addr"]?.asText.flatMap({ IPAddress($0) }),
            !packet.ownAddresses.isEmpty
        else { return false }
        return !packet.ownAddresses.contains(address)
    }

    /// What a map of the states of connection tracking says of a packet, as an expression; nil for any other map.
    private static func verdict(of map: Value, _ packet: FilteredPacket) -> Value? {
        guard map["key"]?["ct"]?["key"]?.asText == "state", let entries = map["data"]?["set"]?.items else { return nil }
        let state = Ascii.text(Ascii.lowercased(packet.state))
        return entries.first { $0.items.first?.asText == state }.map { $0.items.last ?? .null } ?? .null
    }

    /// What the rules of the output hook mark a packet with.
    func mark(of packet: FilteredPacket) -> (mark: UInt32, rule: String)? {
        for chain in chains where chain.hook == "output" {
            for rule in chain.rules {
                let conditions = rule.expressions.compactMap { $0["match"] }
                guard conditions.allSatisfy({ holds($0, packet, chain) == .yes }) else { continue }
                for change in rule.expressions.compactMap({ $0["mangle"] })
                where change["key"]?["meta"]?["key"]?.asText == "mark" {
                    guard let value = Self.number(change["value"]) else { continue }
                    let words = texts["\(chain.key) \(rule.handle)"] ?? "handle \(rule.handle)"
                    return (UInt32(truncatingIfNeeded: value), "nft \(chain.key): \(words)")
                }
            }
        }
        return nil
    }

    private func exemption(for packet: FilteredPacket, in chain: Chain) -> String {
        let (field, port) = packet.direction == .answer ? ("saddr", "sport") : ("daddr", "dport")
        let peer = packet.direction == .input ? "" : packet.peer.map { " ip \(field) \($0)" } ?? ""
        return "nft insert rule \(chain.key)\(peer) \(packet.transport) \(port) \(packet.port) accept"
    }

    private static func isSpecific(_ condition: Value) -> Bool {
        let left = condition["left"]
        let field = left?["payload"]?["field"]?.asText ?? left?["meta"]?["key"]?.asText ?? ""
        return condition["op"]?.asText != "!="
            && ["daddr", "saddr", "dport", "sport", "skuid", "skgid"].contains(field)
            // A set is somebody's list: the rule is about the others in it as well.
            && condition["right"]?.asText?.startsBytewise("@") != true
    }

    private func holds(_ condition: Value, _ packet: FilteredPacket, _ chain: Chain) -> FilterMatch {
        let right = condition["right"] ?? .null
        guard let name = right.asText, let set = sets["\(chain.family) \(chain.table) \(name)"] else {
            return Self.holds(condition, right, packet)
        }
        return Self.holds(condition, set, packet)
    }

    private static func holds(_ condition: Value, _ right: Value, _ packet: FilteredPacket) -> FilterMatch {
        let left = condition["left"]
        var match = FilterMatch.maybe
        if let field = left?["payload"]?["field"]?.asText, let layer = left?["payload"]?["protocol"]?.asText {
            switch (layer, field) {
            case ("ip", "daddr"): match = address(right, packet.direction == .output ? packet.peer : packet.local)
            case ("ip", "saddr"):
                // Texts are single addresses; networks have a prefix, and ranges their ends.
                let areHosts = items(right).allSatisfy { $0.asText.map { !$0.startsBytewise("@") } ?? false }
                match =
                    packet.isOfAnybody && areHosts
                    ? .no : address(right, packet.direction == .output ? packet.local : packet.peer)
            case ("ip", "protocol"): match = texts(right).map { FilterMatch($0.contains(packet.transport)) } ?? .maybe
            case ("tcp", "dport"), ("udp", "dport"), ("th", "dport"):
                if layer != "th", layer != packet.transport {
                    match = .no
                } else if packet.direction != .answer {
                    match = number(right, Int64(packet.port))
                }
            case ("tcp", "sport"), ("udp", "sport"), ("th", "sport"):
                if layer != "th", layer != packet.transport {
                    match = .no
                } else if packet.direction == .answer {
                    match = number(right, Int64(packet.port))
                }
            default: break
            }
        } else if let key = left?["meta"]?["key"]?.asText {
            switch key {
            case "skuid":
                guard let user = packet.user else { break }
                match = number(right, Int64(user))
                if match != .yes, let names = texts(right), let name = packet.userName {
                    match = FilterMatch(names.contains(name))
                }
            case "skgid": if let group = packet.group { match = number(right, Int64(group)) }
            case "l4proto": match = texts(right).map { FilterMatch($0.contains(packet.transport)) } ?? .maybe
            case "oifname", "oif":
                if packet.direction == .output, let name = packet.interface {
                    match = texts(right).map { FilterMatch($0.contains(name)) } ?? .maybe
                }
            case "iifname", "iif":
                if packet.direction != .output, let name = packet.interface {
                    match = texts(right).map { FilterMatch($0.contains(name)) } ?? .maybe
                }
            default: break
            }
        } else if left?["socket"]?["key"]?.asText == "cgroupv2" {
            if let path = right.asText { match = packet.isSent(fromGroup: path) }
        } else if left?["ct"]?["key"]?.asText == "state" {
            let wanted = Ascii.text(Ascii.lowercased(packet.state))
            match = texts(right).map { FilterMatch($0.contains(wanted)) } ?? .maybe
        } else if left?["payload"]?["field"]?.asText == "length" || left?["meta"]?["key"]?.asText == "length" {
            match = packet.isEmpty ? number(right, 60) : .maybe
        }
        return condition["op"]?.asText == "!=" ? !match : match
    }

    private static func items(_ value: Value) -> [Value] {
        if let set = value["set"] { return set.items.flatMap { items($0) } }
        if case .list(let list) = value { return list }
        return [value]
    }

    private static func texts(_ value: Value) -> [String]? {
        let texts = items(value).compactMap(\.asText)
        return texts.isEmpty || texts.contains { $0.startsBytewise("@") } ? nil : texts
    }

    private static func address(_ value: Value, _ address: IPAddress?) -> FilterMatch {
        guard let address else { return .maybe }
        var result = FilterMatch.no
        for item in items(value) {
            var network: CIDR?
            if let text = item.asText {
                network = CIDR(text.utf8.contains(UInt8(ascii: "/")) ? text : text + "/32")
            } else if let prefix = item["prefix"], let base = prefix["addr"]?.asText, let length = number(prefix["len"])
            {
                network = CIDR("\(base)/\(length)")
            } else if let range = item["range"]?.items, range.count == 2,
                let first = range[0].asText.flatMap({ IPAddress($0) }),
                let last = range[1].asText.flatMap({ IPAddress($0) })
            {
                if first <= address, address <= last { return .yes }
                continue
            }
            guard let network else {
                result = .maybe
                continue
            }
            if network.contains(address) { return .yes }
        }
        return result
    }

    private static func number(_ value: Value, _ wanted: Int64) -> FilterMatch {
        var result = FilterMatch.no
        for item in items(value) {
            if let number = number(item) {
                if number == wanted { return .yes }
            } else if let range = item["range"]?.items, range.count == 2, let first = number(range[0]),
                let last = number(range[1])
            {
                if (first...max(first, last)).contains(wanted) { return .yes }
            } else {
                result = .maybe
            }
        }
        return result
    }
}
