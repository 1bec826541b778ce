import Certificates
import Glibc
import IstioCAProtocol
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL
import Platform
import WorkloadCertificates

/// What an authority is asked.
public struct SignatureQuery: Sendable, Hashable {
    /// The PKCS #10 request in PEM.
    public var requestPEM: [UInt8]
    /// The lifetime in whole minutes.
    public var lifetimeMinutes: Int32
}

/// What an authority answered.
public struct SignatureAnswer: Sendable {
    /// Whether it signed.
    public var isApproved: Bool
    /// What it says of it, such as why not; may be empty.
    public var remark: String
    /// The leaf and what follows it, in PEM; of the older generation from one field, of the later from two.
    public var chainPEM: [UInt8]
    /// The certificates that it showed.
    public var server: ServerCertificate
}

/// Signs certificate requests.
public protocol CertificateAuthority: Sendable {
    /// Asks for a signature, authenticated by present certificates.
    func sign(
        _ query: SignatureQuery, credentials: TLSCredentials
    ) async throws(AuthorityError) -> SignatureAnswer
}

/// Why the certificate authority gave no answer. The texts have the words of Go's network library where it has some: people
/// and checks know them from the original agent's log.
public enum AuthorityError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The host name has no address.
    case lookup(host: String, HostLookup.Failure)
    /// The connection could not be made or broke; the number is errno(3)'s.
    case connection(NetworkEndpoint, errno: Int32)
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
        case .lookup(let host, let failure): "dial tcp: lookup \(host): \(failure)"
        case .connection(let address, let number):
            "dial tcp \(address): connect: \(SystemErrorText.of(number).lowercased())"
        case .certificate(let fault): "authentication handshake failed: \(fault)"
        case .handshake(let detail): "authentication handshake failed: \(detail)"
        case .status(_, let name, let message): "rpc error: code = \(name) desc = \(message)"
        case .deadline(let limit):
            "rpc error: code = DeadlineExceeded desc = context deadline exceeded: no answer within \(limit)"
        case .setUp(let detail): "the TLS client cannot be set up: \(detail)"
        }
    }
}

extension AuthorityError {
    /// The error in this module's terms, by the type of its cause.
    init(_ error: any Error, address: NetworkEndpoint) {
        let cause = (error as? NIOConnectionError).flatMap { $0.connectionErrors.first?.error ?? $0.dnsAError } ?? error
        switch cause {
        case let failure as AuthorityError: self = failure
        case let failure as IOError: self = .connection(address, errno: failure.errnoCode)
        case ChannelError.connectTimeout: self = .connection(address, errno: ETIMEDOUT)
        case let failure as NIOSSLError: self = .handshake(detail: Self.text(failure))
        case let failure as BoringSSLError: self = .handshake(detail: Self.text(failure))
        case let failure as UnaryCall.Failure: self.init(failure)
        case let failure as any NIOHTTP2Error:
            self.init(.closed(detail: "the peer does not keep to HTTP/2: \(failure)"))
        default: self = .setUp(detail: CertificateFault.printable("\(cause)"))
        }
    }

    private init(_ failure: UnaryCall.Failure) {
        let status: (code: GRPCStatus, message: String) =
            switch failure {
            case .status(let code, let message): (code, message)
            case .malformed(let detail): (.internalError, detail)
            case .closed(let detail):
                (
                    .unavailable,
                    "the connection ended before the answer was complete" + (detail.isEmpty ? "" : ": \(detail)")
                )
            }
        self = .status(
            code: status.code.rawValue, name: status.code.name,
            message: Self.clause(CertificateFault.printable(status.message)))
    }

    private static func text(_ error: NIOSSLError) -> String {
        if case .handshakeFailed(let failure) = error { return text(failure) }
        return "\(error)"
    }

    private static func text(_ error: BoringSSLError) -> String {
        switch error {
        case .sslError(let stack), .unknownError(let stack):
            // The last of the stack is the one that the peer or the handshake ended with.
            stack.last.map { withoutSource("\($0)") } ?? "\(error)"
        default: "\(error)"
        }
    }

    /// A message of the TLS library without the file and line of its own source that it ends with.
    private static func withoutSource(_ message: String) -> String {
        let (bytes, mark) = (Array(message.utf8), Array(" at /".utf8))
        guard let start = bytes.indices.last(where: { bytes[$0...].starts(with: mark) }) else { return message }
        return String(decoding: bytes[..<start], as: UTF8.self)
    }

    /// Without a full stop at the end: the sentence that it becomes a part of has one.
    private static func clause(_ message: String) -> String {
        message.utf8.last == UInt8(ascii: ".") ? String(decoding: message.utf8.dropLast(), as: UTF8.self) : message
    }
}
