import HTTP
import MeshContract
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
    private static let client = HTTPClient(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))

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
        let request = HTTPClient.Request(
            url: "http://127.0.0.1:\(port)\(Self.encoded(path))", method: method.rawValue, limit: Self.answerLimit)
        do throws(HTTPClient.Failure) {
            let answer = try await Self.client.send(request, until: .now.advanced(by: timeout))
            guard !answer.isTruncated else {
                throw HTTPClient.Failure.malformed("an answer of more than \(Self.answerLimit) bytes")
            }
            return Answer(status: answer.status, body: answer.body)
        } catch {
            throw EnvoyAdminError(port: port, problem: .of(error))
        }
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
