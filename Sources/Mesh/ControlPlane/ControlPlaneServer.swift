import Crypto
import FoundationEssentials
import HTTP
import IstioCAProtocol
import Logging
import MeshContract
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL
import Platform
import SwiftASN1
import WorkloadCertificates
import X509

/// What answers at the addresses of the control plane.
struct ControlPlaneServer: Sendable {
    let generation: IstioGeneration
    let mesh: MeshState
    let issuer: Issuer
    let successor: Issuer
    let log: Logger

    /// Answers at the listener's address until the task is cancelled.
    ///
    /// - Parameter ready: told the address once it is bound.
    func serve(_ listener: Listener, ready: @escaping @Sendable (SocketAddress) -> Void) async throws {
        switch listener.role {
        case .pilot: try await serveHTTP(listener, ready, PilotResponder(generation: generation, mesh: mesh).respond)
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
        let service = AuthorityService(
            generation: generation, issuer: issuer, successor: successor, mesh: mesh, log: log)
        let context = try authorityContext()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: context))
                    _ = try pipeline.configureHTTP2Pipeline(
                        mode: .server, connectionConfiguration: .init(), streamConfiguration: .init()
                    ) { stream in
                        stream.eventLoop.makeCompletedFuture {
                            let peer = try stream.parent?.pipeline.syncOperations.nioSSL_peerCertificate()
                            let names = try peer.map { try WorkloadNames.uris(certificate: try $0.toDERBytes()) }
                            try stream.pipeline.syncOperations.addHandler(
                                UnaryService(path: SigningMethod.path, limit: AuthorityService.messageLimit) {
                                    await service.handle($0, peer: names)
                                })
                        }
                    }
                }
            }
            .bind(host: "\(listener.address.host)", port: listener.address.port).get()
        ready(SocketAddress(host: listener.address.host, port: server.localAddress?.port ?? 0))
        try await withTaskCancellationHandler {
            try await server.closeFuture.get()
        } onCancel: {
            server.close(promise: nil)
        }
    }

    /// As Go's `VerifyClientCertIfGiven`: who shows no certificate is refused by the authority, and not by TLS.
    private func authorityContext() throws -> NIOSSLContext {
        func certificates(_ pem: String) throws -> [NIOSSLCertificate] {
            try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
        }
        let key = P256.Signing.PrivateKey()
        let leaf = try issuer.server(
            Certificate.PrivateKey(key).publicKey, until: Date().addingTimeInterval(365 * 86400))
        let chain = try leaf.serializeAsPEM().pemString + "\n" + issuer.intermediatesPEM()
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try certificates(chain).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der)))
        tls.trustRoots = .certificates(try [issuer, successor].flatMap { try certificates(try $0.rootPEM()) })
        tls.certificateVerification = .optionalVerification
        tls.applicationProtocols = ["h2"]
        return try NIOSSLContext(configuration: tls)
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
