import Glibc
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
        /// What the unit of the program is forbidden (systemd.resource-control(5)).
        case unit
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
    func obstacles(
        to address: IPAddress, port: UInt16, transport: String = "tcp", user: UInt32, userName: String?
    ) async throws(ProbeError) -> Obstacles {
        var found = Obstacles()
        guard address.bitWidth == 32 else { return found }
        let tables = try await host.routeTables(for: request)
        let decision = tables.decision(to: address, user: user, port: port, transport: transport)
        found.route = decision.route.map { "\(address): \($0.text)" } ?? "\(address): no route"
        if !decision.isPassable {
            describe(decision, address, &found)
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
        if let obstacle = try await filterObstacle(packet) {
            found.kind = .packetFilter
            found.lines = [obstacle.text]
            found.undo = [obstacle.undo]
            return found
        }
        if let route = decision.route, decision.type == "unicast" {
            try await addNeighbour(of: route, tables, address, decision, &found)
            if found.kind == nil { try await addQueue(of: route, &found) }
        }
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
            packet, in: [("raw", "PREROUTING"), ("mangle", "PREROUTING")], ["prerouting"])
        if let early { return early }
        packet.port = redirected
        return try await filterObstacle(
            packet, in: [("mangle", "INPUT"), ("filter", "INPUT"), ("security", "INPUT")], ["input"])
    }

    private func describe(_ decision: RouteTables.Decision, _ address: IPAddress, _ found: inout Obstacles) {
        if decision.isByPolicy {
            found.kind = .policy
            let end = decision.route.map { ": \($0.text)" } ?? ""
            found.lines = ["policy rule \(decision.preference): \(decision.rule)\(end)"]
            found.undo = ["ip rule add pref \(max(1, decision.preference - 1)) to \(address) lookup main"]
        } else if let route = decision.route {
            found.kind = .route
            found.lines = ["route: \(route.text)"]
            found.undo = ["ip route del \(route.selector)"]
        } else {
            found.kind = .route
            found.lines = ["no route leads to \(address)"]
        }
    }

    // MARK: - the packet filter

    /// The rule that stops a packet on its way out, or its answer on the way in.
    private func filterObstacle(_ packet: FilteredPacket) async throws(ProbeError) -> FilterObstacle? {
        let out = try await filterObstacle(
            packet,
            in: [
                ("raw", "OUTPUT"), ("mangle", "OUTPUT"), ("nat", "OUTPUT"), ("filter", "OUTPUT"),
                ("security", "OUTPUT"),
                ("mangle", "POSTROUTING"),
            ], ["output", "postrouting"])
        if let out, out.isCertain { return out }
        var answer = packet
        answer.direction = .answer
        let back = try await filterObstacle(
            answer,
            in: [
                ("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT"),
                ("security", "INPUT"),
            ], ["prerouting", "input"])
        if let back, back.isCertain { return back }
        return out ?? back
    }

    /// The first rule of some chains that stops a packet for certain; else the first that may.
    private func filterObstacle(
        _ packet: FilteredPacket, in places: [(table: String, chain: String)], _ hooks: [String]
    ) async throws(ProbeError) -> FilterObstacle? {
        let state: FilterState
        do throws(ProbeError) {
            state = try await host.filterState(for: request)
        } catch {
            // Who may not see the rules still wants to know what there is to know of routes.
            guard error.reason == .notPermitted || error.reason == .unavailable else { throw error }
            return nil
        }
        var possible: FilterObstacle?
        for place in places {
            for var walk in state.walks where walk.name == place.table {
                guard let obstacle = walk.obstacle(in: place.chain, to: packet) else { continue }
                if obstacle.isCertain { return obstacle }
                possible = possible ?? obstacle
            }
        }
        if let obstacle = state.nft?.obstacle(hooks: hooks, to: packet) {
            if obstacle.isCertain { return obstacle }
            possible = possible ?? obstacle
        }
        return possible
    }

    /// What systemd keeps a unit's programs from, whoever else may.
    func restriction(of unit: String, to address: IPAddress) async throws(ProbeError) -> Obstacles? {
        guard Tool.path("systemctl") != nil else { return nil }
        let run: Tool.Run
        do throws(ProbeError) {
            run = try await Tool.run(
                "systemctl", ["show", "--property=IPAddressDeny,IPAddressAllow,PrivateNetwork", unit],
                until: .now + .seconds(1))
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
        if values["PrivateNetwork"] == ["yes"] {
            return Obstacles(kind: .unit, lines: ["\(unit): PrivateNetwork=yes"], undo: ["systemctl edit \(unit)"])
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
            // The kernel's own route of a link is right; who does not answer there is away himself.
            let isOfKernel = route.text.containsBytewise("proto kernel")
            guard route.gateway != nil || !isOfKernel else { return }
            found.kind = .neighbour
            found.lines = ["route: \(route.text)", "nobody answers as \(next) on \(device)"]
            if decision.isByPolicy {
                found.undo = ["ip rule add pref \(max(1, decision.preference - 1)) to \(address) lookup main"]
            } else if tables.alternative(to: route, for: address) != nil {
                found.undo = ["ip route del \(route.selector)"]
            }
        }
    }

    private func addQueue(of route: RouteTables.Route, _ found: inout Obstacles) async throws(ProbeError) {
        guard let device = route.device, Tool.path("tc") != nil else { return }
        let run = try await Tool.run("tc", ["qdisc", "show", "dev", device], until: .now + .seconds(3))
        for line in Bytes.lines(run.output).map({ Ascii.text(Ascii.trimmed($0[...])) })
        where run.status == 0 && line.containsBytewise("netem") {
            found.kind = .queue
            found.lines = ["queue of \(device): \(line)"]
            found.undo = ["tc qdisc del dev \(device) root"]
        }
    }
}

