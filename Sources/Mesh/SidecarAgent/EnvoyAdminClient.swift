import FoundationEssentials
import Glibc
import HTTP
import NIOCore
import NIOPosix
import Platform

/// Envoy's administration on 127.0.0.1.
public struct EnvoyAdminClient: Sendable {
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
            if Ascii.isAlphanumeric(byte) || "-._~/?&=%:@!$'()*+,;".utf8.contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A request to Envoy's administration that had no answer.
public struct EnvoyAdminError: Error, Sendable, CustomStringConvertible {
    /// Why.
    public enum Problem: Sendable {
        /// The path does not begin with `/`, or has control characters in it.
        case badPath(String)
        /// Nobody listens or the connection was cut.
        case unreachable(String)
        /// Connected or not, the time was over.
        case timedOut
        /// An answer that is too long or not HTTP.
        case malformed(String)
    }

    /// The port that was asked.
    public var port: Int
    /// Why.
    public var problem: Problem

    /// The sentence for people.
    public var description: String {
        switch problem {
        case .badPath(let path): "expected a path such as /stats?usedonly, found '\(path)'"
        case .unreachable(let detail):
            "Envoy's administration does not answer on 127.0.0.1:\(port): \(detail); is Envoy running, and is this its "
                + "--proxyAdminPort?"
        case .timedOut: "Envoy's administration on 127.0.0.1:\(port) did not answer in time"
        case .malformed(let detail): "cannot read the answer from 127.0.0.1:\(port): \(detail)"
        }
    }
}

extension EnvoyAdminError.Problem {
    /// What an error of the HTTP client means.
    static func of(_ failure: HTTPClient.Failure) -> Self {
        switch failure {
        case .timedOut: .timedOut
        case .closed: .unreachable("the connection was closed")
        case .badURL(let detail), .redirects(let detail), .malformed(let detail): .malformed(detail)
        case .connection(let error as NIOConnectionError):
            error.connectionErrors.first.map { of(.connection($0.error)) } ?? .unreachable("no address")
        case .connection(ChannelError.connectTimeout): .timedOut
        case .connection(let error as IOError) where error.errnoCode == ECONNREFUSED: .unreachable("nobody listens")
        case .connection(let error): .unreachable("\(error)")
        }
    }
}

/// What `GET /server_info` of Envoy says, as far as this agent reads it (envoy.admin.v3.ServerInfo).
public struct ServerInfo: Sendable, Hashable, Decodable {
    /// LIVE, DRAINING, PRE_INITIALIZING or INITIALIZING.
    public var state: String
    /// The version with the commit.
    public var version: String
    /// Of this epoch, in seconds with an `s`.
    public var uptimeCurrentEpoch: String?
    /// What it was started with.
    public var commandLineOptions: CommandLineOptions

    /// What Envoy was started with.
    public struct CommandLineOptions: Sendable, Hashable, Decodable {
        /// Nil is epoch 0: protobuf's JSON leaves zeros out.
        public var restartEpoch: Int?
        /// The node id.
        public var serviceNode: String?
        /// The configuration file.
        public var configPath: String?
    }

    /// The restart epoch.
    public var epoch: Int { commandLineOptions.restartEpoch ?? 0 }
}

extension EnvoyAdminClient {
    /// Asks for the state of Envoy.
    public func serverInfo() async throws(EnvoyAdminError) -> ServerInfo {
        let answer = try await request(.get, "/server_info")
        guard answer.status == 200 else {
            throw EnvoyAdminError(port: port, problem: .malformed("HTTP status \(answer.status) for /server_info"))
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(ServerInfo.self, from: Data(answer.body))
        } catch {
            throw EnvoyAdminError(port: port, problem: .malformed("/server_info: \(error)"))
        }
    }
}
