import Certificates
import HTTP
import NIOCore
import NIOSSL
import NIOTLS
import Platform
import SwiftASN1
import Synchronization
import X509

/// One request and its answer.
package enum HTTPExchange {
    /// What is asked.
    package struct Query: Sendable {
        var url: String
        var method: String
        var headers: [(name: String, value: String)] = []
        var body: [UInt8]?
        /// Bytes of the answer's body that are read.
        package var limit = 1 << 20

        /// Creates a query without headers and body.
        package init(url: String, method: String = "GET") {
            self.url = url
            self.method = method
        }
    }

    /// The answer.
    package struct Answer: Sendable {
        package var status: Int
        var headers: [(name: String, value: String)]
        package var body: [UInt8]
        /// Whether the body continued beyond the limit.
        var isTruncated: Bool
        var redirects: Int
        var duration: Duration

        /// The first header of a name, in any case.
        func header(_ name: String) -> String? {
            let wanted = Ascii.lowercased(name)
            return headers.first { Ascii.lowercased($0.name) == wanted }?.value
        }

        /// The Date header in nanoseconds since 1970.
        var date: Int64? { header("date").flatMap(MailDate.httpSeconds).map { $0 * 1_000_000_000 } }
    }

    /// Asks once.
    package static func run(
        _ query: Query, with connections: HTTPConnections, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> Answer {
        let operation = "\(query.method) \(query.url)"
        let request = HTTPClient.Request(
            url: query.url, method: query.method, headers: query.headers, body: query.body, limit: query.limit)
        let started = MonotonicTime.now
        return try await Deadline.race(operation, until: deadline) { () async throws(ProbeError) in
            do throws(HTTPClient.Failure) {
                let answer = try await connections.client.send(request, until: deadline)
                return Answer(
                    status: answer.status, headers: answer.headers, body: answer.body,
                    isTruncated: answer.isTruncated, redirects: answer.redirects,
                    duration: MonotonicTime.now.since(started))
            } catch {
                throw failure(operation, error)
            }
        }
    }

    /// What a failed exchange says.
    private static func failure(_ operation: String, _ error: HTTPClient.Failure) -> ProbeError {
        switch error {
        case .timedOut: .noAnswer(operation)
        case .badURL(let url): ProbeError(.invalid, operation, expected: "a URL", found: "'\(url)'")
        case .closed:
            ProbeError(.malformed, operation, expected: "a whole answer", found: "the end of the connection")
        case .redirects(let detail): ProbeError(.malformed, operation, expected: "at most 10 redirects", found: detail)
        case .malformed(let detail):
            ProbeError(.malformed, operation, expected: "an answer in HTTP", found: detail.shortened())
        case .connection(let error): .network(operation, error)
        }
    }
}

/// The HTTP clients of a host: one for each way of asking.
package final class HTTPConnections: Sendable {
    /// What requests have to share to share a client.
    package struct Way: Sendable {
        /// Whether redirects are followed.
        var follows = false
        /// The address to connect to instead of that of the URL's host.
        var override: Override?
        /// The Unix socket to connect to instead of the URL's host.
        var socket: String?
        /// A file of certificates to trust instead of the system's.
        var root: String?
        /// The files of the client's certificate.
        var identity: Identity?

        /// Creates a way without redirects to the host of the URL.
        package init() {}
    }

    /// Files of a certificate chain and its key, in PEM.
    struct Identity: Sendable {
        var chain: String
        var key: String
    }

    /// One host's address, given by hand.
    struct Override: Sendable {
        var host: String
        var address: String
    }

    /// The client.
    let client: HTTPClient

    init(_ way: Way, loops: any EventLoopGroup) {
        let security = Security(root: way.root, identity: way.identity)
        client = HTTPClient(
            group: loops, followsRedirects: way.follows,
            addresses: way.override.map { [$0.host: $0.address] } ?? [:], socketPath: way.socket,
            securing: { try security.secure($0, server: $1) })
    }
}

/// TLS as a client that checks the server's certificate and name.
private final class Security: Sendable {
    private let root: String?
    private let identity: HTTPConnections.Identity?
    // Made for the first https: to read the system's certificates takes milliseconds.
    private let context = Mutex<NIOSSLContext?>(nil)

    init(root: String?, identity: HTTPConnections.Identity?) {
        self.root = root
        self.identity = identity
    }

    func secure(_ channel: any Channel, server: String) throws {
        let context = try context.withLock { context in
            if let context { return context }
            var settings = TLSConfiguration.makeClientConfiguration()
            // It would take a certificate for the address that was connected to for one of the name (RFC 9110 section 4.3.4).
            settings.certificateVerification = .noHostnameVerification
            if let root { settings.trustRoots = .file(root) }
            if let identity {
                settings.certificateChain = try NIOSSLCertificate.fromPEMFile(identity.chain).map { .certificate($0) }
                settings.privateKey = .privateKey(try NIOSSLPrivateKey(file: identity.key, format: .pem))
            }
            let made = try NIOSSLContext(configuration: settings)
            context = made
            return made
        }
        let name = IPAddress(server) == nil ? server : nil
        let pipeline = channel.pipeline.syncOperations
        let tls = try NIOSSLClientHandler(context: context, serverHostname: name)
        try pipeline.addHandler(tls)
        try pipeline.addHandler(IdentityCheck(tls, server))
        try pipeline.addHandler(UncleanEnd())
    }

    /// Ends a connection to a server whose certificate is not for the host of the URL, before anything is sent.
    private final class IdentityCheck: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let tls: NIOSSLClientHandler
        private let server: String

        init(_ tls: NIOSSLClientHandler, _ server: String) {
            self.tls = tls
            self.server = server
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent {
                do {
                    guard let shown = tls.peerCertificate else { throw WrongServer(server: server, names: []) }
                    let leaf = try Certificate(derEncoded: shown.toDERBytes())
                    guard ServerCertificate(leaf: leaf, intermediates: []).isFor(server) else {
                        throw WrongServer(server: server, names: CertificateValues.names(of: leaf))
                    }
                } catch {
                    context.fireErrorCaught(error)
                    context.close(promise: nil)
                    return
                }
            }
            context.fireUserInboundEventTriggered(event)
        }
    }

    private struct WrongServer: Error, CustomStringConvertible {
        var server: String
        var names: [String]

        var description: String {
            names.isEmpty
                ? "a certificate without names, not one for \(server)"
                : "a certificate for \(names.prefix(5).joined(separator: ", ")), not for \(server)"
        }
    }

    /// Lets a server end the connection without close_notify, as many do: whether the answer was whole, HTTP says.
    private final class UncleanEnd: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if case NIOSSLError.uncleanShutdown? = error as? NIOSSLError { return }
            context.fireErrorCaught(error)
        }
    }
}

