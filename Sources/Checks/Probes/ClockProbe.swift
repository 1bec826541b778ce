import CLinux
import Glibc
import Platform

/// The host's clock.
struct ClockProbe: Probe {
    static let kind = SubjectKind(
        "clock", "The host's clock.", mainParameter: "against",
        parameters: [
            .init("against", .text, "URL of a server to whose Date header `skew` compares the clock, such as Pilot's.")
        ],
        attributes: [
            .init("synchronised", .bool, "Whether the kernel considers the clock synchronised (adjtimex(2))."),
            .init("skew", .duration, "How far the clock is ahead of the server's; 0s if they agree to the second."),
            .init("now", .time, "The time that it shows."),
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
            let connections = try await host.httpConnections(.init(), for: request)
            var query = HTTPExchange.Query(url: try URLAuthority(url).escapedURL)
            query.limit = 1 << 16
            let sent = KernelClock.wall
            let answer = try await HTTPExchange.run(query, with: connections, until: request.deadline)
            let skew = try ClockSkew.ofHost(against: answer, from: url, sent: sent)
            attributes["skew"] = .nanoseconds(skew)
            evidence.append("\(GoDuration(nanoseconds: skew)) ahead of \(url)")
        }
        return Observation(attributes, evidence: evidence)
    }
}

/// How far two clocks are apart.
enum ClockSkew {
    /// How far this clock is ahead of that of a server that has just answered.
    static func ofHost(
        against answer: HTTPExchange.Answer, from url: String, sent: Int64
    ) throws(ProbeError) -> Int64 {
        guard let date = answer.date else {
            throw ProbeError(.unavailable, "compare clocks with \(url)", expected: "a Date header", found: "none")
        }
        return between(date, sent: sent, received: KernelClock.wall)
    }

    /// How far this clock is ahead of a server's, in nanoseconds, from the whole second that the server wrote down at
    /// some moment between request and answer. Nothing, when the times fit.
    static func between(_ date: Int64, sent: Int64, received: Int64) -> Int64 {
        // The server's clock showed something from `date` up to a second later.
        if sent > date &+ 1_000_000_000 { return sent &- date &- 1_000_000_000 }
        if received < date { return received &- date }
        return 0
    }
}
