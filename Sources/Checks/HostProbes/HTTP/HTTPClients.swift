import HTTP
import NIOCore
import NIOSSL
import Platform
import Synchronization

/// The HTTP clients of a host: one for each way of asking.
final class HTTPConnections: Sendable {
    /// What requests have to share to share a client.
    struct Way: Sendable, Hashable {
        /// Whose sockets they are; nil for ours.
        var impersonation: Impersonation?
        /// Whether redirects are followed.
        var follows: Bool
        /// The address to connect to instead of that of the URL's host.
        var override: Override?
        /// A file of certificates to trust instead of the system's.
        var root: String?
    }

    /// One host's address, given by hand.
    struct Override: Sendable, Hashable {
        var host: String
        var address: String
    }

    /// The client.
    let client: HTTPClient

    init(_ way: Way, loops: any EventLoopGroup) {
        let security = Security(root: way.root)
        client = HTTPClient(
            group: loops, followsRedirects: way.follows,
            addresses: way.override.map { [$0.host: $0.address] } ?? [:],
            securing: { try security.secure($0, server: $1) })
    }
}

/// TLS as a client that checks the server's certificate and name.
private final class Security: Sendable {
    private let root: String?
    // Made for the first https: to read the system's certificates takes milliseconds.
    private let context = Mutex<NIOSSLContext?>(nil)

    init(root: String?) { self.root = root }

    func secure(_ channel: any Channel, server: String) throws {
        let context = try context.withLock { context in
            if let context { return context }
            var settings = TLSConfiguration.makeClientConfiguration()
            if let root { settings.trustRoots = .file(root) }
            let made = try NIOSSLContext(configuration: settings)
            context = made
            return made
        }
        let name = IPAddress(server) == nil ? server : nil
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
        try pipeline.addHandler(UncleanEnd())
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
    nonisolated func httpConnections(
        _ way: HTTPConnections.Way, for request: ProbeRequest
    ) async throws(ProbeError) -> HTTPConnections {
        let loops = try Loops.group(as: way.impersonation)
        let name =
            "http-\(way.impersonation.map { String($0.user.uid) } ?? "")-\(way.follows)-\(way.override?.host ?? "")-"
            + "\(way.override?.address ?? "")-\(way.root ?? "")"
        return try await fact(name, as: HTTPConnections.self) { () throws(ProbeError) in
            HTTPConnections(way, loops: loops)
        }
    }
}
