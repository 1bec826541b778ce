import Glibc
import Platform
import Probes

/// Whether those who depend on a service reach it.
struct ReachProbe: Probe {
    static let kind = SubjectKind(
        "reach", "Whether users of the host can open a TCP connection, and what of this host keeps them from it.",
        mainParameter: "address",
        parameters: [
            .init("address", .text, "HOST:PORT or [IPv6]:PORT.", isRequired: true, form: .endpoint),
            .init(
                "users", .list(.text),
                "Who has to reach it; those that do not exist are left out. Without root only who runs this is looked at."
            ),
            .init(
                "unit", .text, "The unit whose programs have to reach it: what is forbidden to it alone counts.",
                form: .unit),
            .init("elsewhere", .list(.text), "Other addresses to try if the port cannot be reached."),
            .init("named-in", .text, "The file that has the address, such as that of a name server.", form: .path),
        ],
        attributes: [
            .init("connected", .bool, "Whether all of them reach it."),
            .init("error", .text, "Why the first of them does not; null if all do."),
            .init("peer", .text, "The address that they connect to; null if the name has none."),
            .init("users", .map(.text), "What became of it by user: `connected`, or why not."),
            .init("kept-out", .list(.text), "Those who do not reach it, though others do."),
            .init(
                "obstacle", .text,
                "What of this host keeps them from it: \(Obstacles.Kind.allCases.map(\.rawValue).joined(separator: ", "))."
            ),
            .init("obstacles", .list(.text), "The rule, route or entry, as the tool that shows it prints it."),
            .init("undo", .list(.text), "Commands that take it out of the way."),
            .init("route", .text, "The route to it."),
            .init(
                "suspects", .list(.text),
                "Rules of the packet filter that let the connection be opened and may stop what is sent through it."),
            .init("undo-suspects", .list(.text), "Commands that remove them."),
            .init(
                "limits", .list(.text), "Rules of the packet filter that stop some connections and let others through."),
            .init("undo-limits", .list(.text), "Commands that take them out of the way."),
            .init(
                "diverted", .list(.text),
                "Rules of the nat table that lead the first user's connections elsewhere."
            ),
            .init("undo-diverted", .list(.text), "Commands that remove them."),
            .init("found-at", .list(.text), "The addresses of `elsewhere` where the port accepts connections."),
            .init("lines", .list(.text), "The lines of `named-in` that have the peer's address."),
            .init(
                "nobody", .bool,
                "Whether no host of this machine's own link has the address; null if it is reached, or is on no link of its own."
            ),
            .init("duration", .duration, "From the lookup to the last open connection."),
        ])

    private let host: Host
    /// What is left of the time for finding out why not.
    private static let explaining = Duration.seconds(2)

    init(host: Host) { self.host = host }

