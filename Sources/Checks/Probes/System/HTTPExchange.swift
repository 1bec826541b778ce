import AsyncHTTPClient
import Dispatch
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Platform

/// One request and its answer.
package enum HTTPExchange {
    /// What is asked.
    package struct Query: Sendable {
        var url: String
        var method: String
        var headers: [(String, String)] = []
        var body: [UInt8]?
        /// Bytes of the answer's body that are read.
        package var limit = 1 << 20

        /// Creates a query without headers and body.
        package init(url: String, method: String = "GET") {
            self.url = url
            self.method = method
        }
    }

    /// The answer.
    package struct Answer: Sendable {
        package var status: Int
        var headers: [(String, String)]
        package var body: [UInt8]
        /// Whether the body went on behind the limit.
        var isTruncated: Bool
        var redirects: Int
        var duration: Duration

        /// The first header of a name, in any case.
        func header(_ name: String) -> String? {
            let wanted = Ascii.lowercased(name)
            return headers.first { Ascii.lowercased($0.0) == wanted }?.1
        }

        /// The Date header in nanoseconds since 1970.
        var date: Int64? { header("date").flatMap(MailDate.httpSeconds).map { $0 * 1_000_000_000 } }
    }

    /// Asks once.
    package static func run(
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
                    duration: MonotonicTime.now.since(started))
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
                return .noAnswer(operation)
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
}

/// The HTTP clients of a host: one for each way of asking, so that connections are kept between checks.
package final class HTTPConnections: Sendable {
    /// What requests have to share to share connections.
    package struct Way: Sendable {
        /// Whether redirects are followed.
        var follows = false
        /// The address to connect to instead of that of the URL's host.
        var override: Override?
        /// A file of certificates to trust instead of the system's.
        var root: String?

        /// Creates a way without redirects to the host of the URL.
        package init() {}
    }

    /// One host's address, given by hand.
    struct Override: Sendable {
        var host: String
        var address: String
    }

    /// The client; it keeps its connections for the next request.
    let client: HTTPClient

    init(_ way: Way, loops: any EventLoopGroup) throws(ProbeError) {
        var configuration = HTTPClient.Configuration()
        // Behind a check stands a service of the mesh, which is asked itself.
        configuration.proxy = nil
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = way.follows ? .follow(max: 10, allowCycles: false) : .disallow
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.connectionPool.idleTimeout = .seconds(10)
        // A refused connection is the answer, not a reason to try until the deadline.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let override = way.override { configuration.dnsOverride = [override.host: override.address] }
        if let root = way.root {
            var settings = TLSConfiguration.makeClientConfiguration()
            settings.trustRoots = .file(root)
            configuration.tlsConfiguration = settings
        }
        client = HTTPClient(eventLoopGroupProvider: .shared(loops), configuration: configuration)
    }

    deinit {
        client.shutdown(queue: .global()) { _ in
            // The connections are closed by then; there is nobody left to tell of one that did not want to.
        }
    }
}

extension Host {
    /// The client of a way of asking.
    package nonisolated func httpConnections(
        _ way: HTTPConnections.Way, for request: ProbeRequest
    ) async throws(ProbeError) -> HTTPConnections {
        let loops = try await eventLoops(for: request)
        let name = "http-\(way.follows)-\(way.override?.host ?? "")-\(way.override?.address ?? "")-\(way.root ?? "")"
        return try await fact(name, as: HTTPConnections.self) { () throws(ProbeError) in
            try HTTPConnections(way, loops: loops)
        }
    }
}

/// Scheme and host of a URL.
struct URLAuthority: Sendable {
    var host: String
    /// The URL with bytes that may not stand in one as `%XX` (RFC 3986 section 2): `|` in Pilot's keys among them.
    var escapedURL: String

    init(_ url: String) throws(ProbeError) {
        let bytes = Array(url.utf8)
        let wrong = ProbeError(
            .invalid, "read parameter url", expected: "http://HOST… or https://HOST…", found: "'\(url.shortened())'")
        guard bytes.count <= 8192, let scheme = ["http://", "https://"].first(where: { url.startsBytewise($0) }) else {
            throw wrong
        }
        let rest = bytes[scheme.utf8.count...]
        var authority = rest.prefix { !"/?#".utf8.contains($0) }
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) { authority = authority[(at + 1)...] }
        host = try NetworkEndpoint(reading: Ascii.text(authority), standardPort: scheme == "http://" ? 80 : 443).host
        let digits = Array("0123456789ABCDEF".utf8)
        var escaped: [UInt8] = []
        for byte in bytes {
            if byte <= 0x20 || byte >= 0x7f || "\"<>\\^`{|}".utf8.contains(byte) {
                escaped += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            } else {
                escaped.append(byte)
            }
        }
        escapedURL = Ascii.text(escaped)
    }
}

extension ParameterForm {
    /// A URL of HTTP.
    public static let url = ParameterForm { request throws(ProbeError) in
        _ = try URLAuthority(try request.requiredText(name))
    }
}
