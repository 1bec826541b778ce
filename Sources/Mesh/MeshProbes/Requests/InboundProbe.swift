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
        ],
        attributes: [
            .init("port", .integer, "The port."),
            .init("reserved", .text, "Why no service can be reached at it through the mesh; null if one can."),
            .init("listening", .bool, "Whether something listens on it."),
            .init(
                "reached-by-envoy", .bool,
                "Whether Envoy, which hands connections on to 127.0.0.1, comes to it; true if nothing listens."),
            .init("addresses", .list(.text), "The addresses of the sockets."),
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
        let addresses = sockets.map(\.shownAddress)
        let isReached = sockets.isEmpty || sockets.contains(where: \.takesLoopback)
        return Observation(
            [
                "port": .integer(port), "reserved": .text(orNull: reserved), "listening": .bool(!sockets.isEmpty),
                "reached-by-envoy": .bool(isReached), "addresses": .texts(addresses),
                "obstacles": .texts(obstacle.map { [$0.text] } ?? []),
                "undo": .texts(obstacle.map { [$0.undo] } ?? []),
            ],
            evidence: ["\(port)/tcp on \(addresses.isEmpty ? "nothing" : addresses.joined(separator: ", "))"]
                + (reserved.map { [$0] } ?? []) + (obstacle.map { [$0.text] } ?? []))
    }
}
