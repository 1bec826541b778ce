import Platform

/// What systemd starts at the next boot, and in which order.
package struct BootOrder: Sendable {
    private var units: [String: UnitProperties] = [:]
    /// Other names of units.
    private var aliases: [String: String] = [:]
    private var started: Set<String> = []

    /// How two units follow each other at boot.
    package enum Place: Sendable, Hashable { case before, after, unordered }

    /// Reads what `systemctl show` prints of all units that systemd knows.
    init(_ output: [UInt8]) {
        for unit in UnitProperties.parse(output) {
            guard let id = unit["Id"] else { continue }
            units[id] = unit
            for name in unit.names { aliases[name] = id }
        }
        // What a target wants at boot, and what these want; a timer or socket starts its service later.
        var waiting = ["default.target"]
        while let name = waiting.popLast() {
            let id = aliases[name] ?? name
            guard started.insert(id).inserted, let unit = units[id] else { continue }
            for property in ["Requires", "Wants", "BindsTo", "Upholds", "Requisite"] {
                waiting += Self.names(unit[property])
            }
        }
    }

    private static func names(_ text: String?) -> [String] {
        (text ?? "").utf8.split(separator: Ascii.space).map { Ascii.text($0) }
    }

    /// Whether a unit is started at boot, and not by a timer.
    package func starts(_ name: String) -> Bool { started.contains(aliases[name] ?? name) }

    /// The timers, sockets and paths that start a unit and are there after a boot.
    package func triggers(of name: String) -> [String] {
        Self.names(units[aliases[name] ?? name]?["TriggeredBy"]).filter { starts($0) }
    }

    /// Whether a unit is started before another one, for certain.
    package func place(of name: String, relativeTo other: String) -> Place {
        let (first, second) = (aliases[name] ?? name, aliases[other] ?? other)
        if isAfter(second, first) { return .before }
        return isAfter(first, second) ? .after : .unordered
    }

    /// Whether a unit waits for another one, through any that are started as well.
    private func isAfter(_ name: String, _ other: String) -> Bool {
        var seen: Set<String> = []
        var waiting = [name]
        while let next = waiting.popLast() {
            let id = aliases[next] ?? next
            guard seen.insert(id).inserted, let unit = units[id], id == name || starts(id) else { continue }
            let before = Self.names(unit["After"]).map { aliases[$0] ?? $0 }
            if before.contains(other) { return true }
            waiting += before
        }
        return false
    }
}

extension Host {
    /// What systemd starts at boot, read once.
    package nonisolated func bootOrder(for request: ProbeRequest) async throws(ProbeError) -> BootOrder {
        try await fact("boot-order", since: nil) { () async throws(ProbeError) in
            try await Systemd.require(on: self)
            let properties = "Id,Names,After,Requires,Wants,BindsTo,Upholds,Requisite,TriggeredBy"
            let run = try await Tool.run(
                "systemctl", ["show", "--no-pager", "--property=\(properties)", "--", "*"], until: .now + .seconds(8),
                outputLimit: 16 << 20)
            guard run.status == 0 else { throw run.failure("ask systemd about all units") }
            return BootOrder(run.output)
        }
    }
}
