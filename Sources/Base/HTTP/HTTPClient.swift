import NIOCore
import NIOHTTP1
import NIOPosix
import Platform

/// A small HTTP/1.1 client: one connection for each request, and the answer as a whole.
///
/// It knows no proxies, keeps no cookies and tries nothing twice: a refused connection is the answer. TLS comes from
/// whoever needs it, so that programs without https link none.
public struct HTTPClient: Sendable {
    /// What is asked.
    public struct Request: Sendable {
        /// Begins with `http://` or `https://`; what a URL cannot have is encoded already.
        public var url: String
        /// The method, such as `GET`.
        public var method: String
        /// Names and values; Host, Connection and the length of the body are added where they are missing.
        public var headers: [(name: String, value: String)]
        /// The body.
        public var body: [UInt8]?
        /// Bytes of the answer's body that are read.
        public var limit: Int

        /// Creates a request.
        public init(
            url: String, method: String = "GET", headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
            limit: Int
        ) {
            self.url = url
            self.method = method
            self.headers = headers
            self.body = body
            self.limit = limit
        }
    }

    /// The answer.
    public struct Answer: Sendable {
        /// The status, such as 200.
        public var status: Int
        /// Names and values in the order of the answer.
        public var headers: [(name: String, value: String)]
        /// The body, up to the limit.
        public var body: [UInt8]
        /// Whether the body went on behind the limit.
        public var isTruncated: Bool
        /// How many redirects were followed.
        public var redirects: Int
    }

    /// Why there is no answer.
    public enum Failure: Error, Sendable {
        /// Not a URL of http, or of https where there is TLS.
        case badURL(String)
        /// The time was over, or the task was cancelled.
        case timedOut
        /// The connection ended before the answer did.
        case closed
        /// More than ten redirects, or one that leads back.
        case redirects(String)
        /// Not HTTP.
        case malformed(String)
        /// The connection failed: an error of NIO or of TLS.
        case connection(any Error)
    }

    /// Makes TLS the first handler of a connection to a server of a name.
    public typealias Securing = @Sendable (_ channel: any Channel, _ server: String) throws -> Void

    private let group: any EventLoopGroup
    private let followsRedirects: Bool
    private let addresses: [String: String]
    private let socketPath: String?
    private let securing: Securing?

    /// Creates a client; nothing is connected before the first request.
    ///
    /// - Parameters:
    ///   - addresses: by host, the address to connect to instead of those that its name has.
    ///   - socketPath: the Unix socket that every request goes to, whatever its host is.
    public init(
        group: any EventLoopGroup, followsRedirects: Bool = false, addresses: [String: String] = [:],
        socketPath: String? = nil, securing: Securing? = nil
    ) {
        self.group = group
        self.followsRedirects = followsRedirects
        self.addresses = addresses
        self.socketPath = socketPath
        self.securing = securing
    }

    /// Sends a request and reads its answer.
    public func send(_ request: Request, until deadline: ContinuousClock.Instant) async throws(Failure) -> Answer {
        var request = request
        var visited: [String] = []
        while true {
            guard let url = HTTPURL(request.url), !url.isSecure || securing != nil else { throw .badURL(request.url) }
            visited.append(request.url)
            var answer = try await exchange(request, url, until: deadline)
            answer.redirects = visited.count - 1
            let location = answer.headers.first { $0.name.lowercased() == "location" }?.value
            guard followsRedirects, [301, 302, 303, 307, 308].contains(answer.status), let location else {
                return answer
            }
            request = try Self.redirected(request, from: url, answer.status, to: location)
            if visited.contains(request.url) { throw .redirects("a redirect leads back to \(request.url)") }
            if visited.count > 10 { throw .redirects("more than 10 redirects") }
        }
    }

    /// The next request (RFC 9110, section 15.4). Another server gets nothing that is secret.
    private static func redirected(
        _ request: Request, from url: HTTPURL, _ status: Int, to location: String
    ) throws(Failure) -> Request {
        var next = request
        next.url = url.resolving(location)
        guard let target = HTTPURL(next.url) else { throw .badURL(next.url) }
        var dropped: Set<String> = []
        if status == 303 && next.method != "HEAD" || status < 303 && next.method == "POST" {
            next.method = "GET"
            next.body = nil
            dropped = ["content-length", "content-type"]
        }
        if target.origin != url.origin {
            dropped.formUnion(["host", "origin", "cookie", "authorization", "proxy-authorization"])
        }
        next.headers.removeAll { dropped.contains($0.name.lowercased()) }
        return next
    }

