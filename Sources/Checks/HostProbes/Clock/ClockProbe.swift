import CLinux
import Glibc
import MeshContract
import Platform
import Platform

/// The machine's clock.
struct ClockProbe: Probe {
    static let kind = SubjectKind(
        "clock", "The machine's clock.", mainParameter: "against",
        parameters: [
            .init("against", .text, "URL of a server whose Date header `skew` is told against, such as Pilot's.")
        ],
        attributes: [
            .init("synchronised", .bool, "Whether the kernel holds the clock to be synchronised (adjtimex(2))."),
            .init("skew", .duration, "How far this clock is ahead of the server's; 0s when they agree in seconds."),
            .init("now", .time, "What it shows."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        var attributes: [String: Value] = ["now": .time(KernelClock.wall)]
        var evidence: [String] = []
        if request.wants("synchronised") {
            let status = clinux_clock_state()
            guard status >= 0 else { throw .system("ask the kernel about the clock", errno: errno) }
            // TIME_ERROR of sys/timex.h.
            attributes["synchronised"] = .bool(status != 5)
            evidence.append("clock is \(status != 5 ? "synchronised" : "not synchronised")")
        }
        if request.wants("skew") {
            let url = try request.requiredText("against")
            let way = HTTPConnections.Way(impersonation: nil, follows: false, override: nil, root: nil)
            let connections = try await host.httpConnections(way, for: request)
            var query = HTTPExchange.Query(url: try URLAuthority(url).escapedURL)
            query.limit = 1 << 16
            let sent = KernelClock.wall
            let answer = try await HTTPExchange.run(query, with: connections, until: request.deadline)
            guard let date = answer.header("date").flatMap(MailDate.httpSeconds).map({ $0 * 1_000_000_000 }) else {
                throw ProbeError(.unavailable, "compare clocks with \(url)", expected: "a Date header", found: "none")
            }
            let skew = ClockSkew.between(date, sent: sent, received: KernelClock.wall)
            attributes["skew"] = .nanoseconds(skew)
            evidence.append("\(GoDuration(nanoseconds: skew)) ahead of \(url)")
        }
        return Observation(attributes, evidence: evidence)
    }
}
