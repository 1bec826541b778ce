import Glibc
import MeshContract
import Platform
import Probes

/// What of this host keeps a user's packets from a destination, or the answers from the user.
struct Obstacles: Sendable, Hashable {
    /// Where the cause lies.
    enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A route of a kind that takes no packets.
        case route
        /// A policy rule, or the table that it leads to.
        case policy
        /// A rule of the packet filter.
        case packetFilter = "packet-filter"
        /// The next router on the link, or the entry for an address on it.
        case neighbour
        /// The address is one of this host.
        case local
        /// What an interface does with its queue.
        case queue
        /// A policy of IPsec that asks for what nobody has agreed upon.
        case encryption
        /// What the unit of the program is forbidden (systemd.resource-control(5)).
        case unit
        /// The ports that connections of this host come from.
        case ports
    }

    var kind: Kind?
    /// What was found, in the words of the tools that show it.
    var lines: [String] = []
    /// Commands that take it out of the way and nothing else.
    var undo: [String] = []
    /// The route that packets take.
    var route: String?
}

/// Looks for obstacles.
struct ObstacleSearch {
    let host: Host
    let request: ProbeRequest

    /// Looks along the way of a user's packets to a service and back.
    ///
    /// - Parameter envoyPort: where the nat table is to lead them to on this host; nil when it leaves them alone.
    func obstacles(
        to address: IPAddress, port: UInt16, transport: String = "tcp", user: UInt32, userName: String?,
        envoyPort: UInt16? = nil
    ) async throws(ProbeError) -> Obstacles {
        var found = Obstacles()
        guard address.bitWidth == 32 else { return found }
        let tables = try await host.routeTables(for: request)
        var decision = tables.decision(to: address, user: user, port: port, transport: transport)
        found.route = decision.route.map { "\(address): \($0.text)" } ?? "\(address): no route"
        if !decision.isPassable {
            describe(decision, address, user, tables, &found)
            if decision.route == nil { try await addInterfacesThatAreDown(&found) }
            return found
        }
        if let misrouted = Self.misrouted(address, decision, tables) {
            var misrouted = misrouted
            misrouted.route = found.route
            return misrouted
        }
        var packet = FilteredPacket(
            direction: .output, transport: transport, peer: address, port: port, user: user, userName: userName,
            interface: decision.route?.device)
        if decision.type == "local" { packet.interface = "lo" }
        packet.redirectedTo = envoyPort
        packet.local = decision.source
        packet.ownAddresses = try await host.addresses(for: request)
        if let obstacle = try await filterObstacle(packet) {
            found.kind = .packetFilter
            found.lines = [obstacle.text]
            found.undo = [obstacle.undo]
            return found
        }
        // What is marked is routed once more.
        if let marked = try await filterState()?.mark(of: packet) {
            decision = tables.decision(to: address, user: user, port: port, transport: transport, mark: marked.mark)
            if !decision.isPassable {
                describe(decision, address, user, tables, &found)
                found.lines.append(marked.rule)
                return found
            }
        }
        if let route = decision.route, decision.type == "unicast" {
            try await addSource(of: decision, tables, address, port, transport, &found)
            if found.kind != nil { return found }
            try await addNeighbour(of: route, tables, address, decision, &found)
            if found.kind == nil { try await addQueue(of: route, &found) }
        }
        if found.kind == nil { try await addEncryption(to: address, &found) }
        if found.kind == nil { addDetour(decision, tables, address, &found) }
        return found
    }

    /// Whether packets for another host stay on this one, where somebody else may take the connection: Envoy, for one,
    /// since the mesh's rules lead to it what goes out by the loopback interface.
    func misrouted(to address: IPAddress, port: UInt16, user: UInt32) async throws(ProbeError) -> Obstacles? {
        guard address.bitWidth == 32, !address.isLoopback else { return nil }
        let tables = try await host.routeTables(for: request)
        return Self.misrouted(address, tables.decision(to: address, user: user, port: port), tables)
    }

