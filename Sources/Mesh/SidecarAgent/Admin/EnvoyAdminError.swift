import AsyncHTTPClient
import Glibc
import NIOCore
import NIOPosix

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
        /// An answer with more bytes than allowed, or one that is no HTTP.
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
        case .malformed(let detail): "no answer that can be read from 127.0.0.1:\(port): \(detail)"
        }
    }
}

extension EnvoyAdminError.Problem {
    /// What an error of the HTTP client means.
    static func of(_ error: any Error) -> Self {
        switch error {
        case let error as HTTPClientError:
            switch error {
            case .deadlineExceeded, .connectTimeout, .readTimeout, .writeTimeout, .cancelled,
                .getConnectionFromPoolTimeout:
                .timedOut
            case .remoteConnectionClosed: .unreachable("the connection was closed")
            default: .malformed("\(error)")
            }
        case is CancellationError: .timedOut
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { of($0.error) } ?? .unreachable("no address")
        case let error as IOError where error.errnoCode == ECONNREFUSED: .unreachable("nobody listens")
        case let error as IOError: .unreachable("\(error)")
        case let error as ChannelError: .unreachable("\(error)")
        default: .malformed("\(error)")
        }
    }
}
