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

    static func misrouted(
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

    func describe(
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
    func addInterfacesThatAreDown(_ found: inout Obstacles) async throws(ProbeError) {
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

    static var isNetworkdInUse: Bool { access("/run/systemd/netif/state", F_OK) == 0 }

    /// An address that no answer comes back to, and answers that the kernel does not take where they come in.
    func addSource(
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

    func setting(_ path: String) async throws(ProbeError) -> Int64? {
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
}
