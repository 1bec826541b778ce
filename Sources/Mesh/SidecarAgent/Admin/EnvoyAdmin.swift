import AsyncHTTPClient
import MeshContract
import NIOCore
import NIOHTTP1
import NIOPosix
import Platform

/// Envoy's administration on 127.0.0.1.
public struct EnvoyAdmin: Sendable {
    /// The port.
    public let port: Int
    /// For a request with its answer.
    public var timeout: Duration
    /// Bytes that an answer may have.
    public static let answerLimit = 64 << 20
    /// One thread for all requests, as long as the process lives.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Creates a client; nothing is connected before the first request.
    public init(port: Int, timeout: Duration = .seconds(5)) {
        self.port = port
        self.timeout = timeout
    }

    /// The answer to a request.
    public struct Answer: Sendable, Hashable {
        /// The HTTP status.
        public var status: Int
        /// The body.
        public var body: [UInt8]
    }

    /// A method of HTTP that Envoy's administration knows.
    public enum Method: String, Sendable, Hashable, CaseIterable {
        case get = "GET"
        case post = "POST"
    }

    /// Sends a request and reads its answer.
    ///
    /// - Parameter path: begins with `/`; may have a query. What a URL cannot have is encoded.
    public func request(_ method: Method, _ path: String) async throws(EnvoyAdminError) -> Answer {
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw EnvoyAdminError(port: port, problem: .badPath(path))
        }
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(Self.encoded(path))")
        request.method = method == .get ? .GET : .POST
        let nanoseconds = GoDuration(timeout).nanoseconds
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        // A client a request: requests are rare, and an agent that waits should hold no connection.
        let client = HTTPClient(eventLoopGroupProvider: .shared(Self.group), configuration: configuration)
        let result: Result<Answer, EnvoyAdminError>
        do {
            let response = try await client.execute(request, deadline: .now() + .nanoseconds(nanoseconds))
            let body = try await response.body.collect(upTo: Self.answerLimit)
            result = .success(Answer(status: Int(response.status.code), body: Array(buffer: body)))
        } catch {
            result = .failure(EnvoyAdminError(port: port, problem: .of(error)))
        }
        do {
            try await client.shutdown()
        } catch {
            // The answer is there, or the reason why not; a connection that does not close well changes neither.
        }
        return try result.get()
    }

    /// Percent signs in place of what a URL cannot have (RFC 3986, section 2), so that regular expressions in a query
    /// can be written as they are. Percent signs themselves stay: the path may be encoded already.
    private static func encoded(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            if PlainText.isAlphanumeric(byte) || "-._~/?&=%:@!$'()*+,;".utf8.contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
