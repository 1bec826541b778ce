import Glibc

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
        guard isThisMachine else {
            throw ProbeError(
                .unavailable, "read the packet filter", expected: "the machine that runs us",
                found: "files below \(root)")
        }
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

    private static func legacyTables() async throws(ProbeError) -> [String] {
        try await BlockingPool.files.run("read /proc/net/ip_tables_names", until: .now + .seconds(5)) {
            () throws(ProbeError) in
            let bytes = try SystemFile.read("/proc/net/ip_tables_names") ?? []
            return Bytes.lines(bytes).map { Bytes.text($0) }
        }
    }

    /// Reading rules needs CAP_NET_ADMIN, the capability of number 12 (capabilities(7)).
    private static func requirePermission() async throws(ProbeError) {
        try await BlockingPool.files.run("read our capabilities", until: .now + .seconds(5)) { () throws(ProbeError) in
            for line in Bytes.lines(try SystemFile.read("/proc/self/status") ?? []) {
                let words = Bytes.words(line)
                guard words.count == 2, words[0].isText("CapEff:"), let bits = Bytes.hexadecimal(words[1]) else {
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

extension Collection where Element == UInt8 {
    /// Whether it is a text, byte by byte.
    fileprivate func isText(_ text: String) -> Bool { elementsEqual(text.utf8) }
}
