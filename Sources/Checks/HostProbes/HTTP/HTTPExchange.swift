import HTTP
import MeshContract
import Platform

/// One request and its answer.
struct HTTPExchange: Sendable {
    /// What is asked.
    struct Query: Sendable {
        var url: String
        var method = "GET"
        var headers: [(name: String, value: String)] = []
        var body: [UInt8]?
        /// Bytes of the answer's body that are read.
        var limit = 1 << 20
    }

    /// The answer.
    struct Answer: Sendable {
        var status: Int
        var headers: [(name: String, value: String)]
        var body: [UInt8]
        /// Whether the body went on behind the limit.
        var isTruncated: Bool
        var redirects: Int
        var duration: Duration

        /// The first header of a name, in any case.
        func header(_ name: String) -> String? {
            let wanted = HTTPExchange.lowercased(name)
            return headers.first { HTTPExchange.lowercased($0.name) == wanted }?.value
        }
    }

    /// Asks once.
    static func run(
        _ query: Query, with connections: HTTPConnections, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> Answer {
        let operation = "\(query.method) \(query.url)"
        let request = HTTPClient.Request(
            url: query.url, method: query.method, headers: query.headers, body: query.body, limit: query.limit)
        let started = MonotonicTime.now
        return try await Deadline.race(operation, until: deadline) { () async throws(ProbeError) in
            do throws(HTTPClient.Failure) {
                let answer = try await connections.client.send(request, until: deadline)
                return Answer(
                    status: answer.status, headers: answer.headers, body: answer.body,
                    isTruncated: answer.isTruncated, redirects: answer.redirects, duration: .since(started))
            } catch {
                throw failure(operation, error)
            }
        }
    }

    /// What a failed exchange says.
    private static func failure(_ operation: String, _ error: HTTPClient.Failure) -> ProbeError {
        switch error {
        case .timedOut: ProbeError(.timedOut, operation, expected: "an answer in time", found: "none")
        case .badURL(let url): ProbeError(.invalid, operation, expected: "a URL", found: "'\(url)'")
        case .closed:
            ProbeError(.malformed, operation, expected: "a whole answer", found: "the end of the connection")
        case .redirects(let detail): ProbeError(.malformed, operation, expected: "at most 10 redirects", found: detail)
        case .malformed(let detail):
            ProbeError(.malformed, operation, expected: "an answer in HTTP", found: detail.shortened())
        case .connection(let error): .network(operation, error)
        }
    }

    static func lowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }
}
