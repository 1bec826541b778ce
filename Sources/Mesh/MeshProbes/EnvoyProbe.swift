import MeshContract
import Platform
import Probes

/// A running Envoy.
struct EnvoyProbe: Probe {
    static let kind = SubjectKind(
        "envoy", "A running Envoy, seen through its admin interface.", mainParameter: "admin",
        parameters: [
            .init("admin", .text, "HOST:PORT; 127.0.0.1:\(MeshPorts.envoyAdmin) by default."),
            .init("stats", .list(.text), "Names of the counters and gauges for `stats`."),
        ],
        attributes: [
            .init("live", .bool, "Whether it answers and accepts traffic; false if nothing listens."),
            .init("state", .text, "LIVE, DRAINING, PRE_INITIALIZING or INITIALIZING."),
            .init("epoch", .integer, "Its restart epoch."),
            .init("version", .text, "Its version."),
            .init("uptime", .duration, "How long it has run."),
            .init("node", .text, "Its node id."),
            .init("cluster", .text, "Its service cluster."),
            .init("listeners", .list(.text), "Names of the listeners."),
            .init("listener-addresses", .map(.text), "Addresses of the listeners by name."),
            .init("clusters", .list(.text), "Names of the clusters."),
            .init("dynamic-clusters", .list(.text), "Names of those that the control plane sent."),
            .init("endpoints", .map(.list(.text)), "Addresses of each cluster's healthy hosts."),
            .init("stats", .map(.integer), "Those counters and gauges of `stats` that exist."),
            .init("updates", .map(.any), "For cds and lds: attempts, successes, failures, rejected and last (time)."),
            .init(
                "failing", .list(.text),
                "Those of cds and lds whose updates of these seconds have all failed or were rejected, or that have no "
                    + "connection to the control plane."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let endpoint = try NetworkEndpoint(reading: try request.text("admin") ?? "127.0.0.1:\(MeshPorts.envoyAdmin)")
        let admin = EnvoyAdmin(
            endpoint: endpoint, connections: try await host.httpConnections(.init(), for: request),
            deadline: request.deadline)
        let info: Value
        do throws(ProbeError) {
            info = try await admin.json("/server_info")
        } catch {
            guard error.reason == .unreachable else { throw error }
            return Observation(["live": .bool(false), "state": .null], evidence: ["\(endpoint): \(error.found)"])
        }
        let state = info["state"]?.asText
        let options = info["command_line_options"]
        let epoch = EnvoyEpoch(info)
        var attributes: [String: Value] = [
            "live": .bool(epoch.isLive), "state": .text(orNull: state), "epoch": .integer(epoch.number),
            "version": .text(orNull: info["version"]?.asText.map(Self.version)),
            "uptime": info["uptime_current_epoch"]?.asText.flatMap { GoDuration($0) }.map { .duration($0) } ?? .null,
            "node": .text(orNull: info["node"]?["id"]?.asText ?? options?["service_node"]?.asText),
            "cluster": .text(orNull: info["node"]?["cluster"]?.asText ?? options?["service_cluster"]?.asText),
        ]
        if request.wants("listeners", "listener-addresses") { try await addListeners(admin, &attributes) }
        if request.wants("clusters", "dynamic-clusters", "endpoints") { try await addClusters(admin, &attributes) }
        if request.wants("failing") {
            attributes["failing"] = .texts(try await FailingUpdates.names(admin, until: request.deadline))
        }
        if request.wants("stats", "updates") { try await addStats(admin, &attributes, request) }
        return Observation(
            attributes,
            evidence: ["\(endpoint): \(state ?? "no state"), epoch \(epoch.number)"])
    }

    /// The number in `hash/1.40.0/Clean/RELEASE/BoringSSL`.
    private static func version(_ text: String) -> String {
        let parts = text.utf8.split(separator: UInt8(ascii: "/")).map { Ascii.text($0) }
        return parts.count > 1 ? parts[1] : text
    }

    private func addListeners(_ admin: EnvoyAdmin, _ attributes: inout [String: Value]) async throws(ProbeError) {
        let answer = try await admin.json("/listeners?format=json")
        var names: [String] = []
        var addresses: [String: String] = [:]
        for listener in answer["listener_statuses"]?.items ?? [] {
            guard let name = listener["name"]?.asText else { continue }
            names.append(name)
            addresses[name] = Self.address(listener["local_address"])
        }
        attributes["listeners"] = .texts(names)
        attributes["listener-addresses"] = .textMap(addresses)
    }

    private func addClusters(_ admin: EnvoyAdmin, _ attributes: inout [String: Value]) async throws(ProbeError) {
        let answer = try await admin.json("/clusters?format=json")
        var names: [String] = []
        var dynamic: [String] = []
        var endpoints: [String: Value] = [:]
        for cluster in answer["cluster_statuses"]?.items ?? [] {
            guard let name = cluster["name"]?.asText else { continue }
            names.append(name)
            if cluster["added_via_api"] == .bool(true) { dynamic.append(name) }
            endpoints[name] = .texts(
                (cluster["host_statuses"]?.items ?? []).compactMap { host in
                    let health = host["health_status"]?["eds_health_status"]?.asText ?? "HEALTHY"
                    return health == "HEALTHY" ? Self.address(host["address"]) : nil
                })
        }
        attributes["clusters"] = .texts(names)
        attributes["dynamic-clusters"] = .texts(dynamic)
        attributes["endpoints"] = .map(endpoints)
    }

    private func addStats(
        _ admin: EnvoyAdmin, _ attributes: inout [String: Value], _ request: ProbeRequest
    ) async throws(ProbeError) {
        let stats = EnvoyAdmin.stats(try await admin.body("/stats"))
        let wanted = try request.texts("stats") ?? []
        attributes["stats"] = .map(stats.filter { wanted.contains($0.key) }.mapValues { .integer($0) })
        var updates: [String: Value] = [:]
        for (name, prefix) in FailingUpdates.prefixes {
            func number(_ suffix: String) -> Value { .integer(stats[prefix + suffix] ?? 0) }
            updates[name] = .map([
                "attempts": number("update_attempt"), "successes": number("update_success"),
                "failures": number("update_failure"), "rejected": number("update_rejected"),
                // In milliseconds since 1970; Envoy of old has no such gauge.
                "last": stats[prefix + "update_time"].flatMap { $0 > 0 ? .time($0 &* 1_000_000) : nil } ?? .null,
            ])
        }
        attributes["updates"] = .map(updates)
    }

    static func address(_ value: Value?) -> String? {
        guard let socket = value?["socket_address"], let address = socket["address"]?.asText,
            case .integer(let port)? = socket["port_value"]
        else { return value?["pipe"]?["path"]?.asText }
        return NetworkEndpoint(host: address, port: UInt16(clamping: port)).description
    }
}

/// Updates that fail while others are looking.
private enum FailingUpdates {
    /// What the counters of each kind begin with.
    static let prefixes = [("cds", "cluster_manager.cds."), ("lds", "listener_manager.lds.")]
    /// How long the counters are watched: some periods of an Envoy that asks again and again, every second.
    private static let window = Duration.seconds(3)

    /// The kinds of which nothing came while somebody looked, though it was asked for.
    static func names(
        _ admin: EnvoyAdmin, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> [String] {
        let first = EnvoyAdmin.stats(try await admin.body("/stats?filter=%28cds%7Clds%7Ccontrol_plane%29"))
        // Nothing is gained by waiting for what has never failed.
        guard prefixes.contains(where: { isSuspect(first, $0.1) }) else { return [] }
        let end = min(ContinuousClock.now + window, deadline - .milliseconds(500))
        var last = first
        var failing = prefixes.map(\.0)
        while ContinuousClock.now < end, !failing.isEmpty {
            do { try await Task.sleep(for: .milliseconds(250)) } catch { break }
            last = EnvoyAdmin.stats(try await admin.body("/stats?filter=%28cds%7Clds%7Ccontrol_plane%29"))
            failing = prefixes.filter { rise(of: "update_success", $0.1, first, last) == 0 }.map(\.0)
        }
        return prefixes.filter { name, prefix in
            guard failing.contains(name) else { return false }
            let failures =
                rise(of: "update_failure", prefix, first, last) + rise(of: "update_rejected", prefix, first, last)
            return failures > 0 || last[prefix + "control_plane.connected_state"] == 0
                || last["control_plane.connected_state"] == 0
        }.map(\.0)
    }

    private static func isSuspect(_ stats: [String: Int64], _ prefix: String) -> Bool {
        stats[prefix + "update_failure"] ?? 0 > 0 || stats[prefix + "update_rejected"] ?? 0 > 0
            || stats[prefix + "control_plane.connected_state"] == 0 || stats["control_plane.connected_state"] == 0
    }

    private static func rise(
        of name: String, _ prefix: String, _ first: [String: Int64], _ last: [String: Int64]
    ) -> Int64 { (last[prefix + name] ?? 0) - (first[prefix + name] ?? 0) }
}

/// Envoy's admin interface.
struct EnvoyAdmin {
    var endpoint: NetworkEndpoint
    var connections: HTTPConnections
    var deadline: ContinuousClock.Instant

    /// The answer of one of its pages as JSON.
    func json(_ path: String) async throws(ProbeError) -> Value {
        try JSONReader.read(try await body(path), of: "Envoy's \(path)")
    }

    /// The answer of one of its pages.
    func body(_ path: String) async throws(ProbeError) -> [UInt8] {
        var query = HTTPExchange.Query(url: "http://\(endpoint)\(path)")
        query.limit = 64 << 20
        let answer = try await HTTPExchange.run(query, with: connections, until: deadline)
        guard answer.status == 200 else {
            throw ProbeError(
                .unavailable, "ask Envoy for \(path)", expected: "status 200", found: "\(answer.status)")
        }
        return answer.body
    }

    /// Counters and gauges: lines `NAME: NUMBER`.
    static func stats(_ body: [UInt8]) -> [String: Int64] {
        var stats: [String: Int64] = [:]
        for line in Bytes.lines(body) {
            guard let colon = line.lastIndex(of: UInt8(ascii: ":")),
                let number = Bytes.decimal(Ascii.trimmed(line[(colon + 1)...]))
            else { continue }
            stats[Ascii.text(line[..<colon])] = number
        }
        return stats
    }
}

/// One Envoy of those that replace each other.
struct EnvoyEpoch: CustomStringConvertible {
    let number: Int64
    let isLive: Bool

    /// - Parameter info: what the admin interface's `/server_info` says.
    init(_ info: Value) {
        if case .integer(let number)? = info["command_line_options"]?["restart_epoch"] {
            self.number = number
        } else {
            number = 0
        }
        isLive = info["state"]?.asText == "LIVE"
    }

    var description: String { "epoch \(number)\(isLive ? "" : ", which is not live")" }
}
