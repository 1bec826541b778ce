import MeshContract
import NIOCore
import NIOPosix
import Platform

/// Asks one name server.
struct DNSClient {
    /// How a query goes to the server.
    enum Transport: String, Sendable, Hashable, CaseIterable {
        case udp, tcp
    }

    var server: Endpoint
    var address: IPAddress
    var loops: any EventLoopGroup
    var deadline: ContinuousClock.Instant

    /// The server's answer; one that was cut off over UDP is asked for again over TCP, as RFC 7766 demands.
    ///
    /// - Returns: the answer, and whether the one over UDP was cut off.
    func ask(
        _ name: String, _ type: DNSType, over transport: Transport
    ) async throws(ProbeError) -> (answer: DNSAnswer, wasTruncated: Bool) {
        // From the system's generator: nobody may guess it.
        let id = UInt16.random(in: .min ... .max)
        let query = try DNSMessage.query(name, type, id: id)
        if transport == .tcp { return (try await overTCP(query), false) }
        let answer = try await overUDP(query)
        return answer.isTruncated ? (try await overTCP(query), true) : (answer, false)
    }

    private var operation: String { "ask \(server)" }

    /// After a while the query is sent again: a datagram may be lost.
    private func overUDP(_ query: [UInt8]) async throws(ProbeError) -> DNSAnswer {
        let race = Race<Result<DNSAnswer, ProbeError>>()
        let loop = loops.next()
        let (target, operation) = (address, operation)
        let port = server.port
        // The socket is made in the thread that calls, which has to be the loop's.
        let opening = loop.flatSubmit { () -> EventLoopFuture<any Channel> in
            do {
                let remote = try SocketAddress(ipAddress: target.description, port: port)
                return DatagramBootstrap(group: loop).channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            DatagramHandler(query: query, race: race, operation: operation))
                    }
                }.connect(to: remote)
            } catch {
                return loop.makeFailedFuture(error)
            }
        }
        return try await Deadline.race(operation + " over UDP", until: deadline) { () async throws(ProbeError) in
            let channel: any Channel
            do { channel = try await opening.get() } catch { throw .network(operation, error) }
            defer { channel.close(promise: nil) }
            let result = await withTaskCancellationHandler {
                await race.value
            } onCancel: {
                race.finish(.failure(.network(operation, CancellationError())))
            }
            return try result.get()
        }
    }

    private func overTCP(_ query: [UInt8]) async throws(ProbeError) -> DNSAnswer {
        let race = Race<Result<DNSAnswer, ProbeError>>()
        let operation = operation
        let endpoint = Endpoint(host: address.description, port: server.port)
        let (channel, _) = try await Connector.connect(to: endpoint, on: loops, until: deadline) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    StreamHandler(query: query, race: race, operation: operation))
            }
        }
        defer { channel.close(promise: nil) }
        return try await Deadline.race(operation + " over TCP", until: deadline) { () async throws(ProbeError) in
            try await withTaskCancellationHandler {
                await race.value
            } onCancel: {
                race.finish(.failure(.network(operation, CancellationError())))
            }.get()
        }
    }
}

/// One query and its answer over UDP. The socket takes datagrams of the server alone, at a port of the kernel's choice:
/// one that answers another question is the server's fault, and is told at once.
private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let query: [UInt8]
    private let race: Race<Result<DNSAnswer, ProbeError>>
    private let operation: String
    private var resend: Scheduled<Void>?

    init(query: [UInt8], race: Race<Result<DNSAnswer, ProbeError>>, operation: String) {
        self.query = query
        self.race = race
        self.operation = operation
    }

    func channelActive(context: ChannelHandlerContext) { send(context) }

    func channelInactive(context: ChannelHandlerContext) { resend?.cancel() }

    private func send(_ context: ChannelHandlerContext) {
        guard let remote = context.remoteAddress else { return }
        let envelope = AddressedEnvelope(remoteAddress: remote, data: ByteBuffer(bytes: query))
        context.writeAndFlush(wrapOutboundOut(envelope), promise: nil)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        resend = context.eventLoop.scheduleTask(in: .seconds(1)) {
            let (handler, context) = bound.value
            handler.send(context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
        do throws(DNSFailure) {
            race.finish(.success(try DNSMessage.answer(bytes, to: query)))
        } catch {
            race.finish(
                .failure(ProbeError(.malformed, operation, expected: error.expected, found: error.found)))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        race.finish(.failure(.network(operation, error)))
    }
}

/// One query and its answer over TCP: each with its length in front (RFC 1035 section 4.2.2).
private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let query: [UInt8]
    private let race: Race<Result<DNSAnswer, ProbeError>>
    private let operation: String
    private var received: [UInt8] = []

    init(query: [UInt8], race: Race<Result<DNSAnswer, ProbeError>>, operation: String) {
        self.query = query
        self.race = race
        self.operation = operation
    }

    func channelActive(context: ChannelHandlerContext) {
        let length = [UInt8(query.count >> 8), UInt8(query.count & 255)]
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: length + query)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytesView
        guard received.count >= 2 else { return }
        let length = Int(received[0]) << 8 | Int(received[1])
        guard received.count >= length + 2 else { return }
        do throws(DNSFailure) {
            race.finish(.success(try DNSMessage.answer(Array(received[2..<(length + 2)]), to: query)))
        } catch {
            race.finish(
                .failure(ProbeError(.malformed, operation, expected: error.expected, found: error.found)))
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        race.finish(
            .failure(
                ProbeError(
                    .malformed, operation, expected: "a whole answer",
                    found: "the end of the connection after \(received.count) bytes")))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        race.finish(.failure(.network(operation, error)))
        context.close(promise: nil)
    }
}