    /// A user who looks.
    struct Looker: Sendable {
        var name: String
        var uid: UInt32
        /// The name to look as; nil for who runs this.
        var role: String?
    }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        try host.requireThisMachine("connect")
        let endpoint = try NetworkEndpoint(reading: try request.requiredText("address"))
        let started = MonotonicTime.now
        var attributes: [String: Value] = [
            "connected": .bool(false), "error": .null, "peer": .null, "users": .map([:]), "kept-out": .list([]),
            "obstacle": .null, "obstacles": .list([]), "undo": .list([]), "route": .null, "suspects": .list([]),
            "undo-suspects": .list([]), "limits": .list([]), "undo-limits": .list([]), "diverted": .list([]),
            "undo-diverted": .list([]), "found-at": .list([]), "lines": .list([]), "nobody": .null,
        ]
        let address: IPAddress
        do throws(ProbeError) {
            address = try await HostNames.address(of: endpoint.host, until: request.deadline)
        } catch {
            guard error.reason == .unreachable else { throw error }
            attributes["error"] = .text(error.found == "none" ? "no name server answers" : error.found)
            return Observation(attributes, evidence: ["\(endpoint): \(error.found)"])
        }
        let peer = NetworkEndpoint(host: address.description, port: endpoint.port)
        attributes["peer"] = .text(peer.description)
        let lookers = try await Self.lookers(try request.texts("users") ?? [], host, request)
        let limit = max(ContinuousClock.now + .milliseconds(500), request.deadline - Self.explaining)
        let results = try await Self.connect(lookers, to: address, endpoint.port, host, request, until: limit)
        attributes["duration"] = .duration(of: MonotonicTime.now.since(started))
        attributes["users"] = .textMap(
            Dictionary(
                zip(lookers, results).map { ($0.name, $1 == 0 ? "connected" : ConnectionFailure.text($1)) },
                uniquingKeysWith: { first, _ in first }))
        // Root alone proves nothing where somebody else has to reach it.
        let wanted = lookers.indices.filter { lookers.count == 1 || lookers[$0].role != nil }
        var evidence = lookers.indices.map { index in
            "\(lookers[index].name) to \(peer): "
                + (results[index] == 0 ? "connected" : ConnectionFailure.text(results[index]))
        }
        guard let first = wanted.first(where: { results[$0] != 0 }) else {
            attributes["connected"] = .bool(true)
            // Somebody answers, and it is not the one who is meant.
            let search = ObstacleSearch(host: host, request: request)
            if let own = try await search.misrouted(to: address, port: endpoint.port, user: lookers[wanted[0]].uid) {
                evidence += Self.add(own, to: &attributes)
            }
            let looker = lookers[wanted[0]]
            if let unit = try request.text("unit"), attributes["obstacle"] == .null,
                let own = try await search.restriction(
                    of: unit, to: address, port: endpoint.port, user: lookers[wanted[0]].uid)
            {
                evidence += Self.add(own, to: &attributes)
            }
            if request.wants("diverted", "undo-diverted") {
                let diversions = try await search.diversions(
                    to: address, port: endpoint.port, user: looker.uid, userName: looker.name)
                attributes["diverted"] = .texts(diversions.map(\.text))
                attributes["undo-diverted"] = .texts(diversions.map(\.undo))
            }
            if request.wants("suspects", "undo-suspects") {
                let suspects = try await search.suspects(
                    to: address, port: endpoint.port, user: looker.uid, userName: looker.name)
                attributes["suspects"] = .texts(suspects.map(\.text))
                attributes["undo-suspects"] = .texts(suspects.map(\.undo))
            }
            if request.wants("limits", "undo-limits") {
                let limits = try await search.limits(
                    to: address, port: endpoint.port, user: looker.uid, userName: looker.name)
                attributes["limits"] = .texts(limits.map(\.text))
                attributes["undo-limits"] = .texts(limits.map(\.undo))
            }
            return Observation(attributes, evidence: evidence)
        }
        attributes["error"] = .text(ConnectionFailure.text(results[first]))
        if results.contains(0) {
            attributes["kept-out"] = .texts(wanted.filter { results[$0] != 0 }.map { lookers[$0].name })
        }
        let search = ObstacleSearch(host: host, request: request)
        let obstacles =
            results[first] == EADDRNOTAVAIL
            ? try await search.exhaustedPorts()
            : try await search.obstacles(
                to: address, port: endpoint.port, user: lookers[first].uid, userName: lookers[first].name)
        evidence += Self.add(obstacles, to: &attributes)
        if let file = try request.text("named-in"), request.wants("lines") {
            attributes["lines"] = .texts(try await lines(of: file, naming: address, request))
        }
        if request.wants("nobody"), obstacles.kind == nil {
            attributes["nobody"] = .bool(try await search.isNobody(address, user: lookers[first].uid))
        }
        let elsewhere = (try request.texts("elsewhere") ?? []).compactMap { IPAddress($0) }.filter { $0 != address }
        if !elsewhere.isEmpty, request.wants("found-at") {
            attributes["found-at"] = .texts(
                try await found(elsewhere, endpoint.port, by: lookers[first], request).map(\.description))
        }
        return Observation(attributes, evidence: evidence)
    }

    /// The lines of a file that have an address.
    private func lines(
        of file: String, naming address: IPAddress, _ request: ProbeRequest
    ) async throws(ProbeError) -> [String] {
        let bytes = try await host.contents(of: file, limit: 1 << 20, for: request) ?? []
        return Bytes.lines(bytes).enumerated().compactMap { index, line in
            let isNamed = line.split { "/#=, \t".utf8.contains($0) }.contains { IPAddress(Ascii.text($0)) == address }
            return isNamed ? "\(file):\(index + 1): \(Ascii.text(Ascii.trimmed(line[...])))" : nil
        }
    }

    /// The addresses that accept connections to a port.
    private func found(
        _ addresses: [IPAddress], _ port: UInt16, by looker: Looker, _ request: ProbeRequest
    ) async throws(ProbeError) -> [IPAddress] {
        var found: [IPAddress] = []
        for address in addresses {
            let limit = min(request.deadline - .milliseconds(300), .now + .milliseconds(500))
            if limit <= .now { break }
            if try await Self.connect([looker], to: address, port, host, request, until: limit) == [0] {
                found.append(address)
            }
        }
        return found
    }

    private static func add(_ obstacles: Obstacles, to attributes: inout [String: Value]) -> [String] {
        attributes["obstacle"] = .text(orNull: obstacles.kind?.rawValue)
        attributes["obstacles"] = .texts(obstacles.lines)
        attributes["undo"] = .texts(obstacles.undo)
        attributes["route"] = .text(orNull: obstacles.route)
        return obstacles.lines
    }

    /// Those of the users that exist, and who runs this; alone, if that is not root.
    static func lookers(
        _ names: [String], _ host: Host, _ request: ProbeRequest
    ) async throws(ProbeError) -> [Looker] {
        let own = Looker(name: geteuid() == 0 ? "root" : "uid \(geteuid())", uid: geteuid(), role: nil)
        guard geteuid() == 0 else { return [own] }
        var lookers = [own]
        for name in names where name != "root" {
            if let user = try await host.user(name, for: request) {
                lookers.append(Looker(name: name, uid: user.uid, role: name))
            }
        }
        return lookers
    }

    /// The error number of each user's connection, all at the same time.
    static func connect(
        _ lookers: [Looker], to address: IPAddress, _ port: UInt16, _ host: Host, _ request: ProbeRequest,
        until limit: ContinuousClock.Instant
    ) async throws(ProbeError) -> [Int32] {
        var waiting: [Task<Result<Int32, ProbeError>, Never>] = []
        for looker in lookers {
            var look = request
            look.user = looker.role
            let pool = try await host.pool(for: look)
            waiting.append(
                Task {
                    do throws(ProbeError) {
                        return .success(
                            try await pool.run("connect to \(address)", until: limit + .milliseconds(300)) {
                                () throws(ProbeError) in
                                UserConnection(address: address, port: port).run(until: limit).connectError
                            })
                    } catch { return .failure(error) }
                })
        }
        var results: [Int32] = []
        for task in waiting { results.append(try await task.value.get()) }
        return results
    }
}
