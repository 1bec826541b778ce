import AsyncHTTPClient
import Dispatch
import NIOCore
import NIOPosix
import NIOSSL

/// The HTTP clients of a host: one for each way of asking, so that connections are kept between checks.
final class HTTPConnections: Sendable {
    /// What requests have to share to share connections.
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

    /// The client; it keeps its connections for the next request.
    let client: HTTPClient

    init(_ way: Way, loops: any EventLoopGroup) throws(ProbeError) {
        var configuration = HTTPClient.Configuration()
        // Behind a check stands a service of the mesh, which is asked itself.
        configuration.proxy = nil
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = way.follows ? .follow(max: 10, allowCycles: false) : .disallow
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.connectionPool.idleTimeout = .seconds(10)
        // A refused connection is the answer, not a reason to try until the deadline.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let override = way.override { configuration.dnsOverride = [override.host: override.address] }
        if let root = way.root {
            var settings = TLSConfiguration.makeClientConfiguration()
            settings.trustRoots = .file(root)
            configuration.tlsConfiguration = settings
        }
        client = HTTPClient(eventLoopGroupProvider: .shared(loops), configuration: configuration)
    }

    deinit {
        client.shutdown(queue: .global()) { _ in
            // The connections are closed by then; there is nobody left to tell of one that did not want to.
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
            try HTTPConnections(way, loops: loops)
        }
    }
}