    private static func misrouted(
        _ address: IPAddress, _ decision: RouteTables.Decision, _ tables: RouteTables
    ) -> Obstacles? {
        guard let route = decision.route, let device = route.device else { return nil }
        if decision.type == "local", !address.isLoopback {
            return Obstacles(
                kind: .local, lines: ["\(address) is an address of this host, on \(device)"],
                undo: ["ip address del \(address)/32 dev \(device)"])
        }
        guard decision.type == "unicast", device == "lo" || device.startsBytewise("dummy"),
            tables.alternative(to: route, for: address) != nil
        else { return nil }
        return Obstacles(
            kind: .route, lines: ["route: \(route.text), and nothing is behind \(device)"],
            undo: ["ip route del \(route.selector)"])
    }

    /// The rule that keeps other hosts from a port of this one.
    ///
    /// - Parameter redirected: the port that its connections are led to before the filter table sees them.
    func inboundObstacle(port: UInt16, redirected: UInt16) async throws(ProbeError) -> FilterObstacle? {
        var packet = FilteredPacket(direction: .input, port: port)
        let early = try await filterObstacle(
            packet, in: [("raw", "PREROUTING"), ("mangle", "PREROUTING")], ["ingress", "prerouting"])
        if let early { return early }
        if redirected != port {
            packet.redirectedTo = redirected
            let elsewhere = try await filterObstacle(packet, in: [("nat", "PREROUTING")], [])
            if let elsewhere, elsewhere.isCertain { return elsewhere }
            packet.redirectedTo = nil
        }
        packet.port = redirected
        return try await filterObstacle(
            packet, in: [("mangle", "INPUT"), ("filter", "INPUT"), ("security", "INPUT")], ["input"])
    }

    private func describe(
        _ decision: RouteTables.Decision, _ address: IPAddress, _ user: UInt32, _ tables: RouteTables,
        _ found: inout Obstacles
    ) {
        if decision.isByPolicy {
            found.kind = .policy
            let end = decision.route.map { ": \($0.text)" } ?? ""
            found.lines = ["policy rule \(decision.preference): \(decision.rule)\(end)"]
            // A rule about users is about all that they send.
            let whose =
                decision.rule.containsBytewise("uidrange") ? "uidrange \(user)-\(user)" : "to \(address)"
            found.undo = ["ip rule add pref \(max(1, decision.preference - 1)) \(whose) lookup main"]
        } else if let route = decision.route {
            found.kind = .route
            found.lines = ["route: \(route.text)"]
            found.undo = ["ip route del \(route.selector)"]
        } else {
            found.kind = .route
            found.lines = ["no route leads to \(address)"]
            // Whoever has set up the interface knows the routes that belong to it.
            if Self.isNetworkdInUse {
                found.undo = tables.devices.map { "networkctl reconfigure \($0)" }
            }
        }
    }

    /// The routes of an interface go with it.
    private func addInterfacesThatAreDown(_ found: inout Obstacles) async throws(ProbeError) {
        let down = try await BlockingPool.files.run("look at interfaces", until: .now + .seconds(2)) {
            () throws(ProbeError) in
            var down: [String] = []
            for name in try (SystemFile.names(in: "/sys/class/net") ?? []).sorted() {
                // IFF_UP of netdevice(7); 1 is Ethernet's number (ARPHRD_ETHER).
                guard let flags = try SystemFile.read("/sys/class/net/\(name)/flags"),
                    let kind = try SystemFile.read("/sys/class/net/\(name)/type"),
                    let bits = Bytes.hexadecimal(Ascii.trimmed(flags[...]).dropFirst(2))
                else { continue }
                if bits & 1 == 0, Bytes.decimal(Ascii.trimmed(kind[...])) == 1 { down.append(name) }
            }
            return down
        }
        found.lines += down.map { "interface \($0) is down" }
        found.undo =
            down.map { "ip link set dev \($0) up" }
            + down.compactMap { Self.isNetworkdInUse ? "networkctl reconfigure \($0)" : nil } + found.undo
    }

