import MeshContract
import Platform

/// The packet filter.
struct PacketFilterProbe: Probe {
    static let kind = SubjectKind(
        "packet-filter", "A table of the packet filter, and the mesh's rules in it against the machine's settings.",
        mainParameter: "table",
        parameters: [
            .init("table", .text, "nat when it is not said.", choices: ["nat", "filter", "mangle", "raw"]),
            .init(
                "backend", .text, "The implementation; the one that has rules if not said.", choices: ["nft", "legacy"]),
            .init(
                "cluster-file", .text, "The cluster's settings; \(MeshPaths.clusterEnvironment) when it is not said."),
            .init("sidecar-file", .text, "The machine's; \(MeshPaths.sidecarEnvironment) when it is not said."),
            .init("uids", .list(.integer), "Users left alone; the settings' user, then root, when it is not said."),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is such a table."),
            .init("rules", .list(.text), "The rules as iptables-save prints them."),
            .init("chains", .list(.text), "The chains, those of the kernel included."),
            .init("jumps", .map(.integer), "How many rules of PREROUTING and OUTPUT lead to the mesh's chains."),
            .init("mesh-rules", .integer, "How many rules belong to the mesh, jumps included."),
            .init("matches-settings", .bool, "Whether the mesh's rules are exactly those that the settings call for."),
            .init("expected-rules", .list(.text), "The rules that the settings call for."),
            .init("differences", .list(.text), "What is different from them."),
            .init("backends", .list(.text), "The implementations with rules in the table: nft, legacy."),
            .init("orphaned", .bool, "Whether traffic is redirected to a port that nothing listens on."),
            .init("ssh-first", .bool, "Whether port 22 is left alone before anything inbound is redirected."),
            .init("position-ok", .bool, "Whether no rule before the mesh's jumps takes connections away."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.text("table") ?? "nat"
        guard ["nat", "filter", "mangle", "raw"].contains(name) else {
            throw request.wrong("table", "nat, filter, mangle or raw", .text(name))
        }
        let backend = try request.text("backend")
        if let backend, !["nft", "legacy"].contains(backend) {
            throw request.wrong("backend", "nft or legacy", .text(backend))
        }
        let host = host
        let state = try await Deadline.race("read the \(name) table", until: request.deadline) {
            () async throws(ProbeError) in try await host.packetFilter(table: name, backend: backend, for: request)
        }
        guard let table = state.table else {
            return Observation(
                ["exists": .bool(false), "rules": .list([]), "chains": .list([]), "backends": .texts(state.backends)],
                evidence: ["no table \(name)"])
        }
        let isOurs: (String) -> Bool = { rule in
            InterceptionRules.chains.contains { rule.startsBytewise("-A \($0) ") }
                || SavedTable.target(of: rule).map(InterceptionRules.chains.contains) ?? false
        }
        let ours = table.rules.filter(isOurs)
        var observation = Observation(
            [
                "exists": .bool(true), "rules": .texts(table.rules), "chains": .texts(table.chains),
                "jumps": .map([
                    "PREROUTING": .integer(table.jumps(from: "PREROUTING")),
                    "OUTPUT": .integer(table.jumps(from: "OUTPUT")),
                ]),
                "mesh-rules": .integer(ours.count), "backends": .texts(state.backends),
                "ssh-first": .bool(Self.leavesSSHAlone(table)), "position-ok": .bool(table.arePositionsFree),
            ], evidence: ["\(name) table: \(ours.count) rules of the mesh, \(table.rules.count) in all"])
        if request.wants("orphaned") { try await addOrphans(table, to: &observation, request) }
        if request.wants("matches-settings", "differences", "expected-rules") {
            try await compare(table, into: &observation, request)
        }
        return observation
    }

    private static func leavesSSHAlone(_ table: SavedTable) -> Bool {
        let inbound = table.rules(of: InterceptionRules.inboundChain)
        guard let first = inbound.first else { return true }
        return first == "-A \(InterceptionRules.inboundChain) -p tcp -m tcp --dport 22 -j RETURN"
    }

    /// Redirected traffic goes to ports; each needs a listener if anything leads there.
    private func addOrphans(
        _ table: SavedTable, to observation: inout Observation, _ request: ProbeRequest
    ) async throws(ProbeError) {
        var isOrphaned = false
        let leads = table.jumps(from: "PREROUTING") + table.jumps(from: "OUTPUT") > 0
        let sockets = try await host.sockets(since: request.since)
        for rule in table.rules(of: InterceptionRules.redirectChain) where leads {
            let words = SavedTable.words(rule)
            guard let flag = words.firstIndex(of: "--to-ports"), flag + 1 < words.count,
                let port = Bytes.decimal(words[flag + 1].utf8)
            else { continue }
            if sockets.sockets(port: Int(port), transport: .tcp).isEmpty {
                isOrphaned = true
                observation.evidence.append("traffic is redirected to port \(port), where nothing listens")
            }
        }
        observation.attributes["orphaned"] = .bool(isOrphaned)
    }

    private func compare(
        _ table: SavedTable, into observation: inout Observation, _ request: ProbeRequest
    ) async throws(ProbeError) {
        let machine = try await host.settings(
            cluster: try request.text("cluster-file") ?? MeshPaths.clusterEnvironment,
            sidecar: try request.text("sidecar-file") ?? MeshPaths.sidecarEnvironment, for: request)
        let settings = machine.settings
        let faults =
            [machine.cluster, machine.sidecar].compactMap { $0 }.flatMap(\.problems).filter { !$0.isWarning }
            .map(\.description) + settings.problems.filter { !$0.isWarning }.map(\.description)
        guard faults.isEmpty else {
            throw ProbeError(
                .invalid, "tell which rules the settings call for", expected: "settings that the scripts take",
                found: faults.joined(separator: "; "))
        }
        let uids: [UInt32]
        if case .list(let items)? = request.parameters["uids"] {
            uids = items.compactMap { if case .integer(let number) = $0 { UInt32(exactly: number) } else { nil } }
            guard uids.count == items.count else { throw request.wrong("uids", "uids", .list(items)) }
        } else if settings.envoyUIDs != nil {
            uids = []
        } else {
            guard let user = try await host.user(settings.envoyUser, for: request) else {
                throw ProbeError(
                    .unavailable, "tell which rules the settings call for", expected: "a user \(settings.envoyUser)",
                    found: "none")
            }
            uids = [user.uid, 0]
        }
        let expected = InterceptionRules.expected(settings, uids: uids)
        let differences = RuleDifference.all(table, expected).map(\.description)
        observation.attributes["matches-settings"] = .bool(differences.isEmpty)
        observation.attributes["expected-rules"] = .texts(expected.rules)
        observation.attributes["differences"] = .texts(differences)
        observation.evidence += differences.map { $0.shortened(to: 400) }
    }
}
