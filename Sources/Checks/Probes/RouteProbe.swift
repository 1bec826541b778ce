import Platform

/// Routes.
struct RouteProbe: Probe {
    static let kind = SubjectKind(
        "route",
        "The way of packets to an address, as `ip route get` finds it; or an entry of a table, as `ip route show` has it.",
        mainParameter: "to",
        parameters: [
            .init(
                "to", .text,
                "An address or a name: the way that packets take. `default`, or a range such as 10.150.0.0/24: the entry of the "
                    + "table.", isRequired: true),
            .init("table", .text, "For an entry, name or number of its table; main by default."),
            .init("family", .text, "For `default`, and for a name with addresses of both.", choices: ["ipv4", "ipv6"]),
            .init(
                "as", .text,
                "For a way, the user whose packets they are, since rules may ask for it; `run-as` by default."),
            .init("from", .text, "For a way, the source address of the packets."),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is a route by which packets can leave or arrive."),
            .init(
                "type", .text,
                "unicast, local, broadcast, multicast …; blackhole, unreachable, prohibit or none where packets go nowhere."
            ),
            .init("gateway", .text, "The next router; null where the destination is on the link."),
            .init("device", .text, "The interface."),
            .init("source", .text, "The source address of packets that have none yet."),
            .init("table", .text, "The table that has the route; null for a way by the usual ones."),
            .init("metric", .integer, "Its metric; null if it has none."),
            .init("mtu", .integer, "The largest packet in bytes, where the route limits it."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        try host.requireThisMachine("look for routes")
        let target = try request.requiredText("to")
        let family = try request.text("family").map { $0 == "ipv6" ? "-6" : "-4" }
        if target == "default" || target.utf8.contains(UInt8(ascii: "/")) {
            return try await entry(target, family, request)
        }
        return try await way(to: target, family, request)
    }

    /// An entry of a table.
    private func entry(
        _ target: String, _ family: String?, _ request: ProbeRequest
    ) async throws(ProbeError) -> Observation {
        var option = family ?? "-4"
        if target != "default" {
            guard let network = CIDR(target) else { throw Self.fault("to", target, "an address, a range or 'default'") }
            option = network.network.bitWidth == 128 ? "-6" : "-4"
        }
        let table = try request.text("table") ?? "main"
        guard !table.isEmpty, table.utf8.allSatisfy({ Ascii.isAlphanumeric($0) || "._-".utf8.contains($0) }) else {
            throw Self.fault("table", table, "name or number of a table")
        }
        let run = try await Tool.run(
            "ip", [option, "-o", "route", "show", "table", table, "exact", target], until: request.deadline)
        // A table that nothing has been put in does not exist.
        let isMissing = run.status == 2 && Ascii.text(run.errors).containsBytewise("FIB table does not exist")
        guard run.status == 0 || isMissing else { throw run.failure("look for the route \(target)") }
        // Of several, the one with the least metric stands first and is taken.
        guard let line = Bytes.lines(run.output).first else {
            return Observation(
                ["exists": .bool(false), "type": .text("none")], evidence: ["table \(table) has no route \(target)"])
        }
        return Self.observation(line, table: table)
    }

    /// The way of packets.
    private func way(
        to target: String, _ family: String?, _ request: ProbeRequest
    ) async throws(ProbeError) -> Observation {
        let wanted: Int? = family.map { $0 == "-6" ? 128 : 32 }
        let addresses = try await HostNames.addresses(of: target, until: request.deadline)
        guard let address = addresses.first(where: { wanted == nil || $0.bitWidth == wanted }) else {
            throw ProbeError(.unreachable, "look up \(target)", expected: "an address", found: "none")
        }
        var arguments = [address.bitWidth == 128 ? "-6" : "-4", "-o", "route", "get", address.description]
        if let from = try request.text("from") {
            guard let source = IPAddress(from) else { throw Self.fault("from", from, "an IP address") }
            arguments += ["from", source.description]
        }
        if let name = try request.text("as") ?? request.user {
            guard let user = try await host.user(name, for: request) else {
                throw ProbeError(.unavailable, "look as user '\(name)'", expected: "a user of this name", found: "none")
            }
            arguments += ["uid", String(user.uid)]
        }
        let run = try await Tool.run("ip", arguments, until: request.deadline)
        if run.status == 0, let line = Bytes.lines(run.output).first { return Self.observation(line, table: nil) }
        // The kernel answers with the error that a packet would get (rtnetlink(7)).
        let said = Ascii.text(Ascii.trimmed(run.errors[...]))
        let types = [
            ("Network is unreachable", "none"), ("No route to host", "unreachable"), ("Permission denied", "prohibit"),
            ("Invalid argument", "blackhole"),
        ]
        guard let type = types.first(where: { said.containsBytewise("RTNETLINK answers: " + $0.0) })?.1 else {
            throw run.failure("look for the way to \(address)")
        }
        return Observation(
            ["exists": .bool(false), "type": .text(type)], evidence: ["no way to \(address): \(said.shortened())"])
    }

    /// What a line of ip-route(8) says.
    private static func observation(_ line: [UInt8], table: String?) -> Observation {
        let words = Ascii.words(line[...]).map { Ascii.text($0) }
        func value(_ key: String) -> String? {
            words.firstIndex(of: key).flatMap { $0 + 1 < words.endIndex ? words[$0 + 1] : nil }
        }
        func number(_ key: String) -> Value { .integer(value(key).flatMap { Bytes.decimal($0.utf8) }) }
        let type = words.first.flatMap { RouteTables.types.contains($0) ? $0 : nil } ?? "unicast"
        let isUsable =
            !["blackhole", "unreachable", "prohibit", "throw"].contains(type)
            && !words.contains("dead") && !words.contains("linkdown")
        return Observation(
            [
                "exists": .bool(isUsable), "type": .text(type), "gateway": .text(orNull: value("via")),
                "device": .text(orNull: value("dev")), "source": .text(orNull: value("src")),
                "table": .text(orNull: value("table") ?? table), "metric": number("metric"), "mtu": number("mtu"),
            ], evidence: [words.filter { $0 != "\\" && $0 != "cache" }.joined(separator: " ")])
    }

    private static func fault(_ parameter: String, _ text: String, _ expected: String) -> ProbeError {
        ProbeError(.invalid, "read parameter \(parameter)", expected: expected, found: "'\(text.shortened())'")
    }
}