    private static var isNetworkdInUse: Bool { access("/run/systemd/netif/state", F_OK) == 0 }

    /// An address that no answer comes back to, and answers that the kernel does not take where they come in.
    private func addSource(
        of decision: RouteTables.Decision, _ tables: RouteTables, _ address: IPAddress, _ port: UInt16,
        _ transport: String, _ found: inout Obstacles
    ) async throws(ProbeError) {
        guard let route = decision.route, let device = route.device, let source = decision.source else { return }
        let isOfProtocol = ["bgp", "bird", "zebra", "ospf", "babel"].contains {
            route.text.containsBytewise("proto \($0)")
        }
        if route.source != nil, !isOfProtocol, !tables.addresses(of: device).contains(source),
            tables.alternative(to: route, for: address) != nil
        {
            found.kind = .route
            found.lines = ["route: \(route.text)", "\(source) is not an address of \(device)"]
            found.undo = ["ip route del \(route.selector)"]
            return
        }
        let back = tables.reverse(of: address, source: source, port: port, transport: transport)
        guard back.route?.device != device else { return }
        var strictest: Int64 = 0
        for name in ["all", device] {
            strictest = max(strictest, try await setting("net/ipv4/conf/\(name)/rp_filter") ?? 0)
        }
        // 1 asks for the route back, 2 for any route (ip-sysctl in the kernel's documentation).
        guard strictest == 1 else { return }
        found.kind = .route
        found.lines = [
            "net.ipv4.conf.\(device).rp_filter = 1: answers of \(address) come in at \(device)",
            "route back: \(back.route?.text ?? "none")",
        ]
        found.undo = ["sysctl -w net.ipv4.conf.\(device).rp_filter=2"]
    }

    private func setting(_ path: String) async throws(ProbeError) -> Int64? {
        try await BlockingPool.files.run("read \(path)", until: .now + .seconds(2)) { () throws(ProbeError) in
            try SystemFile.read("/proc/sys/" + path).flatMap { Bytes.decimal(Ascii.trimmed($0[...])) }
        }
    }

    /// Why this host has no port left to connect from.
    func exhaustedPorts() async throws(ProbeError) -> Obstacles {
        let ports = try await BlockingPool.files.run("read the range of ports", until: .now + .seconds(2)) {
            () throws(ProbeError) in try LocalPorts.read()
        }
        var found = Obstacles(kind: .ports)
        found.lines = ["net.ipv4.ip_local_port_range = \(ports.range)"]
        if !ports.reserved.isEmpty { found.lines.append("net.ipv4.ip_local_reserved_ports = \(ports.reserved)") }
        var whole = ports
        whole.reserved = ""
        // The kernel's default has 28232; where that is used up, whoever holds the connections has to let go of them.
        if whole.free < 28232 { found.undo.append("sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\"") }
        if ports.free < whole.free - 1000 { found.undo.append("sysctl -w net.ipv4.ip_local_reserved_ports=") }
        if found.undo.isEmpty { found.undo = ["ss -tan state time-wait | wc -l; ss -tanp | head -n 50"] }
        return found
    }

    /// Rules of the nat table that lead a user's connections to somebody else.
    func diversions(
        to address: IPAddress, port: UInt16, user: UInt32, userName: String?
    ) async throws(ProbeError) -> [FilterObstacle] {
        guard address.bitWidth == 32 else { return [] }
        let state: FilterState?
        do throws(ProbeError) {
            state = try await filterState()
        } catch {
            // Checks of the packet filter tell of one that does not answer.
            guard error.reason == .timedOut else { throw error }
            return []
        }
        guard let state else { return [] }
        let decision = try await host.routeTables(for: request).decision(to: address, user: user, port: port)
        let packet = FilteredPacket(
            direction: .output, peer: address, port: port, user: user, userName: userName,
            interface: decision.type == "local" ? "lo" : decision.route?.device)
        var found: [FilterObstacle] = []
        for var walk in state.walks where walk.name == "nat" {
            if let rule = walk.obstacle(in: "OUTPUT", to: packet), rule.isCertain { found.append(rule) }
        }
        if found.isEmpty,
            let rule = state.nft?.obstacle(
                hooks: ["output"], priorities: Self.natPriority...Self.natPriority, to: packet), rule.isCertain
        {
            found.append(rule)
        }
        return found
    }

