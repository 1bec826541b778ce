import Glibc
import Certificates

/// Why the certificate authority gave no answer. The texts have the words of Go's network library where it has some: people
/// and checks know them from the original agent's log.
public enum AuthorityError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The host name has no address; the code is getaddrinfo(3)'s.
    case lookup(host: String, code: Int32)
    /// The connection could not be made or broke; the number is errno(3)'s.
    case connection(AuthorityAddress, errno: Int32)
    /// The authority's certificate is not to be trusted.
    case certificate(ServerCertificate.Fault)
    /// TLS failed for another reason; the detail is the TLS library's.
    case handshake(detail: String)
    /// The authority answered with an error; code and text are its own.
    case status(code: Int, name: String, message: String)
    /// No answer in time.
    case deadline(Duration)
    /// The client could not be set up with our own certificates.
    case setUp(detail: String)

    /// The sentence for people.
    public var description: String {
        switch self {
        case .lookup(let host, let code): "dial tcp: lookup \(host): \(Self.lookupText(code))"
        case .connection(let address, let number):
            "dial tcp \(address): connect: \(Self.connectionText(number))"
        case .certificate(let fault): "authentication handshake failed: \(fault)"
        case .handshake(let detail): "authentication handshake failed: \(detail)"
        case .status(_, let name, let message): "rpc error: code = \(name) desc = \(message)"
        case .deadline(let limit):
            "rpc error: code = DeadlineExceeded desc = context deadline exceeded: no answer within \(limit)"
        case .setUp(let detail): "the TLS client cannot be set up: \(detail)"
        }
    }

    private static func lookupText(_ code: Int32) -> String {
        code == EAI_NONAME ? "no such host" : String(cString: gai_strerror(code))
    }

    private static func connectionText(_ number: Int32) -> String {
        switch number {
        case ECONNREFUSED: "connection refused"
        case ETIMEDOUT: "connection timed out"
        case ECONNRESET: "connection reset by peer"
        case ENETUNREACH: "network is unreachable"
        case EHOSTUNREACH: "no route to host"
        default: String(cString: strerror(number))
        }
    }
}
