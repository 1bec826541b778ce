import NIOCore
import Platform

/// TCP connections.
struct TCPProbe: Probe {
    static let kind = SubjectKind(
        "tcp", "Whether a TCP connection can be opened.", mainParameter: "address",
        parameters: [.init("address", .text, "HOST:PORT or [IPv6]:PORT.", isRequired: true, form: .endpoint)],
        attributes: [
            .init(
                "connected", .bool,
                "Whether it was opened; false if it was refused or there is no route or no such name."),
            .init("duration", .duration, "From the lookup to the open connection."),
            .init("peer", .text, "The address that it was opened to."),
            .init("error", .text, "Why it was not opened; null if it was."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let endpoint = try NetworkEndpoint(reading: try request.requiredText("address"))
        let loops = try await host.eventLoops(for: request)
        let started = MonotonicTime.now
        do throws(ProbeError) {
            let (channel, address) = try await Connector.connect(to: endpoint, on: loops, until: request.deadline) {
                $0.eventLoop.makeSucceededVoidFuture()
            }
            channel.close(promise: nil)
            let peer = NetworkEndpoint(host: address.description, port: endpoint.port).description
            let duration = MonotonicTime.now.since(started)
            return Observation(
                [
                    "connected": .bool(true), "duration": .duration(of: duration), "peer": .text(peer), "error": .null,
                ], evidence: ["connected to \(peer) in \(GoDuration(duration))"])
        } catch {
            // A refusal is an observation; silence until the deadline is not.
            guard error.reason == .unreachable else { throw error }
            return Observation(
                [
                    "connected": .bool(false), "duration": .duration(of: MonotonicTime.now.since(started)),
                    "peer": .null,
                    "error": .text(error.found),
                ], evidence: ["\(endpoint): \(error.found)"])
        }
    }
}