extension Host {
    /// The client of a way of asking.
    package nonisolated func httpConnections(
        _ way: HTTPConnections.Way, for request: ProbeRequest
    ) async throws(ProbeError) -> HTTPConnections {
        let loops = try await eventLoops(for: request)
        let name =
            "http-\(way.follows)-\(way.override?.host ?? "")-\(way.override?.address ?? "")-\(way.root ?? "")"
            + "-\(way.socket ?? "")"
            + (way.identity.map { "-\($0.chain)-\($0.key)" } ?? "")
        return try await fact(name, as: HTTPConnections.self) { () throws(ProbeError) in
            HTTPConnections(way, loops: loops)
        }
    }
}

/// Scheme, host and path of a URL.
package struct URLAuthority: Sendable {
    package var host: String
    /// The URL with bytes that may not stand in one as `%XX` (RFC 3986 section 2): `|` in Pilot's keys among them.
    /// Without user and password.
    var escapedURL: String
    /// `USER:PASSWORD`, with its `%XX` decoded; nil when there is none.
    var credentials: [UInt8]?
    /// Where to connect to; nil unless the scheme is http.
    package var plainEndpoint: NetworkEndpoint?
    /// The path, which begins with `/`, and the query.
    package var target: String

    package init(_ url: String) throws(ProbeError) {
        let bytes = Array(url.utf8)
        let wrong = ProbeError(
            .invalid, "read parameter url", expected: "http://HOST… or https://HOST…", found: "'\(url.shortened())'")
        guard bytes.count <= 8192, let scheme = ["http://", "https://"].first(where: { url.startsBytewise($0) }) else {
            throw wrong
        }
        let rest = bytes[scheme.utf8.count...]
        var authority = rest.prefix { !"/?#".utf8.contains($0) }
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            credentials = Self.decoded(authority[..<at])
            authority = authority[(at + 1)...]
        }
        let withoutCredentials = scheme.utf8 + bytes[authority.startIndex...]
        let endpoint = try NetworkEndpoint(
            reading: Ascii.text(authority), standardPort: scheme == "http://" ? 80 : 443)
        host = endpoint.host
        plainEndpoint = scheme == "http://" ? endpoint : nil
        let digits = Array("0123456789ABCDEF".utf8)
        var escaped: [UInt8] = []
        for byte in withoutCredentials {
            if byte <= 0x20 || byte >= 0x7f || "\"<>\\^`{|}".utf8.contains(byte) {
                escaped += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            } else {
                escaped.append(byte)
            }
        }
        escapedURL = Ascii.text(escaped)
        let path = Ascii.text(escaped).utf8.dropFirst(scheme.utf8.count).drop { !"/?#".utf8.contains($0) }
            .prefix { $0 != UInt8(ascii: "#") }
        target = path.first == UInt8(ascii: "/") ? Ascii.text(path) : "/" + Ascii.text(path)
    }

    /// The bytes that a part of a URL stands for (RFC 3986 section 2.1).
    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let value = Bytes.hexadecimal(rest.prefix(2)) {
                result.append(UInt8(truncatingIfNeeded: value))
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        // A user alone has an empty password (RFC 7617 section 2).
        return result.contains(UInt8(ascii: ":")) ? result : result + [UInt8(ascii: ":")]
    }
}

extension ParameterForm {
    /// A URL of HTTP.
    public static let url = ParameterForm { request throws(ProbeError) in
        _ = try URLAuthority(try request.requiredText(name))
    }
}
