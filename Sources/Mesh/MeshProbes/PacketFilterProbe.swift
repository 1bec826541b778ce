import Glibc
import MeshContract
import Platform
import Probes

/// The packet filter.
struct PacketFilterProbe: Probe {
    static let kind = SubjectKind(
        "packet-filter", "A table of the packet filter, and whether the mesh's rules in it match the host's settings.",
        mainParameter: "table",
        parameters: [
            .init("table", .text, "nat by default.", choices: ["nat", "filter", "mangle", "raw"]),
            .init(
                "backend", .text, "The implementation; the one that has rules by default.", choices: ["nft", "legacy"]),
            .init(
                "cluster-file", .text, "The cluster's settings; \(MeshPaths.clusterEnvironment) by default."),
            .init("sidecar-file", .text, "The host's settings; \(MeshPaths.sidecarEnvironment) by default."),
            .init(
                "uids", .list(.integer), "Users whose traffic is left alone; the settings' user, then root, by default."
            ),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is such a table."),
            .init("rules", .list(.text), "The rules as iptables-save prints them."),
            .init("chains", .list(.text), "The chains, including the kernel's."),
            .init("jumps", .map(.integer), "How many rules of PREROUTING and OUTPUT lead to the mesh's chains."),
            .init("mesh-rules", .integer, "How many rules belong to the mesh, including the jumps."),
            .init("matches-settings", .bool, "Whether the mesh's rules are exactly those that the settings require."),
            .init("expected-rules", .list(.text), "The rules that the settings require."),
            .init("differences", .list(.text), "How the rules differ from them."),
            .init("backends", .list(.text), "The implementations with rules in the table: nft, legacy."),
            .init("orphaned", .bool, "Whether traffic is redirected to a port that nothing listens on."),
            .init("ssh-first", .bool, "Whether port 22 is exempted before any inbound traffic is redirected."),
            .init("position-ok", .bool, "Whether no rule before the mesh's jumps diverts connections."),
            .init(
                "loaders", .list(.text),
                "Where the mesh's rules are missing, lines of units, cron tables and scripts of this host that load or empty "
                    + "rules, and that call such scripts."),
            .init("undo-loaders", .list(.text), "Commands that keep those lines from being run again."),
            .init(
                "boot-loaders", .list(.text),
                "Commands that empty the table once the sidecar's service has set the mesh's rules, or may: those of units that a "
                    + "boot starts after it or in no order with it, of timers and of cron tables."),
            .init(
                "undo-boot-loaders", .list(.text),
                "Commands that order these before the sidecar's service, or let it set its rules again after them."),
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
        try await addLoaders(areMissing: ours.isEmpty, to: &observation, request)
        if request.wants("orphaned") { try await addOrphans(table, to: &observation, request) }
        if request.wants("matches-settings", "differences", "expected-rules") {
            try await compare(table, into: &observation, request)
        }
        return observation
    }

    /// Who takes the rules away, where they are missing, and who will.
    private func addLoaders(
        areMissing: Bool, to observation: inout Observation, _ request: ProbeRequest
    ) async throws(ProbeError) {
        for name in ["loaders", "undo-loaders", "boot-loaders", "undo-boot-loaders"] {
            observation.attributes[name] = .list([])
        }
        let isAboutBoot = request.wants("boot-loaders", "undo-boot-loaders")
        guard isAboutBoot || areMissing && request.wants("loaders", "undo-loaders") else { return }
        let loaders = RuleLoaders(try await host.jobs(for: request))
        if loaders.lines.isEmpty { return }
        if areMissing {
            observation.attributes["loaders"] = .texts(loaders.shown)
            observation.attributes["undo-loaders"] = .texts(loaders.undo)
        }
        guard isAboutBoot else { return }
        let late = loaders.late(try await host.bootOrder(for: request))
        observation.attributes["boot-loaders"] = .texts(late.map(\.text))
        var seen: Set<String> = []
        let undo = late.flatMap(\.undo)
        // systemd reads all drop-ins at once.
        let commands = undo.filter { $0 != "systemctl daemon-reload" && seen.insert($0).inserted }
        observation.attributes["undo-boot-loaders"] = .texts(
            commands + (undo.contains("systemctl daemon-reload") ? ["systemctl daemon-reload"] : []))
        observation.evidence += late.map(\.text)
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
                .invalid, "find the rules that the settings require", expected: "settings that the scripts accept",
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
                    .unavailable, "find the rules that the settings require", expected: "a user \(settings.envoyUser)",
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

/// The tables of the packet filter, by implementation.
struct PacketFilterState: Sendable {
    /// The table as the system's iptables sees it; nil when there is none.
    var table: SavedTable?
    /// The implementations that have chains or rules in the table.
    var backends: [String]
}

extension Host {
    /// A table, read once.
    nonisolated func packetFilter(
        table: String, backend: String?, for request: ProbeRequest
    ) async throws(ProbeError) -> PacketFilterState {
        try requireThisMachine("read the packet filter")
        return try await fact("packet-filter-\(table)-\(backend ?? "")", since: request.since) {
            () async throws(ProbeError) in
            try await PacketFilterReader.read(table: table, backend: backend)
        }
    }
}

/// Asks iptables-save.
enum PacketFilterReader {
    private static let timeLimit = Duration.seconds(10)

    static func read(table: String, backend: String?) async throws(ProbeError) -> PacketFilterState {
        try await requirePermission()
        var backends: [String] = []
        var tables: [String: SavedTable] = [:]
        for name in ["nft", "legacy"] {
            // Asking the legacy implementation for a table would load the kernel's module for it.
            if name == "legacy", try await !legacyTables().contains(table) { continue }
            guard Tool.path("iptables-\(name)-save") != nil else { continue }
            if let found = try await save("iptables-\(name)-save", table) {
                tables[name] = found
                if !found.rules.isEmpty || found.chains.contains(where: { !builtIn.contains($0) }) {
                    backends.append(name)
                }
            }
        }
        let shown: SavedTable?
        if let backend {
            shown = tables[backend]
        } else if backends.count == 1, let only = backends.first {
            shown = tables[only]
        } else {
            shown = try await save("iptables-save", table)
        }
        return PacketFilterState(table: shown, backends: backends)
    }

    private static let builtIn: Set = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]

    private static func save(_ program: String, _ table: String) async throws(ProbeError) -> SavedTable? {
        let run = try await Tool.run(program, ["-t", table], until: .now + timeLimit)
        guard run.status == 0 else { throw run.failure("read the \(table) table") }
        return SavedTable.parse(run.output, table: table)
    }

    static func legacyTables() async throws(ProbeError) -> [String] {
        try await BlockingPool.files.run("read /proc/net/ip_tables_names", until: .now + .seconds(5)) {
            () throws(ProbeError) in
            let bytes = try SystemFile.read("/proc/net/ip_tables_names") ?? []
            return Bytes.lines(bytes).map { Ascii.text($0) }
        }
    }

    /// Reading rules needs CAP_NET_ADMIN, the capability of number 12 (capabilities(7)).
    static func requirePermission() async throws(ProbeError) {
        try await BlockingPool.files.run("read our capabilities", until: .now + .seconds(5)) { () throws(ProbeError) in
            for line in Bytes.lines(try SystemFile.read("/proc/self/status") ?? []) {
                let words = Ascii.words(line[...])
                guard words.count == 2, words[0].elementsEqual("CapEff:".utf8), let bits = Bytes.hexadecimal(words[1])
                else {
                    continue
                }
                if bits & 1 << 12 != 0 { return }
            }
            throw ProbeError(
                .notPermitted, "read the packet filter", expected: "to be run by root (CAP_NET_ADMIN)",
                found: "uid \(geteuid())")
        }
    }
}

/// A table as iptables-save(8) prints it.
struct SavedTable: Sendable, Hashable {
    /// The chains in their order.
    var chains: [String] = []
    /// The rules in their order, such as `-A OUTPUT -p tcp -j ISTIO_OUTPUT`.
    var rules: [String] = []

    /// Reads one table of a whole output; nil when the table is not in it.
    static func parse(_ output: [UInt8], table name: String) -> SavedTable? {
        var table: SavedTable?
        var isInside = false
        for line in Bytes.lines(output) {
            switch line.first {
            case UInt8(ascii: "*"):
                isInside = line.dropFirst().elementsEqual(name.utf8)
                if isInside, table == nil { table = SavedTable() }
            case UInt8(ascii: ":"):
                guard isInside, let chain = Ascii.words(line.dropFirst()).first else { continue }
                table?.chains.append(Ascii.text(chain))
            case UInt8(ascii: "-"): if isInside { table?.rules.append(Ascii.text(line)) }
            // Rules with their counters: [packets:bytes] -A …
            case UInt8(ascii: "["):
                if isInside, let end = line.firstIndex(of: UInt8(ascii: "]")) {
                    table?.rules.append(Ascii.text(Ascii.trimmed(line[(end + 1)...])))
                }
            default: break
            }
        }
        return table
    }

    /// The rules of one chain.
    func rules(of chain: String) -> [String] { rules.filter { $0.startsBytewise("-A \(chain) ") } }

    /// The words of a rule; a comment in quotes is one word.
    static func words(_ rule: String) -> [String] {
        var words: [[UInt8]] = [[]]
        var isQuoted = false
        var isEscaped = false
        for byte in rule.utf8 {
            if isEscaped {
                words[words.count - 1].append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\"), isQuoted {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == Ascii.space, !isQuoted {
                words.append([])
            } else {
                words[words.count - 1].append(byte)
            }
        }
        return words.filter { !$0.isEmpty }.map { Ascii.text($0) }
    }

    /// What a rule does: the word behind -j or -g.
    static func target(of rule: String) -> String? {
        let words = words(rule)
        guard let flag = words.firstIndex(where: { $0 == "-j" || $0 == "-g" }), flag + 1 < words.count else {
            return nil
        }
        return words[flag + 1]
    }

    /// How many rules of a chain lead to one of the mesh's chains.
    func jumps(from chain: String) -> Int {
        rules(of: chain).filter { Self.target(of: $0).map(InterceptionRules.chains.contains) ?? false }.count
    }

    /// Whether no rule before the mesh's jumps takes TCP connections away.
    var arePositionsFree: Bool {
        for chain in ["PREROUTING", "OUTPUT"] {
            for rule in rules(of: chain) {
                guard let target = Self.target(of: rule) else { continue }
                if InterceptionRules.chains.contains(target) { break }
                let words = Self.words(rule)
                let isOtherProtocol = words.firstIndex(of: "-p").map { words[$0 + 1] != "tcp" } ?? false
                let passes = target == "LOG" || target == "NFLOG" || target == "MARK"
                let leadsHere = !isOtherProtocol && !passes
                // A rule behind which no jump of ours comes is in nobody's way.
                if leadsHere, jumps(from: chain) > 0 { return false }
            }
        }
        return true
    }
}

/// A difference between the rules that are there and those that the settings call for.
struct RuleDifference: Sendable, Hashable, CustomStringConvertible {
    var chain: String
    var expected: [String]
    var found: [String]

    var description: String {
        let missing = expected.filter { !found.contains($0) }
        let extra = found.filter { !expected.contains($0) }
        if missing.isEmpty, extra.isEmpty {
            guard expected.count != found.count else { return "\(chain): the rules are in another order" }
            let repeated = expected.filter { rule in
                found.filter { $0 == rule }.count > expected.filter { $0 == rule }.count
            }
            return "\(chain): more often than expected: \(repeated.joined(separator: "; "))"
                + (found.first == expected.first ? "" : "; first of all \(found[0])")
        }
        return ([missing.map { "missing: \($0)" }, extra.map { "not expected: \($0)" }].flatMap { $0 })
            .joined(separator: "; ")
    }

    /// Everything that is different. In PREROUTING and OUTPUT only the mesh's own jumps count.
    static func all(_ table: SavedTable, _ expected: InterceptionRules) -> [RuleDifference] {
        var differences: [RuleDifference] = []
        for chain in ["PREROUTING", "OUTPUT"] {
            let found = table.rules(of: chain).filter { rule in
                SavedTable.target(of: rule).map(InterceptionRules.chains.contains) ?? false
            }
            let wanted = expected.rules(of: chain)
            if found != wanted { differences.append(RuleDifference(chain: chain, expected: wanted, found: found)) }
        }
        for chain in InterceptionRules.chains {
            let (wanted, found) = (expected.rules(of: chain), table.rules(of: chain))
            if found != wanted {
                differences.append(RuleDifference(chain: chain, expected: wanted, found: found))
            } else if table.chains.contains(chain), wanted.isEmpty {
                differences.append(RuleDifference(chain: chain, expected: [], found: ["-N \(chain)"]))
            }
        }
        return differences
    }
}
