import Glibc
import MeshContract
import Platform
import Probes

/// A request of a user of the host to a service of the mesh, stage by stage.
struct RequestProbe: Probe {
    static let kind = SubjectKind(
        "mesh-request",
        "A request to a service of the mesh as a user of the host makes it, and the stage that it comes to: the name, the "
            + "intercepted range, Envoy, its route, its endpoints, the answer.",
        mainParameter: "url",
        parameters: [
            .init("url", .text, "http://HOST:PORT/PATH.", isRequired: true, form: .url),
            .init(
                "user", .text, "Who asks; neither root nor Envoy's user, whose requests go past it.", isRequired: true),
            .init("envoy-user", .text, "Who Envoy runs as; \(MeshNames.user) by default."),
            .init(
                "admin", .text, "HOST:PORT of Envoy's admin interface; 127.0.0.1:\(MeshPorts.envoyAdmin) by default."),
        ],
        attributes: [
            .init("stage", .text, "Where it ended: \(RequestStage.allCases.map(\.rawValue).joined(separator: ", "))."),
            .init("status", .integer, "The status; null without one."),
            .init("body", .text, "The body."),
            .init("seen", .text, "One line of what was seen."),
            .init("addresses", .list(.text), "The addresses that the user finds."),
            .init("in-range", .bool, "Whether the address is in the ranges that are intercepted."),
            .init(
                "counted", .bool,
                "Whether Envoy has counted a connection to this port meanwhile; null if it was not asked, or was replaced."
            ),
            .init("counts", .text, "Its counts and restart epochs before and after the request."),
            .init("cluster", .text, "The cluster that Envoy's routes name for the host; null if there is none."),
            .init("endpoints", .list(.text), "Its endpoints, and what became of a connection as Envoy's user."),
            .init(
                "unreached", .list(.text),
                "The endpoints that Envoy's user does not reach, though it reaches others."),
            .init("obstacle", .text, "What of this host is in the way; null if nothing is."),
            .init("obstacles", .list(.text), "The rule, route or entry, as the tool that shows it prints it."),
            .init("undo", .list(.text), "Commands that take it out of the way."),
            .init("undo-size", .text, "The command that asks for small packets, where large ones are lost; else null."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let url = try URLAuthority(try request.requiredText("url"))
        guard let endpoint = url.plainEndpoint else {
            throw ProbeError(.invalid, "ask the mesh", expected: "http://", found: "another scheme")
        }
        let userName = try request.requiredText("user")
        guard let user = try await host.user(userName, for: request) else {
            throw ProbeError(.unavailable, "ask as user '\(userName)'", expected: "a user of this name", found: "none")
        }
        var walk = RequestWalk(host: host, request: request, endpoint: endpoint, target: url.target)
        walk.user = .init(name: userName, uid: user.uid, role: userName)
        walk.envoyUser = try request.text("envoy-user") ?? MeshNames.user
        walk.admin = try NetworkEndpoint(
            reading: try request.text("admin") ?? "127.0.0.1:\(MeshPorts.envoyAdmin)")
        try await walk.run()
        return Observation(
            [
                "stage": .text(walk.stage.rawValue), "status": .integer(walk.status),
                "body": .text(Ascii.text(walk.body)), "seen": .text(walk.seen),
                "addresses": .texts(walk.addresses.map(\.description)),
                "in-range": walk.isInRange.map { .bool($0) } ?? .null,
                "counted": walk.isCounted.map { .bool($0) } ?? .null, "counts": .text(orNull: walk.counts),
                "cluster": .text(orNull: walk.cluster),
                "endpoints": .texts(walk.endpoints), "unreached": .texts(walk.unreached),
                "obstacle": .text(orNull: walk.obstacles.kind?.rawValue),
                "obstacles": .texts(walk.obstacles.lines), "undo": .texts(walk.obstacles.undo),
                "undo-size": .text(orNull: walk.smallPackets),
            ], evidence: walk.story)
    }
}

/// Where a request can end.
enum RequestStage: String, Sendable, CaseIterable {
    /// The user finds no address.
    case name
    /// The connection is not opened.
    case connect
    /// It is answered without Envoy.
    case pastEnvoy = "past-envoy"
    /// Envoy has no route for the host.
    case route
    /// Envoy has no endpoint for the service.
    case endpoints
    /// Envoy's user does not reach the endpoints.
    case endpoint
    /// Large packets of the endpoint do not come back.
    case large
    /// The answer is an error, cut off, or none.
    case answer
    /// An answer with status 2xx, or a redirect.
    case whole
}

/// The way of one request.
struct RequestWalk {
    let host: Host
    let request: ProbeRequest
    let endpoint: NetworkEndpoint
    let target: String
    var user = ReachProbe.Looker(name: "", uid: 0)
    var envoyUser = ""
    var admin = NetworkEndpoint(host: "127.0.0.1", port: UInt16(clamping: MeshPorts.envoyAdmin))

    private(set) var stage = RequestStage.name
    private(set) var status: Int?
    private(set) var body: [UInt8] = []
    private(set) var seen = ""
    private(set) var addresses: [IPAddress] = []
    private(set) var isInRange: Bool?
    private(set) var isCounted: Bool?
    private(set) var counts: String?
    private(set) var cluster: String?
    private(set) var endpoints: [String] = []
    private(set) var unreached: [String] = []
    private(set) var obstacles = Obstacles()
    private(set) var smallPackets: String?
    private(set) var story: [String] = []

    init(host: Host, request: ProbeRequest, endpoint: NetworkEndpoint, target: String) {
        self.host = host
        self.request = request
        self.endpoint = endpoint
        self.target = target
    }

    mutating func run() async throws(ProbeError) {
        let left = ContinuousClock.now.duration(to: request.deadline)
        let credentials = try await host.credentials(of: user.role, for: request)
        let answer = await NameProbe.getent(endpoint.host, as: credentials, until: .now + left * 0.3)
        addresses = endpoint.address.map { [$0] } ?? answer.addresses
        story.append("\(user.name) finds \(endpoint.host): \(answer)")
        guard let address = addresses.first else {
            seen = "\(endpoint.host): \(answer)"
            return
        }
        let settings = try await host.settings(for: request).settings
        isInRange = settings.serviceRanges.isEmpty || settings.serviceRanges.contains { $0.contains(address) }
        if isInRange == false { story.append("\(address) is outside of the intercepted ranges") }
        // The epoch is asked for first and last, so that all between is of one Envoy if it is the same.
        let first = try await epoch()
        let before = await connections(through: settings.envoyPort)
        let outcome = try await ask(address, endpoint.port, as: user.role, segment: nil, for: left * 0.35)
        let after = await connections(through: settings.envoyPort)
        let last = try await epoch()
        if let first, let last, let before, let after {
            counts = "\(before) of \(first), then \(after) of \(last)"
            // A new epoch answers before it accepts connections, and begins at zero.
            if first.number == last.number, first.isLive || first.number == 0 { isCounted = after > before }
        }
        if let isCounted { story.append("Envoy has counted \(isCounted ? "a" : "no") connection meanwhile") }
        let judgement = AnswerProbe.judged(outcome, texts: [], slow: .max)
        seen = judgement.seen
        story.append("\(NetworkEndpoint(host: address.description, port: endpoint.port)): \(seen)")
        if case .http(let head) = SpokenProtocol(outcome.received) {
            status = head.status
            body = Array(head.body(outcome.received).prefix(1 << 18))
        }
        guard outcome.isConnected else {
            stage = .connect
            try await findObstacles(to: address, settings)
            return
        }
        if let status, (200..<400).contains(status), judgement.phase == "whole" {
            // The next request may go to another endpoint.
            if isCounted == true { try await lookBehindEnvoy() }
            if isCounted == false { try await findObstacles(to: address, settings) }
            stage = .whole
            return
        }
        guard isCounted != false else {
            stage = .pastEnvoy
            try await findObstacles(to: address, settings)
            return
        }
        stage = .answer
        try await lookBehindEnvoy()
    }

    private func ask(
        _ address: IPAddress, _ port: UInt16, as user: String?, segment: Int32?, for limit: Duration
    ) async throws(ProbeError) -> UserConnection.Outcome {
        var connection = UserConnection(address: address, port: port)
        connection.segment = segment
        connection.request = Array(
            "GET \(target) HTTP/1.1\r\nHost: \(endpoint)\r\nUser-Agent: meshcheck\r\nConnection: close\r\n\r\n".utf8)
        let asked = connection
        var look = request
        look.user = user
        let until = ContinuousClock.now + limit
        return try await host.pool(for: look).run("ask \(address)", until: until + .milliseconds(300)) {
            () throws(ProbeError) in
            asked.run(until: until) { bytes in
                guard case .http(let head) = SpokenProtocol(bytes) else { return false }
                return head.isWhole(bytes) ?? false
            }
        }
    }

    // MARK: - Envoy

    private func envoy(_ path: String) async -> [UInt8]? {
        var look = request
        look.user = nil
        do throws(ProbeError) {
            let connections = try await host.httpConnections(.init(), for: look)
            return try await EnvoyAdmin(
                endpoint: admin, connections: connections, deadline: min(request.deadline, .now + .seconds(2))
            ).body(path)
        } catch {
            // Without Envoy's word the stages in front of it still tell something; other checks are about Envoy.
            return nil
        }
    }

    /// The connections to the port of the request that the Envoy which answers has got.
    private func connections(through envoyPort: Int) async -> Int64? {
        guard let body = await envoy("/stats?filter=downstream_cx_total") else { return nil }
        let ports = [Int(endpoint.port), envoyPort]
        // Listeners are named ADDRESS_PORT.
        return EnvoyAdmin.stats(body).filter { name, _ in
            name.startsBytewise("listener.") && ports.contains { name.endsBytewise("_\($0).downstream_cx_total") }
        }.values.reduce(0, +)
    }

    /// The Envoy that answers.
    private func epoch() async throws(ProbeError) -> EnvoyEpoch? {
        guard let body = await envoy("/server_info") else { return nil }
        return EnvoyEpoch(try JSONReader.read(body, of: "Envoy's /server_info"))
    }

    /// The endpoints that Envoy would take, and whether its user reaches them.
    private mutating func lookBehindEnvoy() async throws(ProbeError) {
        guard isCounted != false, let dump = await envoy("/config_dump"), let all = await envoy("/clusters?format=json")
        else { return }
        let names = [endpoint.description, endpoint.host]
        let configuration = try JSONReader.read(dump, of: "Envoy's configuration")
        guard let cluster = names.lazy.compactMap({ Self.cluster(for: $0, in: configuration) }).first else {
            stage = .route
            story.append("no route of Envoy is for \(endpoint.host)")
            return
        }
        self.cluster = cluster
        let statuses = try JSONReader.read(all, of: "Envoy's clusters")["cluster_statuses"]?.items ?? []
        let entry = statuses.first { $0["name"]?.asText == cluster }
        let hosts = (entry?["host_statuses"]?.items ?? []).compactMap { EnvoyProbe.address($0["address"]) }
            .compactMap { NetworkEndpoint($0) }
        guard !hosts.isEmpty else {
            stage = .endpoints
            story.append("cluster \(cluster) has no endpoint")
            return
        }
        try await reach(hosts)
    }

    private mutating func reach(_ hosts: [NetworkEndpoint]) async throws(ProbeError) {
        let lookers = try await ReachProbe.lookers([envoyUser], host, request)
        guard let looker = lookers.last else { return }
        var isAnyReached = false
        defer { if !isAnyReached { unreached = [] } }
        for endpoint in hosts.prefix(4) {
            guard let address = endpoint.address else { continue }
            let limit = ContinuousClock.now + .milliseconds(1200)
            let results = try await ReachProbe.connect(
                [looker], to: address, endpoint.port, host, request, until: limit)
            let text = results.first.map { $0 == 0 ? "connected" : ConnectionFailure.text($0) } ?? "not looked at"
            endpoints.append("\(endpoint) as \(looker.name): \(text)")
            story.append("endpoint \(endpoints[endpoints.count - 1])")
            if results.first == 0 { isAnyReached = true } else { unreached.append(endpoints[endpoints.count - 1]) }
            if results.first != 0, obstacles.kind == nil {
                stage = .endpoint
                obstacles = try await ObstacleSearch(host: host, request: request).obstacles(
                    to: address, port: endpoint.port, user: looker.uid, userName: looker.name)
                story += obstacles.lines
            } else if results.first == 0, obstacles.kind == nil,
                let own = try await restriction(address, endpoint.port, looker)
            {
                stage = .endpoint
                obstacles = own
                story += own.lines
            } else if results.first == 0, stage == .answer, status.map({ $0 >= 500 }) ?? true {
                try await compareSizes(address, endpoint.port, looker)
            }
        }
    }

    /// What leads Envoy's connections elsewhere, or keeps its unit from them, though this process reaches somebody there.
    private func restriction(
        _ address: IPAddress, _ port: UInt16, _ looker: ReachProbe.Looker
    ) async throws(ProbeError) -> Obstacles? {
        let search = ObstacleSearch(host: host, request: request)
        if let misrouted = try await search.misrouted(to: address, port: port, user: looker.uid) { return misrouted }
        return try await search.restriction(
            of: MeshNames.istioUnit, to: address, port: port, user: looker.uid)
    }

    /// Whether small packets of an endpoint come back where large ones do not.
    private mutating func compareSizes(
        _ address: IPAddress, _ port: UInt16, _ looker: ReachProbe.Looker
    ) async throws(ProbeError) {
        let left = max(.milliseconds(200), ContinuousClock.now.duration(to: request.deadline) - .milliseconds(500))
        let full = try await ask(address, port, as: looker.role, segment: nil, for: left * 0.4)
        guard AnswerProbe.judged(full, texts: [], slow: .max).phase != "whole" else { return }
        let small = try await ask(address, port, as: looker.role, segment: UserConnection.smallSegment, for: left * 0.4)
        // What fits into one small packet is not lost for its size.
        guard AnswerProbe.judged(small, texts: [], slow: .max).phase == "whole",
            small.received.count > Int(UserConnection.smallSegment)
        else { return }
        stage = .large
        smallPackets = try await host.routeTables(for: request).smallPackets(to: address, user: looker.uid, port: port)
        seen =
            "\(small.received.count) bytes of \(address) come in small packets, \(full.received.count) in packets of full size"
        story.append(seen)
    }

    /// The name of the cluster of the first route of the virtual host that has a domain.
    private static func cluster(for domain: String, in value: Value) -> String? {
        switch value {
        case .map(let members):
            if members["domains"]?.items.contains(.text(domain)) == true {
                return firstCluster(in: members["routes"] ?? .null)
            }
            return members.values.lazy.compactMap { cluster(for: domain, in: $0) }.first
        case .list(let items): return items.lazy.compactMap { cluster(for: domain, in: $0) }.first
        default: return nil
        }
    }

    private static func firstCluster(in value: Value) -> String? {
        switch value {
        case .map(let members):
            members["cluster"]?.asText ?? members.values.lazy.compactMap { firstCluster(in: $0) }.first
        case .list(let items): items.lazy.compactMap { firstCluster(in: $0) }.first
        default: nil
        }
    }

    // MARK: - in front of Envoy

    private mutating func findObstacles(to address: IPAddress, _ settings: MeshSettings) async throws(ProbeError) {
        let search = ObstacleSearch(host: host, request: request)
        obstacles = try await search.obstacles(
            to: address, port: endpoint.port, user: user.uid, userName: user.name,
            envoyPort: isInRange == true ? UInt16(clamping: settings.envoyPort) : nil)
        // Behind the nat table the packet is one to Envoy on this host.
        if obstacles.kind == nil || obstacles.kind == .neighbour, isInRange == true {
            obstacles = try await search.obstacles(
                to: .v4(0x7f00_0001), port: UInt16(clamping: settings.envoyPort), user: user.uid, userName: user.name)
        }
        story += obstacles.lines
    }
}
