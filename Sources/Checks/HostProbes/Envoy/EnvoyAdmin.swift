/// Envoy's admin interface.
struct EnvoyAdmin: Sendable {
    var endpoint: Endpoint
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
                let number = Bytes.decimal(Bytes.trimmed(Array(line[(colon + 1)...])))
            else { continue }
            stats[Bytes.text(line[..<colon])] = number
        }
        return stats
    }
}

extension Value {
    /// The value behind a name, if this is a map that has it.
    subscript(name: String) -> Value? {
        if case .map(let members) = self { members[name] } else { nil }
    }

    /// The items, if this is a list.
    var items: [Value] {
        if case .list(let items) = self { items } else { [] }
    }

    /// The text, if this is one.
    var asText: String? {
        if case .text(let text) = self { text } else { nil }
    }
}