    /// The rule of another program that leads a user's connections to a service elsewhere before the mesh's rules see them.
    func diversion(
        to address: IPAddress, port: UInt16, _ sender: RedirectionProbe.Sender, envoyPort: UInt16
    ) async throws(ProbeError) -> FilterObstacle? {
        guard address.bitWidth == 32, let state = try await filterState() else { return nil }
        let decision = try await host.routeTables(for: request).decision(to: address, user: sender.uid, port: port)
        var packet = FilteredPacket(
            direction: .output, peer: address, port: port, user: sender.uid, userName: sender.name, group: sender.gid,
            interface: decision.type == "local" ? "lo" : decision.route?.device)
        packet.unit = sender.unit
        packet.redirectedTo = envoyPort
        packet.local = decision.source
        for var walk in state.walks where walk.name == "nat" {
            guard let rule = walk.obstacle(in: "OUTPUT", to: packet), rule.isCertain else { continue }
            guard rule.isDiversion else { return nil }
            return rule
        }
        guard
            let rule = state.nft?.obstacle(
                hooks: ["output"], priorities: .min...Self.natPriority, to: packet), rule.isCertain, rule.isDiversion
        else { return nil }
        return rule
    }

    /// The units that rules tell apart by their control groups, without those of the mesh.
    func unitsOfRules() async throws(ProbeError) -> [RedirectionProbe.Sender] {
        guard let state = try await filterState() else { return [] }
        let texts = state.walks.filter { $0.name == "nat" }.flatMap(\.table.rules) + (state.nft?.ruleTexts ?? [])
        var names: Set<String> = []
        for text in texts where text.containsBytewise("--path") || text.containsBytewise("cgroupv2") {
            for word in SavedTable.words(text) {
                let last = word.utf8.split(separator: UInt8(ascii: "/")).last.map { Ascii.text($0) } ?? ""
                if last.endsBytewise(".service") || last.endsBytewise(".slice") { names.insert(last) }
            }
        }
        return names.subtracting([MeshNames.istioUnit, MeshNames.nodeAgentUnit]).sorted().map {
            RedirectionProbe.Sender(name: $0, uid: 65534, gid: 65534, unit: $0)
        }
    }

    /// Rules that stop some connections and let others through.
    func limits(
        to address: IPAddress, port: UInt16, user: UInt32, userName: String?
    ) async throws(ProbeError) -> [FilterObstacle] {
        try await uncertain(to: address, port: port, user: user, userName: userName, isLater: false)
            .filter { !$0.isCertain && $0.isForSome }
    }

    /// Rules that let a connection be opened and may stop what is sent through it.
    func suspects(
        to address: IPAddress, port: UInt16, user: UInt32, userName: String?
    ) async throws(ProbeError) -> [FilterObstacle] {
        try await uncertain(to: address, port: port, user: user, userName: userName, isLater: true)
    }

    private func uncertain(
        to address: IPAddress, port: UInt16, user: UInt32, userName: String?, isLater: Bool
    ) async throws(ProbeError) -> [FilterObstacle] {
        guard address.bitWidth == 32 else { return [] }
        do throws(ProbeError) {
            let decision = try await host.routeTables(for: request).decision(to: address, user: user, port: port)
            var packet = FilteredPacket(
                direction: .output, peer: address, port: port, user: user, userName: userName,
                interface: decision.type == "local" ? "lo" : decision.route?.device)
            packet.isLater = isLater
            return try await filterObstacle(packet).map { [$0] } ?? []
        } catch {
            // Checks of the packet filter tell of one that does not answer.
            guard error.reason == .timedOut else { throw error }
            return []
        }
    }

    // MARK: - the packet filter

    /// Where in the output hook addresses are changed (NF_IP_PRI_NAT_DST).
    private static let natPriority: Int64 = -100