    private func exchange(
        _ request: Request, _ url: HTTPURL, until deadline: ContinuousClock.Instant
    ) async throws(Failure) -> Answer {
        let left = TimeAmount(ContinuousClock.now.duration(to: deadline))
        guard left > .zero else { throw .timedOut }
        do {
            let bootstrap = ClientBootstrap(group: group).connectTimeout(left)
            let prepare = { @Sendable [securing] (channel: any Channel) in
                channel.eventLoop.makeCompletedFuture {
                    if url.isSecure { try securing?(channel, url.endpoint.host) }
                    let answer = channel.eventLoop.makePromise(of: Answer.self)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(Exchange(request, url, deadline: .now() + left, answer))
                    return (channel, answer.futureResult)
                }
            }
            let channel: any Channel
            let answer: EventLoopFuture<Answer>
            if let socketPath {
                (channel, answer) = try await bootstrap.connect(
                    unixDomainSocketPath: socketPath, channelInitializer: prepare)
            } else {
                (channel, answer) = try await bootstrap.connect(
                    host: addresses[url.endpoint.host] ?? url.endpoint.host, port: Int(url.endpoint.port),
                    channelInitializer: prepare)
            }
            return try await withTaskCancellationHandler {
                try await answer.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            throw Task.isCancelled ? .timedOut : Self.failure(error)
        }
    }

    private static func failure(_ error: any Error) -> Failure {
        switch error {
        case let error as Failure: error
        case HTTPParserError.invalidEOFState: .closed
        case let error as HTTPParserError: .malformed("\(error)")
        case ChannelError.connectTimeout, is CancellationError: .timedOut
        default: .connection(error)
        }
    }
}

/// A URL as far as a client takes it apart.
private struct HTTPURL {
    var isSecure: Bool
    var endpoint: NetworkEndpoint
    /// The path, which begins with `/`, and the query.
    var target: String

    init?(_ text: String) {
        guard let scheme = ["http://", "https://"].first(where: { text.utf8.starts(with: $0.utf8) }),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f })
        else { return nil }
        isSecure = scheme == "https://"
        let rest = text.dropFirst(scheme.utf8.count)
        let authority = rest.prefix { !"/?#".contains($0) }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        guard let endpoint = NetworkEndpoint(String(host), defaultPort: isSecure ? 443 : 80) else { return nil }
        self.endpoint = endpoint
        let target = rest.dropFirst(authority.count).prefix { $0 != "#" }
        self.target = target.first == "/" ? String(target) : "/" + target
    }

    var origin: String { (isSecure ? "https://" : "http://") + endpoint.description }

    /// The value of the Host header, which leaves out the port that goes without saying.
    var authority: String {
        guard endpoint.port == (isSecure ? 443 : 80) else { return endpoint.description }
        return endpoint.address?.bitWidth == 128 ? "[\(endpoint.host)]" : endpoint.host
    }

    /// A reference that is relative to this URL, or absolute (RFC 3986, section 5.2, without dot segments).
    func resolving(_ reference: String) -> String {
        if HTTPURL(reference) != nil || reference.contains("://") { return reference }
        if reference.hasPrefix("//") { return (isSecure ? "https:" : "http:") + reference }
        if reference.hasPrefix("/") { return origin + reference }
        let path = target.prefix { $0 != "?" }
        if reference.hasPrefix("?") { return origin + path + reference }
        return origin + path[...(path.lastIndex(of: "/") ?? path.startIndex)] + reference
    }
}

/// A connection's only request.
private final class Exchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let request: HTTPClient.Request
    private let url: HTTPURL
    private let deadline: NIODeadline
    private var promise: EventLoopPromise<HTTPClient.Answer>?
    private var answer: HTTPClient.Answer?
    private var timer: Scheduled<Void>?

    init(
        _ request: HTTPClient.Request, _ url: HTTPURL, deadline: NIODeadline,
        _ promise: EventLoopPromise<HTTPClient.Answer>
    ) {
        self.request = request
        self.url = url
        self.deadline = deadline
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        let loop = context.eventLoop.assumeIsolated()
        timer = loop.scheduleTask(deadline: deadline) { self.fail(HTTPClient.Failure.timedOut, context) }
        var headers = HTTPHeaders()
        for (name, value) in request.headers { headers.replaceOrAdd(name: name, value: value) }
        if !headers.contains(name: "Host") { headers.add(name: "Host", value: url.authority) }
        if request.body != nil || ["POST", "PUT", "PATCH"].contains(request.method) {
            headers.replaceOrAdd(name: "Content-Length", value: "\(request.body?.count ?? 0)")
        }
        headers.replaceOrAdd(name: "Connection", value: "close")
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: url.target, headers: headers)
        context.write(wrapOutboundOut(.head(head))).assumeIsolated()
            .whenFailure { self.fail($0, context) }
        if let body = request.body {
            context.write(wrapOutboundOut(.body(.byteBuffer(.init(bytes: body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            answer = HTTPClient.Answer(
                status: Int(head.status.code), headers: head.headers.map { ($0.name, $0.value) }, body: [],
                isTruncated: false, redirects: 0)
        case .body(let part):
            guard let count = answer?.body.count else { return }
            answer?.body += part.readableBytesView.prefix(request.limit - count)
            if part.readableBytes > request.limit - count {
                answer?.isTruncated = true
                succeed(context)
            }
        case .end: succeed(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }
    func channelInactive(context: ChannelHandlerContext) { fail(HTTPClient.Failure.closed, context) }
    func handlerRemoved(context: ChannelHandlerContext) { fail(HTTPClient.Failure.closed, context) }

    private func succeed(_ context: ChannelHandlerContext) {
        if let answer { promise?.succeed(answer) }
        end(context)
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        promise?.fail(error)
        end(context)
    }

    private func end(_ context: ChannelHandlerContext) {
        guard promise != nil else { return }
        promise = nil
        timer?.cancel()
        context.close(promise: nil)
    }
}
