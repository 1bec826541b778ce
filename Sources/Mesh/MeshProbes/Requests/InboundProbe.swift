import MeshContract
import Platform
import Probes

/// The way of other hosts to a port of this one.
struct InboundProbe: Probe {
    static let kind = SubjectKind(
        "inbound", "The way of other hosts to a port that is redirected to Envoy.", mainParameter: "port",
        parameters: [
            .init("port", .integer, "The port, 1 to 65535.", isRequired: true, form: .port),
            .init(
                "envoy-port", .integer, "Where it is redirected to; \(MeshPorts.envoyInterception) by default.",
                form: .port),
            .init("pilot", .text, "HOST:PORT of Pilot, for `registered-elsewhere`.", form: .endpoint),
            .init("announced", .text, "The address that this host announces itself under, for `registered-elsewhere`."),
        ],
        attributes: [
            .init("port", .integer, "The port."),
            .init("reserved", .text, "Why no service can be reached at it through the mesh; null if one can."),
            .init("listening", .bool, "Whether something listens on it."),
            .init(
                "reached-by-envoy", .bool,
                "Whether Envoy, which hands connections on to 127.0.0.1, comes to it; true if nothing listens."),
            .init("addresses", .list(.text), "The addresses of the sockets."),
            .init(
                "registered-elsewhere", .list(.text),
                "The other addresses of this host with which Pilot has a service at the port, where it has none with the announced one."
            ),
            .init("obstacles", .list(.text), "The rule of the packet filter that stops other hosts."),
            .init("undo", .list(.text), "Commands that take it out of the way."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        guard let port = try request.port() else {
            throw ProbeError(.invalid, "read parameter port", expected: "a port", found: "nothing")
        }
        let envoyPort = try request.port("envoy-port") ?? MeshPorts.envoyInterception
        let sockets = try await host.sockets(since: request.since).sockets(port: port, transport: .tcp)
        let reserved: String? =
            switch port {
            case 22: "ssh is never redirected"
            case MeshPorts.envoyAdmin: "Envoy's admin interface is for this host alone"
            case envoyPort: "Envoy itself listens there, and would send connections to itself"
            default: nil
            }
        let obstacle = try await ObstacleSearch(host: host, request: request).inboundObstacle(
            port: UInt16(clamping: port), redirected: UInt16(clamping: envoyPort))
        let registered = request.wants("registered-elsewhere") ? try await registeredElsewhere(port, request) : []
        let addresses = sockets.map(\.shownAddress)
        let isReached = sockets.isEmpty || sockets.contains(where: \.takesLoopback)
        return Observation(
            [
                "port": .integer(port), "reserved": .text(orNull: reserved), "listening": .bool(!sockets.isEmpty),
                "reached-by-envoy": .bool(isReached), "addresses": .texts(addresses),
                "registered-elsewhere": .texts(registered),
                "obstacles": .texts(obstacle.map { [$0.text] } ?? []),
                "undo": .texts(obstacle.map { [$0.undo] } ?? []),
            ],
            evidence: ["\(port)/tcp on \(addresses.isEmpty ? "nothing" : addresses.joined(separator: ", "))"]
                + (reserved.map { [$0] } ?? []) + (obstacle.map { [$0.text] } ?? []))
    }

    /// The host's own addresses that Pilot's list of registrations has with the port, if the announced one is not among them.
    private func registeredElsewhere(_ port: Int, _ request: ProbeRequest) async throws(ProbeError) -> [String] {
        guard let pilot = try request.text("pilot"), let announced = try request.text("announced"),
            let address = IPAddress(announced)
        else { return [] }
        let list: Value
        do throws(ProbeError) {
            list = try await EnvoyAdmin(
                endpoint: try NetworkEndpoint(reading: pilot),
                connections: try await host.httpConnections(.init(), for: request),
                deadline: min(request.deadline, .now + .seconds(2))
            ).json("/v1/registration")
        } catch {
            // Other checks tell of a Pilot that does not answer.
            guard [.unreachable, .timedOut, .unavailable, .malformed].contains(error.reason) else { throw error }
            return []
        }
        let found = list.items.flatMap { $0["hosts"]?.items ?? [] }.filter { $0["port"] == .integer(Int64(port)) }
            .compactMap { $0["ip_address"]?.asText.flatMap { IPAddress($0) } }
        let own = try await host.addresses(for: request)
        let registered = Set(found).intersection(own)
        return registered.contains(address) ? [] : registered.map(\.description).sorted()
    }
}
