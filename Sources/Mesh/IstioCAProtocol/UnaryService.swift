import NIOCore
import NIOHPACK
import NIOHTTP2

/// Answers a call of gRPC on a stream: a whole message in, a whole message or a status out.
package final class UnaryService: ChannelInboundHandler {
    package typealias InboundIn = HTTP2Frame.FramePayload
    package typealias OutboundOut = HTTP2Frame.FramePayload

    /// Why there is no message.
    package struct Refusal: Error, Hashable, Sendable {
        /// The status.
        package var status: GRPCStatus
        /// The message.
        package var message: String

        /// Creates a refusal.
        package init(_ status: GRPCStatus, _ message: String) {
            self.status = status
            self.message = message
        }
    }

    private let path: String
    private let limit: Int
    private let respond: @Sendable ([UInt8]) async -> Result<[UInt8], Refusal>
    private var called = ""
    private var received: [UInt8] = []
    private var work: Task<Void, Never>?

    /// Answers the calls of one method.
    ///
    /// - Parameters:
    ///   - limit: bytes that a message may have.
    ///   - respond: its task is cancelled when the client goes away.
    package init(
        path: String, limit: Int, respond: @escaping @Sendable ([UInt8]) async -> Result<[UInt8], Refusal>
    ) {
        self.path = path
        self.limit = limit
        self.respond = respond
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            called = frame.headers.first(name: ":path") ?? called
            if frame.endStream { answer(context) }
        case .data(let frame):
            guard case .byteBuffer(let bytes) = frame.data else { return }
            // What is too much by a byte is too much.
            received += bytes.readableBytesView.prefix(limit + MessageFrame.prefixLength + 1 - received.count)
            if frame.endStream { answer(context) }
        default: break
        }
    }

    package func channelInactive(context: ChannelHandlerContext) { work?.cancel() }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ context: ChannelHandlerContext) {
        guard called == path else {
            return write(.failure(Refusal(.unimplemented, "unknown method \(called)")), context)
        }
        guard received.count <= limit + MessageFrame.prefixLength else {
            return write(.failure(Refusal(.resourceExhausted, "a message has at most \(limit) bytes")), context)
        }
        let message: [UInt8]
        do throws(MessageFrame.Fault) {
            message = try MessageFrame.message(received)
        } catch {
            return write(.failure(Refusal(.internalError, "the request \(error)")), context)
        }
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        work = Task { [respond] in
            let result = await respond(message)
            loop.execute {
                let (service, context) = bound.value
                if context.channel.isActive { service.write(result, context) }
            }
        }
    }

    private func write(_ result: Result<[UInt8], Refusal>, _ context: ChannelHandlerContext) {
        var head: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
        switch result {
        case .success(let message):
            context.write(wrapOutboundOut(.headers(.init(headers: head))), promise: nil)
            context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(MessageFrame.buffer(message))))), promise: nil)
            let trailers: HPACKHeaders = ["grpc-status": "0"]
            context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: trailers, endStream: true))), promise: nil)
        case .failure(let refusal):
            // Without a message the trailers are the only headers.
            head.add(name: "grpc-status", value: "\(refusal.status.rawValue)")
            head.add(name: "grpc-message", value: GRPCStatus.encoded(refusal.message))
            context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: head, endStream: true))), promise: nil)
        }
    }
}