    /// The rule that stops a packet on its way out, or its answer on the way in.
    private func filterObstacle(_ packet: FilteredPacket) async throws(ProbeError) -> FilterObstacle? {
        var out = try await filterObstacle(
            packet, in: [("raw", "OUTPUT"), ("mangle", "OUTPUT"), ("nat", "OUTPUT")], ["output"],
            .min...Self.natPriority)
        if let out, out.isCertain { return out }
        // Behind the nat table it has its new address, and still the interface that it was to leave by.
        var later = packet
        if let port = packet.redirectedTo { (later.peer, later.port) = (.v4(0x7f00_0001), port) }
        let filtered = try await filterObstacle(
            later,
            in: [("filter", "OUTPUT"), ("security", "OUTPUT"), ("mangle", "POSTROUTING"), ("nat", "POSTROUTING")],
            ["output", "postrouting", "egress"], (Self.natPriority + 1) ... .max)
        if let filtered, filtered.isCertain { return filtered }
        out = out ?? filtered
        if let port = packet.redirectedTo {
            // It arrives by the loopback interface, and still comes from the address that it was to leave with.
            var arriving = FilteredPacket(
                direction: .input, transport: packet.transport, peer: packet.local, port: port)
            (arriving.interface, arriving.local) = ("lo", .v4(0x7f00_0001))
            let arrival = try await filterObstacle(
                arriving,
                in: [
                    ("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT"),
                    ("security", "INPUT"),
                ], ["prerouting", "input"])
            if let arrival, arrival.isCertain { return arrival }
            return out ?? arrival
        }
        var answer = packet
        answer.direction = .answer
        let back = try await filterObstacle(
            answer,
            in: [
                ("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT"),
                ("security", "INPUT"),
            ], ["ingress", "prerouting", "input"])
        if let back, back.isCertain { return back }
        return out ?? back
    }

    /// The first rule of some chains that stops a packet for certain; else the first that may.
    private func filterObstacle(
        _ packet: FilteredPacket, in places: [(table: String, chain: String)], _ hooks: [String],
        _ priorities: ClosedRange<Int64> = .min ... .max
    ) async throws(ProbeError) -> FilterObstacle? {
        guard let state = try await filterState() else { return nil }
        var possible: FilterObstacle?
        for place in places {
            for var walk in state.walks where walk.name == place.table {
                guard let obstacle = walk.obstacle(in: place.chain, to: packet) else { continue }
                if obstacle.isCertain { return obstacle }
                possible = possible ?? obstacle
            }
        }
        if let obstacle = state.nft?.obstacle(hooks: hooks, priorities: priorities, to: packet) {
            if obstacle.isCertain { return obstacle }
            possible = possible ?? obstacle
        }
        return possible
    }

    private func filterState() async throws(ProbeError) -> FilterState? {
        do throws(ProbeError) {
            return try await host.filterState(for: request)
        } catch {
            // Who may not see the rules still wants to know what there is to know of routes.
            guard error.reason == .notPermitted || error.reason == .unavailable else { throw error }
            return nil
        }
    }

