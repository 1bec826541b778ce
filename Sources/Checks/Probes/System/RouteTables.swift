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
        /// The address that packets get from it; nil leaves the choice to the kernel.
        package var source: IPAddress?
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
        /// The address that the packet comes from; nil when none can be told.
        package var source: IPAddress?

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
                device: value("dev"), source: value("src").flatMap { IPAddress($0) },
                metric: value("metric").flatMap { Int($0) } ?? 0,
                text: words.joined(separator: " "))
    }

    /// What rules and routes can tell of a packet.
    private struct Packet {
        var destination: IPAddress
        var source: IPAddress?
        var user: UInt32
        var port: UInt16?
        var sourcePort: UInt16?
        var transport: String
        var mark: UInt32 = 0
    }

    /// The way of a packet of this host to an IPv4 address.
    ///
    /// A socket without an address gets one by its first look-up, and is looked up again with it, as the kernel does.
    ///
    /// - Parameter mark: what the packet filter has marked it with.
    package func decision(
        to address: IPAddress, user: UInt32, port: UInt16, transport: String = "tcp", mark: UInt32 = 0
    ) -> Decision {
        var packet = Packet(destination: address, user: user, port: port, transport: transport, mark: mark)
        let first = way(of: packet)
        guard first.isPassable, let source = source(of: first, to: address) else { return first }
        packet.source = source
        var second = way(of: packet)
        second.source = source
        return second
    }

    /// The way that an answer would go back if this host sent it: what the kernel compares with where one comes in
    /// (`rp_filter`).
    package func reverse(of address: IPAddress, source: IPAddress, port: UInt16, transport: String) -> Decision {
        way(
            of: Packet(
                destination: address, source: source, user: 0, port: nil, sourcePort: port, transport: transport))
    }

    private func way(of packet: Packet) -> Decision {
        var index = 0
        while index < rules.count {
            let rule = rules[index]
            index += 1
            guard Self.matches(rule, packet) else { continue }
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
            var found = best(in: words[place + 1], for: packet.destination)
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

    /// The address that the kernel gives to packets of a route: its own `src`, else that of the interface in the network
    /// of the next hop.
    private func source(of decision: Decision, to address: IPAddress) -> IPAddress? {
        guard let route = decision.route else { return nil }
        if let source = route.source { return source }
        let next = route.gateway.flatMap { IPAddress($0) } ?? address
        let links = routes.values.joined().filter {
            $0.type == "unicast" && $0.device == route.device && $0.source != nil
                && $0.text.containsBytewise("proto kernel")
        }
        return (links.first { $0.network.contains(next) } ?? links.first)?.source
    }

    /// The addresses that are an interface's own.
    package func addresses(of device: String) -> Set<IPAddress> {
        Set(
            (routes["local"] ?? []).filter { $0.type == "local" && $0.device == device }
                .compactMap { $0.network.prefixLength == 32 ? $0.network.network : $0.source })
    }

    /// The interfaces that have a network, beside the loopback interface.
    package var devices: [String] {
        Set(
            routes.values.joined().compactMap { route in
                route.text.containsBytewise("proto kernel") ? route.device : nil
            }
        ).filter { $0 != "lo" }.sorted()
    }

    /// The route that would be taken if one were not there; nil when none is left that leads anywhere.
    package func alternative(to route: Route, for address: IPAddress) -> Route? {
        let others = (routes[route.table] ?? []).filter { $0 != route && $0.network.contains(address) }
        return others.filter { $0.type == "unicast" }.max { Self.isWorse($0, $1) }
    }

    /// The route of the main table to an address.
    package func mainRoute(to address: IPAddress) -> Route? { best(in: "main", for: address) }

    /// The command that makes connections to an address ask for small packets.
    package func smallPackets(to address: IPAddress, user: UInt32, port: UInt16) -> String? {
        guard let route = decision(to: address, user: user, port: port).route, let device = route.device else {
            return nil
        }
        let gateway = route.gateway.map { " via \($0)" } ?? ""
        return "ip route replace \(address)/32\(gateway) dev \(device) advmss \(UserConnection.smallSegment)"
    }

    /// The command that makes packets to an address small on their way out and back.
    func smallPathCommand(to address: IPAddress, port: UInt16) -> String? {
        guard let route = decision(to: address, user: 0, port: port).route, let device = route.device else {
            return nil
        }
        let gateway = route.gateway.map { " via \($0)" } ?? ""
        return "ip route replace \(address)/32\(gateway) dev \(device) mtu 576"
    }

    private func best(in table: String, for address: IPAddress) -> Route? {
        (routes[table] ?? []).filter { $0.network.contains(address) }.max { Self.isWorse($0, $1) }
    }

    private static func isWorse(_ left: Route, _ right: Route) -> Bool {
        (left.network.prefixLength, -left.metric) < (right.network.prefixLength, -right.metric)
    }

    private static func matches(_ rule: Rule, _ packet: Packet) -> Bool {
        let words = rule.words
        var holds = true
        for (place, word) in words.enumerated() where place + 1 < words.count {
            let value = words[place + 1]
            switch word {
            case "from": if value != "all" { holds = holds && isIn(packet.source, value) }
            case "to": if value != "all" { holds = holds && isIn(packet.destination, value) }
            case "uidrange": holds = holds && isIn(Int64(packet.user), value)
            case "ipproto": if value != packet.transport { holds = false }
            case "dport": holds = holds && packet.port.map { isIn(Int64($0), value) } ?? false
            case "sport": holds = holds && packet.sourcePort.map { isIn(Int64($0), value) } ?? false
            case "fwmark": holds = holds && isMarked(packet.mark, value)
            case "iif", "tos", "dsfield": if !(word == "iif" && value == "lo") { holds = false }
            case "oif": holds = false
            default: break
            }
        }
        return words.first == "not" ? !holds : holds
    }

    private static func isIn(_ address: IPAddress?, _ network: String) -> Bool {
        guard let address else { return false }
        return CIDR(network)?.contains(address) ?? false
    }

    private static func isIn(_ number: Int64, _ range: String) -> Bool {
        let bounds = range.utf8.split(separator: UInt8(ascii: "-")).compactMap { Bytes.decimal($0) }
        guard let first = bounds.first, let last = bounds.last else { return false }
        return (first...max(first, last)).contains(number)
    }

    /// Whether a mark is that of a rule: `0x7`, or `0x7/0xff` with the bits that count.
    private static func isMarked(_ mark: UInt32, _ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "/")).map { part in
            part.starts(with: "0x".utf8)
                ? Bytes.hexadecimal(part.dropFirst(2)).map { UInt32(truncatingIfNeeded: $0) }
                : Bytes.decimal(part).map { UInt32(truncatingIfNeeded: $0) }
        }
        guard let wanted = parts.first ?? nil else { return false }
        let mask = parts.count > 1 ? parts[1] ?? .max : .max
        return mark & mask == wanted & mask
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
