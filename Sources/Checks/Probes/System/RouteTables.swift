import Glibc
import Platform

/// The policy rules and routes of the host (ip-rule(8), ip-route(8)), and the way that a packet of a user takes.
package struct RouteTables: Sendable, Hashable {
    /// A line of `ip rule show`.
    package struct Rule: Sendable, Hashable {
        var preference: Int
        var text: String
        var words: [String]
    }

    /// A line of `ip route show table all`.
    package struct Route: Sendable, Hashable {
        /// `unicast`, `local`, `blackhole`, `unreachable`, `prohibit`, `throw` …
        package var type: String
        var network: CIDR
        /// The name or number of its table.
        package var table: String
        /// The next router; nil where the destination is on the link.
        package var gateway: String?
        /// The interface.
        package var device: String?
        var metric: Int
        /// The line, without what only counts.
        package var text: String

        /// The arguments that name it to `ip route del`.
        package var selector: String {
            var words = type == "unicast" ? [] : [type]
            words.append(network.prefixLength == 0 ? "default" : "\(network)")
            if let gateway { words += ["via", gateway] }
            if let device, type == "unicast" { words += ["dev", device] }
            if table != "main" { words += ["table", table] }
            return words.joined(separator: " ")
        }
    }

    /// What becomes of a packet.
    package struct Decision: Sendable, Hashable {
        /// The route that it takes; nil without one, or when a rule ends its way.
        package var route: Route?
        /// The rule by which the route was found.
        package var rule: String
        /// The rule's preference.
        package var preference: Int
        /// `unicast`, `local`, `blackhole`, `unreachable`, `prohibit`, or `none`.
        package var type: String

        /// Whether packets leave the host, or reach something on it.
        package var isPassable: Bool { !["blackhole", "unreachable", "prohibit", "none"].contains(type) }
        /// Whether it is a rule beside the three of every host that decides.
        package var isByPolicy: Bool { ![0, 32766, 32767].contains(preference) }
    }

    /// The types that a line may begin with.
    static let types: Set = [
        "unicast", "local", "broadcast", "multicast", "throw", "unreachable", "prohibit", "blackhole", "nat", "anycast",
    ]
    private var rules: [Rule] = []
    private var routes: [String: [Route]] = [:]

    /// Reads the output of `ip -4 rule show` and `ip -4 -o route show table all`.
    package init(rules: [UInt8], routes: [UInt8]) {
        for line in Bytes.lines(rules) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                let preference = Bytes.decimal(Ascii.trimmed(line[..<colon]))
            else { continue }
            let text = Ascii.text(Ascii.trimmed(line[(colon + 1)...]))
            self.rules.append(
                Rule(
                    preference: Int(preference), text: text,
                    words: Ascii.words(line[(colon + 1)...]).map { Ascii.text($0) }))
        }
        for line in Bytes.lines(routes) {
            if let route = Self.route(Ascii.words(line[...]).map { Ascii.text($0) }) {
                self.routes[route.table, default: []].append(route)
            }
        }
    }

    private static func route(_ words: [String]) -> Route? {
        var rest = words[...]
        guard let first = rest.first else { return nil }
        let type = types.contains(first) ? first : "unicast"
        if types.contains(first) { rest = rest.dropFirst() }
        guard let target = rest.popFirst(),
            let network = target == "default"
                ? CIDR("0.0.0.0/0") : CIDR(target.utf8.contains(0x2f) ? target : target + "/32")
        else { return nil }
        func value(_ key: String) -> String? {
            rest.firstIndex(of: key).flatMap { $0 + 1 < rest.endIndex ? rest[$0 + 1] : nil }
        }
        let isDead = rest.contains("dead") || rest.contains("linkdown")
        return isDead
            ? nil
            : Route(
                type: type, network: network, table: value("table") ?? "main", gateway: value("via"),
                device: value("dev"), metric: value("metric").flatMap { Int($0) } ?? 0,
                text: words.joined(separator: " "))
    }

    /// The way of a packet of this host to an IPv4 address.
    ///
    /// Marks, types of service and sources are not looked at: a program's own packets have none of them before it chooses.
    package func decision(to address: IPAddress, user: UInt32, port: UInt16, transport: String = "tcp") -> Decision {
        var index = 0
        while index < rules.count {
            let rule = rules[index]
            index += 1
            guard Self.matches(rule, address, user, port, transport) else { continue }
            let words = rule.words
            func isAction(_ name: String) -> Bool { words.contains(name) }
            for type in ["blackhole", "unreachable", "prohibit"] where isAction(type) {
                return Decision(route: nil, rule: rule.text, preference: rule.preference, type: type)
            }
            if let place = words.firstIndex(of: "goto"), place + 1 < words.count, let target = Int(words[place + 1]) {
                index = rules.firstIndex { $0.preference >= target } ?? rules.count
                continue
            }
            guard let place = words.firstIndex(where: { $0 == "lookup" || $0 == "table" }), place + 1 < words.count
            else { continue }
            var found = best(in: words[place + 1], for: address)
            if let key = words.firstIndex(of: "suppress_prefixlength"), key + 1 < words.count,
                let length = Int(words[key + 1]), let route = found, route.network.prefixLength <= length
            {
                found = nil
            }
            guard let route = found, route.type != "throw" else { continue }
            return Decision(route: route, rule: rule.text, preference: rule.preference, type: route.type)
        }
        return Decision(route: nil, rule: "", preference: 32767, type: "none")
    }

    /// The route that would be taken if one were not there; nil when none is left that leads anywhere.
    package func alternative(to route: Route, for address: IPAddress) -> Route? {
        let others = (routes[route.table] ?? []).filter { $0 != route && $0.network.contains(address) }
        return others.filter { $0.type == "unicast" }.max { Self.isWorse($0, $1) }
    }

    /// The command that makes connections to an address ask for small packets.
    package func smallPackets(to address: IPAddress, user: UInt32, port: UInt16) -> String? {
        guard let route = decision(to: address, user: user, port: port).route, let device = route.device else {
            return nil
        }
        let gateway = route.gateway.map { " via \($0)" } ?? ""
        return "ip route replace \(address)/32\(gateway) dev \(device) advmss \(UserConnection.smallSegment)"
    }

    private func best(in table: String, for address: IPAddress) -> Route? {
        (routes[table] ?? []).filter { $0.network.contains(address) }.max { Self.isWorse($0, $1) }
    }

    private static func isWorse(_ left: Route, _ right: Route) -> Bool {
        (left.network.prefixLength, -left.metric) < (right.network.prefixLength, -right.metric)
    }

    private static func matches(
        _ rule: Rule, _ address: IPAddress, _ user: UInt32, _ port: UInt16, _ transport: String
    ) -> Bool {
        let words = rule.words
        var holds = true
        for (place, word) in words.enumerated() where place + 1 < words.count {
            let value = words[place + 1]
            switch word {
            case "from": if value != "all" { holds = false }
            case "to":
                let network =
                    value == "all" ? CIDR("0.0.0.0/0") : CIDR(value.utf8.contains(0x2f) ? value : value + "/32")
                if network?.contains(address) != true { holds = false }
            case "uidrange":
                let bounds = value.utf8.split(separator: UInt8(ascii: "-")).compactMap { Bytes.decimal($0) }
                if bounds.count != 2 || !(bounds[0]...max(bounds[0], bounds[1])).contains(Int64(user)) { holds = false }
            case "ipproto": if value != transport { holds = false }
            case "dport":
                let bounds = value.utf8.split(separator: UInt8(ascii: "-")).compactMap { Bytes.decimal($0) }
                if let first = bounds.first, let last = bounds.last {
                    if !(first...max(first, last)).contains(Int64(port)) { holds = false }
                }
            case "fwmark", "iif", "sport", "tos", "dsfield":
                if !(word == "iif" && value == "lo") { holds = false }
            case "oif": holds = false
            default: break
            }
        }
        return words.first == "not" ? !holds : holds
    }
}