    /// What systemd or a rule about its control group keeps a unit's programs from, whoever else may.
    func restriction(
        of unit: String, to address: IPAddress, port: UInt16, user: UInt32, transport: String = "tcp"
    ) async throws(ProbeError) -> Obstacles? {
        var packet = FilteredPacket(
            direction: .output, transport: transport, peer: address, port: port, user: user)
        packet.unit = unit
        do throws(ProbeError) {
            // What does not name the unit stops others as well, and is found with them.
            if let obstacle = try await filterObstacle(packet), obstacle.text.containsBytewise(unit) {
                return Obstacles(kind: .packetFilter, lines: [obstacle.text], undo: [obstacle.undo])
            }
        } catch {
            // Checks of the packet filter tell of one that does not answer.
            guard error.reason == .timedOut else { throw error }
        }
        guard Tool.path("systemctl") != nil else { return nil }
        let run: Tool.Run
        do throws(ProbeError) {
            run = try await Tool.run(
                "systemctl", ["show", "--property=IPAddressDeny,IPAddressAllow", unit], until: .now + .seconds(1))
        } catch {
            // Checks of services tell of a systemd that does not answer.
            guard error.reason == .timedOut else { throw error }
            return nil
        }
        var values: [String: [String]] = [:]
        for line in Bytes.lines(run.output) {
            let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            values[Ascii.text(parts[0])] = Ascii.words(parts[1]).map { Ascii.text($0) }
        }
        func has(_ name: String) -> Bool {
            values[name]?.contains { CIDR($0)?.contains(address) == true } ?? false
        }
        guard has("IPAddressDeny"), !has("IPAddressAllow") else { return nil }
        return Obstacles(
            kind: .unit, lines: ["\(unit): IPAddressDeny=\(values["IPAddressDeny"]?.joined(separator: " ") ?? "")"],
            undo: ["systemctl set-property \(unit) IPAddressAllow=\(address)", "systemctl daemon-reload"])
    }

    // MARK: - the link

    private func addNeighbour(
        of route: RouteTables.Route, _ tables: RouteTables, _ address: IPAddress, _ decision: RouteTables.Decision,
        _ found: inout Obstacles
    ) async throws(ProbeError) {
        let next = route.gateway ?? address.description
        guard let line = try await host.neighbour(next, for: request) else { return }
        let words = Bytes.lines(of: line).first.map { Ascii.words(Array($0.utf8)[...]).map { Ascii.text($0) } } ?? []
        let state = words.last ?? ""
        let device = route.device ?? "eth0"
        if state == "PERMANENT" {
            found.kind = .neighbour
            found.lines = ["neighbour: \(line)", "route: \(route.text)"]
            found.undo = ["ip neigh del \(next) dev \(device)"]
        } else if state == "FAILED" || state == "INCOMPLETE" {
            if let rule = try await filterState()?.nft?.arpRule(for: next) {
                found.kind = .packetFilter
                found.lines = [rule.text, "neighbour: \(line)"]
                found.undo = [rule.undo, "ip neigh flush to \(next)"]
                return
            }
            // The kernel's own route of a link is right; who does not answer there is away himself, unless it is a bridge of
            // this host, such as a container engine's, that was given the addresses of somebody else.
            if route.gateway == nil, route.text.containsBytewise("proto kernel") {
                guard access("/sys/class/net/\(device)/bridge", F_OK) == 0,
                    let other = tables.alternative(to: route, for: address), other.device != device
                else { return }
                found.kind = .route
                found.lines = [
                    "route: \(route.text)",
                    "nobody answers as \(next) on the bridge \(device), and another route leads there: \(other.text)",
                ]
                found.undo = ["ip route del \(route.selector)"]
                return
            }
            found.kind = .neighbour
            found.lines = ["route: \(route.text)", "nobody answers as \(next) on \(device)"]
            if decision.isByPolicy {
                found.undo = ["ip rule add pref \(max(1, decision.preference - 1)) to \(address) lookup main"]
            } else if tables.alternative(to: route, for: address) != nil {
                found.undo = ["ip route del \(route.selector)"]
            }
        }
    }

    /// A policy rule that takes packets another way than the main table would, as those of a VPN do.
    private func addDetour(
        _ decision: RouteTables.Decision, _ tables: RouteTables, _ address: IPAddress, _ found: inout Obstacles
    ) {
        guard decision.isByPolicy, let route = decision.route, let main = tables.mainRoute(to: address),
            main.type == "unicast", main.device != route.device
        else { return }
        found.kind = .policy
        found.lines = [
            "policy rule \(decision.preference): \(decision.rule): \(route.text)", "the main table has \(main.text)",
        ]
        found.undo = ["ip rule add pref \(max(1, decision.preference - 1)) to \(address) lookup main"]
    }

