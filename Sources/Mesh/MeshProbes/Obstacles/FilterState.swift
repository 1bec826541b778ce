import Platform
import Probes

/// The rules of all tables of the packet filter.
struct FilterState: Sendable {
    var walks: [IptablesWalk]
    var nft: NftRuleset?

    /// What a packet is marked with before it is routed again; nil when it is not.
    func mark(of packet: FilteredPacket) -> (mark: UInt32, rule: String)? {
        for walk in walks where walk.name == "mangle" {
            if let marked = walk.mark(in: "OUTPUT", of: packet), marked.mark != 0 { return marked }
        }
        return nft?.mark(of: packet).flatMap { $0.mark == 0 ? nil : $0 }
    }

    fileprivate static func read() async throws(ProbeError) -> FilterState {
        try await PacketFilterReader.requirePermission()
        var walks: [IptablesWalk] = []
        for variant in ["nft", "legacy"] {
            let program = "iptables-\(variant)-save"
            if variant == "legacy", try await PacketFilterReader.legacyTables().isEmpty { continue }
            guard Tool.path(program) != nil else { continue }
            let run = try await Tool.run(program, [], until: .now + .seconds(5))
            guard run.status == 0 else { throw run.failure("read the packet filter") }
            for name in ["raw", "mangle", "filter", "security", "nat"] {
                guard let table = SavedTable.parse(run.output, table: name) else { continue }
                walks.append(
                    IptablesWalk(
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