extension Host {
    /// The rules and routes for IPv4, read once.
    package nonisolated func routeTables(for request: ProbeRequest) async throws(ProbeError) -> RouteTables {
        try requireThisMachine("read the routes")
        return try await fact("route-tables", since: request.since) { () async throws(ProbeError) in
            let limit = ContinuousClock.now + .seconds(5)
            let rules = try await Tool.run("ip", ["-4", "rule", "show"], until: limit)
            guard rules.status == 0 else { throw rules.failure("read the policy rules") }
            let routes = try await Tool.run("ip", ["-4", "-o", "route", "show", "table", "all"], until: limit)
            guard routes.status == 0 else { throw routes.failure("read the routes") }
            return RouteTables(rules: rules.output, routes: routes.output)
        }
    }

    /// The lines of `ip neigh show` of an address: who answers for it on the link, and whether anybody does.
    package nonisolated func neighbour(
        _ address: String, for request: ProbeRequest
    ) async throws(ProbeError) -> String? {
        let run = try await Tool.run("ip", ["-4", "neigh", "show", "to", address], until: .now + .seconds(3))
        guard run.status == 0 else { throw run.failure("look for the neighbour \(address)") }
        return Bytes.lines(run.output).first.map { Ascii.text(Ascii.trimmed($0[...])) }
    }
}