/// The rules of all tables of the packet filter.
struct FilterState: Sendable {
    var walks: [FilterWalk]
    var nft: NftRuleset?

    fileprivate static func read() async throws(ProbeError) -> FilterState {
        try await PacketFilterReader.requirePermission()
        var walks: [FilterWalk] = []
        for variant in ["nft", "legacy"] {
            let program = "iptables-\(variant)-save"
            if variant == "legacy", try await PacketFilterReader.legacyTables().isEmpty { continue }
            guard Tool.path(program) != nil else { continue }
            let run = try await Tool.run(program, [], until: .now + .seconds(5))
            guard run.status == 0 else { throw run.failure("read the packet filter") }
            for name in ["raw", "mangle", "filter", "security", "nat"] {
                guard let table = SavedTable.parse(run.output, table: name) else { continue }
                walks.append(
                    FilterWalk(
                        program: "iptables-\(variant)", name: name, table: table,
                        policies: SavedTable.policies(run.output, table: name)))
            }
        }
        var nft: NftRuleset?
        if Tool.path("nft") != nil {
            let json = try await Tool.run("nft", ["-j", "list", "ruleset"], until: .now + .seconds(5))
            let text = try await Tool.run("nft", ["-a", "list", "ruleset"], until: .now + .seconds(5))
            if json.status == 0, !json.output.isEmpty { nft = try NftRuleset(json: json.output, text: text.output) }
        }
        return FilterState(walks: walks, nft: nft)
    }
}

extension SavedTable {
    /// What becomes of packets at the end of the kernel's chains of a table: lines `:CHAIN POLICY [PACKETS:BYTES]`.
    static func policies(_ output: [UInt8], table name: String) -> [String: String] {
        var policies: [String: String] = [:]
        var isInside = false
        for line in Bytes.lines(output) {
            if line.first == UInt8(ascii: "*") { isInside = line.dropFirst().elementsEqual(name.utf8) }
            guard isInside, line.first == UInt8(ascii: ":") else { continue }
            let words = Ascii.words(line.dropFirst()).map { Ascii.text($0) }
            if words.count > 1 { policies[words[0]] = words[1] }
        }
        return policies
    }
}

extension Host {
    /// The packet filter's rules, read once.
    nonisolated func filterState(for request: ProbeRequest) async throws(ProbeError) -> FilterState {
        try requireThisMachine("read the packet filter")
        return try await fact("filter-state", since: request.since) { () async throws(ProbeError) in
            try await FilterState.read()
        }
    }
}
