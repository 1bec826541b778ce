import Crypto
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2
import HTTP
import IstioCAProtocol
import Logging
import MeshContract
import NIOCore
import NIOPosix
import Platform
import SwiftASN1
import WorkloadCertificates
import X509

/// Makes listeners answer.
struct ListenerFactory: Sendable {
    let mesh: MeshState
    let issuer: Issuer
    let successor: Issuer
    let log: Logger

    /// Answers at the listener's address until the task is cancelled.
    ///
    /// - Parameter ready: told the address once it is bound.
    func serve(_ listener: Listener, ready: @escaping @Sendable (SocketAddress) -> Void) async throws {
        switch listener.role {
        case .pilot: try await serveHTTP(listener, ready, PilotResponder(mesh: mesh).respond)
        case .productPage: try await serveHTTP(listener, ready, ProductPage(mesh: mesh, log: log).respond)
        case .authority: try await serveAuthority(listener, ready)
        case .mixer: try await serveMixer(listener, ready)
        }
    }

    private func serveHTTP(
        _ listener: Listener, _ ready: @escaping @Sendable (SocketAddress) -> Void,
        _ respond: @escaping @Sendable (HTTPServer.Request) async -> HTTPServer.Response
    ) async throws {
        try await HTTPServer(respond: respond).run(host: "\(listener.address.host)", port: listener.address.port) {
            ready(SocketAddress(host: listener.address.host, port: $1))
        }
    }

    private func serveAuthority(
        _ listener: Listener, _ ready: @escaping @Sendable (SocketAddress) -> Void
    ) async throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let leaf = try issuer.server(key.publicKey, until: Date().addingTimeInterval(365 * 86400))
        func source(_ text: String) -> TLSConfig.CertificateSource { .bytes(Array(text.utf8), format: .pem) }
        let chain = [try leaf.serializeAsPEM().pemString, try issuer.intermediatesPEM()].map(source)
        let roots = try [issuer, successor].map { source(try $0.rootPEM()) }
        let transport = HTTP2ServerTransport.Posix(
            address: listener.address.host.bytes.count == 4
                ? .ipv4(host: "\(listener.address.host)", port: listener.address.port)
                : .ipv6(host: "\(listener.address.host)", port: listener.address.port),
            transportSecurity: .mTLS(
                certificateChain: chain,
                privateKey: .bytes(Array(try key.serializeAsPEM().pemString.utf8), format: .pem)
            ) { tls in
                tls.trustRoots = .certificates(roots)
                // A machine's certificate names a workload and no host.
                tls.clientCertificateVerification = .noHostnameVerification
            })
        let server = GRPCServer(
            transport: transport,
            services: [AuthorityService(issuer: issuer, successor: successor, mesh: mesh, log: log)])
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await server.serve() }
            group.addTask {
                let bound = try await transport.listeningAddress
                ready(SocketAddress(host: listener.address.host, port: bound.ipv4?.port ?? bound.ipv6?.port ?? 0))
            }
        }
    }

    /// Takes connections and says that it is not a Mixer.
    private func serveMixer(
        _ listener: Listener, _ ready: @escaping @Sendable (SocketAddress) -> Void
    ) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "\(listener.address.host)", port: listener.address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        ready(SocketAddress(host: listener.address.host, port: server.channel.localAddress?.port ?? 0))
        try await server.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in connections {
                    group.addTask {
                        let peer = connection.channel.remoteAddress.map { "\($0)" } ?? "somebody"
                        log.info(
                            "mixer: connection from \(peer); nothing here speaks Mixer's protocol, bytes are dropped")
                        do {
                            try await connection.executeThenClose { inbound, _ in for try await _ in inbound {} }
                        } catch {
                            log.info("mixer: connection from \(peer) ended: \(error)")
                        }
                    }
                }
            }
        }
    }
}
