import Glibc
import HTTP
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
