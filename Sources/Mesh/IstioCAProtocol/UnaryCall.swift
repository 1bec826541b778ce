import MeshContract
import NIOCore
import NIOHPACK
import NIOHTTP2
import Platform

/// One call of gRPC, a message there and a message back, on a stream of HTTP/2
/// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
///
/// The answer is complete with the trailers; what becomes of stream and connection afterwards is of no interest.
package final class UnaryCall: ChannelInboundHandler {
    package typealias InboundIn = HTTP2Frame.FramePayload
    package typealias OutboundOut = HTTP2Frame.FramePayload

    /// What is asked, and of whom.
    package struct Request: Sendable {
        /// `/package.Service/Method`.
        package var path: String
        /// The host and port that are meant.
        package var authority: String
        /// How long the answer is waited for; the server is told.
        package var limit: Duration
        /// The message.
        package var message: [UInt8]
        /// Bytes that the answer's message may have.
        package var answerLimit: Int

        /// Creates a request.
        package init(path: String, authority: String, limit: Duration, message: [UInt8], answerLimit: Int) {
            self.path = path
            self.authority = authority
            self.limit = limit
            self.message = message
            self.answerLimit = answerLimit
        }
    }

    /// Why there is no answer.
    package enum Failure: Error, Hashable {
        /// The server says so.
        case status(GRPCStatus, String)
        /// The answer is not one of gRPC.
        case malformed(String)
        /// Stream or connection ended before the answer was complete.
        case closed(detail: String)
    }

    private let request: Request
    private let answer: EventLoopPromise<[UInt8]>
    private var received: [UInt8] = []
    private var hasHeaders = false

    /// Calls as soon as the stream is there; the answer or the failure goes to the promise.
    package init(_ request: Request, answer: EventLoopPromise<[UInt8]>) {
        self.request = request
        self.answer = answer
    }

    package func channelActive(context: ChannelHandlerContext) {
        let milliseconds = GoDuration(request.limit).nanoseconds / 1_000_000
        let headers: HPACKHeaders = [
            ":method": "POST", ":scheme": "https", ":path": request.path, ":authority": request.authority,
            "content-type": "application/grpc", "te": "trailers", "user-agent": "node_agent/\(ProductVersion.text)",
            // At most eight digits.
            "grpc-timeout": "\(min(max(milliseconds, 1), 99_999_999))m",
        ]
        context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
        let body = MessageFrame.buffer(request.message)
        context.writeAndFlush(wrapOutboundOut(.data(.init(data: .byteBuffer(body), endStream: true))), promise: nil)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame): take(frame.headers, isLast: frame.endStream)
        case .data(let frame):
            guard case .byteBuffer(let bytes) = frame.data else { return }
            received += bytes.readableBytesView
            if received.count > request.answerLimit + MessageFrame.prefixLength {
                answer.fail(Failure.status(.resourceExhausted, "the answer has more than \(request.answerLimit) bytes"))
                context.close(promise: nil)
            } else if frame.endStream {
                answer.fail(Failure.malformed("the answer has no status"))
            }
        case .rstStream(let code): answer.fail(Failure.closed(detail: "the stream was reset: \(code)"))
        default: break
        }
    }

    private func take(_ headers: HPACKHeaders, isLast: Bool) {
        if !hasHeaders, let status = headers.first(name: ":status") {
            // Information comes before the answer (RFC 9110, section 15.2).
            if status.utf8.first == UInt8(ascii: "1"), !isLast { return }
            hasHeaders = true
            guard status == "200" else {
                return answer.fail(Failure.status(.unknown, "the server answered with the HTTP status \(status)"))
            }
        }
        guard isLast else { return }
        guard let text = headers.first(name: "grpc-status"), let number = Int(text) else {
            return answer.fail(Failure.malformed("the answer has no status"))
        }
        guard number == 0 else {
            let message = GRPCStatus.decoded(headers.first(name: "grpc-message") ?? "")
            return answer.fail(Failure.status(GRPCStatus(rawValue: number), message))
        }
        do throws(MessageFrame.Fault) {
            answer.succeed(try MessageFrame.message(received))
        } catch {
            answer.fail(Failure.malformed("the answer \(error)"))
        }
    }

    package func channelInactive(context: ChannelHandlerContext) { answer.fail(Failure.closed(detail: "")) }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }
}

/// Ends a call when its connection ends: with the connection's own error, which says more than the stream's.
package final class ConnectionEnd: ChannelInboundHandler {
    package typealias InboundIn = Any

    private let answer: EventLoopPromise<[UInt8]>

    /// Watches a connection for the call with this promise.
    package init(answer: EventLoopPromise<[UInt8]>) { self.answer = answer }

    package func channelInactive(context: ChannelHandlerContext) { answer.fail(UnaryCall.Failure.closed(detail: "")) }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
        context.close(promise: nil)
    }
}
