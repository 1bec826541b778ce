import MeshContract
import Platform
import Probes

// Rules of the packet filter, and what a unit is forbidden.
extension ObstacleSearch {
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

    func uncertain(
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

    /// Where in the output hook addresses are changed (NF_IP_PRI_NAT_DST).
    static let natPriority: Int64 = -100

    /// The rule that stops a packet on its way out, or its answer on the way in.
    func filterObstacle(_ packet: FilteredPacket) async throws(ProbeError) -> FilterObstacle? {
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
    func filterObstacle(
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

    func filterState() async throws(ProbeError) -> FilterState? {
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
}
