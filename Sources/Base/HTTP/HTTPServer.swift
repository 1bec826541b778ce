import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Platform

/// A small HTTP/1.1 server: whole requests in, whole answers out, one thread for all servers of a process.
///
/// Clients cannot exhaust it: a whole request has to arrive within a time, bodies and connections are limited, and where
/// there is no room for another connection, the one that has been silent for longest makes way.
public struct HTTPServer: Sendable {
    /// A request that has arrived completely.
    public struct Request: Sendable {
        /// The method, such as `GET`.
        public var method: String
        /// The path and the query as they were sent, such as `/report?page=1`.
        public var target: String
        /// The body, without its transfer encoding.
        public var body: [UInt8]

        /// The target without its query.
        public var path: String { String(target.prefix { $0 != "?" }) }
    }

    /// What is sent back. Length, date and connection headers are added; the body stays away where HTTP has none.
    public struct Response: Sendable {
        /// The status, such as 200.
        public var status: Int
        /// Names and values.
        public var headers: [(name: String, value: String)]
        /// The body.
        public var body: [UInt8]

        /// Creates a response with a text.
        public init(
            _ status: Int, _ text: String = "", type: String = "text/plain; charset=utf-8",
            headers: [(name: String, value: String)] = []
        ) {
            self.status = status
            self.headers = [("Content-Type", type)] + headers
            body = Array(text.utf8)
        }
    }

    /// What a server does not let its clients exceed.
    public struct Limits: Sendable {
        /// Connections at a time: a quarter of the descriptors that this process may have, and 256 at most.
        public var connections = min(256, max(4, Int(clamping: sysconf(Int32(_SC_OPEN_MAX))) / 4))
        /// From the connection or the last answer to the end of the next request.
        public var requestTime = Duration.seconds(40)
        /// Bytes of a request's body.
        public var bodyBytes = 1 << 20

        /// The limits that suit a server of reports.
        public init() {}
    }

    private let limits: Limits
    private let respond: @Sendable (Request) async -> Response

    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Creates a server; nothing listens yet.
    ///
    /// - Parameter respond: answers a request; its task is cancelled when the client goes away or the server ends.
    public init(limits: Limits = Limits(), respond: @escaping @Sendable (Request) async -> Response) {
        self.limits = limits
        self.respond = respond
    }

    /// Serves until the task is cancelled, which ends all connections at once.
    ///
    /// - Parameters:
    ///   - host: a name or an address.
    ///   - port: 0 lets the kernel choose.
    ///   - onListening: gets the address, in brackets where it is IPv6, and the port, before the first request.
    /// - Throws: why nobody can listen there.
    public func run(
        host: String, port: Int, onListening: @Sendable (_ host: String, _ port: Int) -> Void
    ) async throws {
        let loop = Self.group.next()
        let connections = NIOLoopBoundBox.makeBoxSendingValue(Connections(limit: limits.connections), eventLoop: loop)
        let listener = try await ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [limits, respond] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(
                        Connection(connections: connections.value, limits: limits, respond: respond))
                }
            }
            .bind(host: host, port: port).get()
        let address = listener.localAddress
        let shown = address?.ipAddress ?? host
        onListening(shown.utf8.contains(UInt8(ascii: ":")) ? "[\(shown)]" : shown, address?.port ?? port)
        try await withTaskCancellationHandler {
            try await listener.closeFuture.get()
        } onCancel: {
            listener.close(promise: nil)
        }
        try await loop.submit { connections.value.closeAll() }.get()
    }
}

/// The open connections of a server; used on its event loop alone.
private final class Connections {
    private let limit: Int
    private var open: [ObjectIdentifier: Connection] = [:]

    init(limit: Int) { self.limit = limit }

    /// Takes a connection in. One that waits for a request makes way for it; where none does, it is the new one itself.
    func add(_ connection: Connection) {
        open[ObjectIdentifier(connection)] = connection
        guard open.count > limit else { return }
        let silent = open.values.filter { $0.waitsSince != nil && $0 !== connection }
        let oldest = silent.min { ($0.waitsSince ?? .now()) < ($1.waitsSince ?? .now()) }
        (oldest ?? connection).close()
    }

    func remove(_ connection: Connection) { open[ObjectIdentifier(connection)] = nil }

    func closeAll() { for connection in open.values { connection.close() } }
}

/// One connection: reads a request, has it answered, and waits for the next.
private final class Connection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Since when the client is expected to send or to read; nil while a request is being answered.
    private(set) var waitsSince: NIODeadline?

    private let connections: Connections
    private let limits: HTTPServer.Limits
    private let respond: @Sendable (HTTPServer.Request) async -> HTTPServer.Response
    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLarge = false
    private var timer: Scheduled<Void>?
    private var work: Task<Void, Never>?

    init(
        connections: Connections, limits: HTTPServer.Limits,
        respond: @escaping @Sendable (HTTPServer.Request) async -> HTTPServer.Response
    ) {
        self.connections = connections
        self.limits = limits
        self.respond = respond
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        wait(context)
        connections.add(self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        connections.remove(self)
        timer?.cancel()
        work?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            isTooLarge = false
        case .body(let bytes):
            isTooLarge = isTooLarge || body.count + bytes.readableBytes > limits.bodyBytes
            if !isTooLarge { body += bytes.readableBytesView }
        case .end:
            guard let head else { return }
            timer?.cancel()
            waitsSince = nil
            if isTooLarge {
                write(.init(413, "the body of a request has at most \(limits.bodyBytes) bytes\n"), to: head, context)
            } else {
                answer(head, context)
            }
        }
    }

    /// A connection that failed has nothing more to say.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }

    func close() { context?.close(promise: nil) }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let request = HTTPServer.Request(method: head.method.rawValue, target: head.uri, body: body)
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        work = Task { [respond] in
            let response = await respond(request)
            loop.execute {
                let (connection, context) = bound.value
                if context.channel.isActive { connection.write(response, to: head, context) }
            }
        }
    }

    private func write(_ response: HTTPServer.Response, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders(response.headers.map { ($0.name, $0.value) })
        // The form of RFC 9110, section 5.6.7.
        headers.add(name: "Date", value: MailDate.text(KernelClock.wall / 1_000_000_000).dropLast(5) + "GMT")
        if response.status != 304 { headers.add(name: "Content-Length", value: "\(response.body.count)") }
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        let status = HTTPResponseStatus(statusCode: response.status)
        context.write(wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
        if head.method != .HEAD, response.status != 304 {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        }
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if !head.isKeepAlive { written.assumeIsolated().whenComplete { _ in context.close(promise: nil) } }
        wait(context)
    }

    /// Gives the client its time, to read what was written and to send a whole request.
    private func wait(_ context: ChannelHandlerContext) {
        waitsSince = .now()
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limits.requestTime)) {
            context.close(promise: nil)
        }
    }
}