    /// Whether an address is on a link of this host, and nobody there answers for it.
    func isNobody(_ address: IPAddress, user: UInt32) async throws(ProbeError) -> Bool {
        let decision = try await host.routeTables(for: request).decision(to: address, user: user, port: 0)
        guard decision.type == "unicast", let route = decision.route, route.gateway == nil,
            let line = try await host.neighbour(address.description, for: request)
        else { return false }
        return line.endsBytewise("FAILED") || line.endsBytewise("INCOMPLETE")
    }

    private func addQueue(of route: RouteTables.Route, _ found: inout Obstacles) async throws(ProbeError) {
        guard let device = route.device, Tool.path("tc") != nil else { return }
        // What loses packets, what lets hardly any through, and what a filter drops.
        let looks: [(arguments: [String], root: String, isBad: (String) -> Bool)] = [
            (["qdisc", "show", "dev", device], "root", { $0.containsBytewise("netem") || Self.isSlow($0, "tbf") }),
            (["class", "show", "dev", device], "root", { Self.isSlow($0, "class") }),
            (["filter", "show", "dev", device], "root", Self.drops),
            (["filter", "show", "dev", device, "egress"], "clsact", Self.drops),
            (["filter", "show", "dev", device, "ingress"], "ingress", Self.drops),
        ]
        for look in looks where found.kind == nil {
            let run = try await Tool.run("tc", look.arguments, until: .now + .seconds(3))
            guard run.status == 0 else { continue }
            let lines = Bytes.lines(run.output).map { Ascii.text(Ascii.trimmed($0[...])) }
            guard let line = lines.first(where: look.isBad) else { continue }
            found.kind = .queue
            found.lines = ["queue of \(device): \(line)"]
            found.undo = ["tc qdisc del dev \(device) \(look.root)"]
        }
    }

    /// Whether a class or a bucket lets less than a modem through: `rate 8bit`, `rate 4Kbit`.
    static func isSlow(_ line: String, _ kind: String) -> Bool {
        let words = Ascii.words(Array(line.utf8)[...]).map { Ascii.text($0) }
        guard line.containsBytewise(kind), let place = words.firstIndex(of: "rate"), place + 1 < words.count else {
            return false
        }
        let digits = words[place + 1].utf8.prefix { Ascii.isDigit($0) }
        let unit = Ascii.text(words[place + 1].utf8.dropFirst(digits.count))
        guard let number = Bytes.decimal(digits) else { return false }
        return unit == "bit" && number < 64_000 || unit == "Kbit" && number < 64 || unit == "bps" && number < 8000
    }

    private static func drops(_ line: String) -> Bool {
        line.containsBytewise("action drop") || line.containsBytewise("action order") && line.containsBytewise("drop")
    }

    /// A policy of IPsec (ip-xfrm(8)) for packets to an address, and no association that it could use.
    private func addEncryption(to address: IPAddress, _ found: inout Obstacles) async throws(ProbeError) {
        let run = try await Tool.run("ip", ["xfrm", "policy"], until: .now + .seconds(2))
        guard run.status == 0, !run.output.isEmpty else { return }
        let states = try await Tool.run("ip", ["xfrm", "state"], until: .now + .seconds(2))
        var selector: [String]?
        for line in Bytes.lines(run.output) {
            let words = Ascii.words(line[...]).map { Ascii.text($0) }
            if words.first == "src", words.count >= 4, line.first != Ascii.space, line.first != Ascii.tab {
                selector = CIDR(words[3])?.contains(address) == true ? words : nil
            } else if words.first == "dir", words.count > 1, words[1] != "out" {
                selector = nil
            } else if words.first == "tmpl", let policy = selector, words.count >= 5 {
                let isAgreed = Bytes.lines(states.output).contains {
                    Ascii.text($0).containsBytewise("dst \(words[4])")
                }
                if isAgreed { continue }
                let text = "\(policy[0]) \(policy[1]) \(policy[2]) \(policy[3])"
                found.kind = .encryption
                found.lines = ["IPsec policy out: \(text) (\(words.joined(separator: " "))), and no association"]
                found.undo = ["ip xfrm policy delete dir out \(text)"]
                return
            }
        }
    }
}
