import AsyncHTTPClient
import MeshContract
import NIOCore
import NIOHTTP1
import Platform

/// One request and its answer.
struct HTTPExchange: Sendable {
    /// What is asked.
    struct Query: Sendable {
        var url: String
        var method = "GET"
        var headers: [(String, String)] = []
        var body: [UInt8]?
        /// Bytes of the answer's body that are read.
        var limit = 1 << 20
    }

    /// The answer.
    struct Answer: Sendable {
        var status: Int
        var headers: [(String, String)]
        var body: [UInt8]
        /// Whether the body went on behind the limit.
        var isTruncated: Bool
        var redirects: Int
        var duration: Duration

        /// The first header of a name, in any case.
        func header(_ name: String) -> String? {
            let wanted = HTTPExchange.lowercased(name)
            return headers.first { HTTPExchange.lowercased($0.0) == wanted }?.1
        }
    }

    /// Asks once.
    static func run(
        _ query: Query, with connections: HTTPConnections, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> Answer {
        let operation = "\(query.method) \(query.url)"
        var request = HTTPClientRequest(url: query.url)
        request.method = HTTPMethod(rawValue: query.method)
        for (name, value) in query.headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body = query.body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let sent = request
        let started = MonotonicTime.now
        return try await Deadline.race(operation, until: deadline) { () async throws(ProbeError) in
            do {
                let response = try await connections.client.execute(sent, deadline: deadline.nioDeadline)
                var body: [UInt8] = []
                var isTruncated = false
                for try await part in response.body {
                    let room = query.limit - body.count
                    body += part.readableBytesView.prefix(room)
                    if part.readableBytes > room {
                        isTruncated = true
                        break
                    }
                }
                return Answer(
                    status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
                    body: body, isTruncated: isTruncated, redirects: max(0, response.history.count - 1),
                    duration: .since(started))
            } catch {
                throw failure(operation, error)
            }
        }
    }

    /// What a failed exchange says.
    static func failure(_ operation: String, _ error: any Error) -> ProbeError {
        switch error {
        case let error as HTTPClientError:
            switch error {
            case .deadlineExceeded, .readTimeout, .connectTimeout, .writeTimeout, .cancelled,
                .getConnectionFromPoolTimeout, .tlsHandshakeTimeout:
                return ProbeError(.timedOut, operation, expected: "an answer in time", found: "none")
            case .invalidURL, .emptyHost, .emptyScheme:
                return ProbeError(.invalid, operation, expected: "a URL and headers that fit", found: "\(error)")
            case .remoteConnectionClosed:
                return ProbeError(
                    .malformed, operation, expected: "a whole answer", found: "the end of the connection")
            case .redirectLimitReached, .redirectCycleDetected:
                return ProbeError(.malformed, operation, expected: "at most 10 redirects", found: "\(error)")
            default:
                // The scheme of the URL among them, which has its own parameter.
                return ProbeError(.unavailable, operation, expected: "an answer", found: "\(error)".shortened())
            }
        case let error as HTTPParserError:
            return ProbeError(.malformed, operation, expected: "an answer in HTTP", found: "\(error)".shortened())
        default: return .network(operation, error)
        }
    }

    static func lowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }
}
