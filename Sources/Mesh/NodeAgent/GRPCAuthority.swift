import Certificates
import FoundationEssentials
import Glibc
import IstioCAProtocol
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL
import Platform
import SwiftASN1
import Synchronization
import WorkloadCertificates
import X509

/// Istio's certificate authority over gRPC with mutual TLS.
///
/// A connection lives for one request: between renewals lie hours.
public struct GRPCAuthority: CertificateAuthority {
    /// Bytes that an answer may have; a chain has some thousand.
    public static let answerLimit = CertificatePEM.fileSizeLimit

    /// One thread for as long as the process lives: connections that are still closing need it after their answer.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let address: NetworkEndpoint
    private let limit: Duration

    /// An authority at an address.
    ///
    /// - Parameter limit: how long a request may take, from the look-up of the name on.
    public init(address: NetworkEndpoint, limit: Duration) {
        self.address = address
        self.limit = limit
    }

    /// Asks on a new connection, and returns as soon as the answer is complete: how the connection ends is of no interest.
    public func sign(
        _ query: SignatureQuery, credentials: TLSCredentials
    ) async throws(AuthorityError) -> SignatureAnswer {
        let outcome = await Deadline.run(limit) { () -> Result<SignatureAnswer, AuthorityError> in
            do throws(AuthorityError) {
                return .success(try await exchange(query, credentials))
            } catch {
                return .failure(error)
            }
        }
        guard let outcome else { throw .deadline(limit) }
        return try outcome.get()
    }

    private func exchange(
        _ query: SignatureQuery, _ credentials: TLSCredentials
    ) async throws(AuthorityError) -> SignatureAnswer {
        let found: [SocketAddressBytes]
        do {
            // The limit of the whole request comes first.
            found = try await HostLookup.addresses(of: address.host, limit: limit + .seconds(1))
        } catch {
            throw .lookup(host: address.host, error)
        }
        let verification = ServerVerification(host: address.host, roots: credentials.certificates.roots)
        let result: Result<[UInt8], any Error>
        do {
            result = .success(try await call(query, credentials, found, verification))
        } catch {
            result = .failure(error)
        }
        // The verdict on the certificate says more than the handshake's failure that follows from it.
        if let fault = verification.fault { throw .certificate(fault) }
        do {
            let message = try result.get()
            guard let server = verification.server else {
                throw AuthorityError.handshake(detail: "the server showed no certificate")
            }
            return SignatureAnswer(try SigningReply(message), server: server)
        } catch let fault as ProtobufFault {
            throw AuthorityError(
                UnaryCall.Failure.malformed("the answer cannot be decoded: \(fault)"), address: address)
        } catch {
            throw AuthorityError(error, address: address)
        }
    }

    private func call(
        _ query: SignatureQuery, _ credentials: TLSCredentials, _ addresses: [SocketAddressBytes],
        _ verification: ServerVerification
    ) async throws -> [UInt8] {
        let context = try Self.context(credentials)
        // Server name indication is for names only (RFC 6066, section 3).
        let serverName = address.address == nil ? address.host : nil
        let call = SigningCall(
            requestPEM: query.requestPEM, credentialType: "onprem", lifetimeMinutes: query.lifetimeMinutes)
        let request = UnaryCall.Request(
            path: SigningMethod.path, authority: address.description, limit: limit,
            message: call.encoded, answerLimit: Self.answerLimit)
        let loop = Self.group.next()
        let answer = loop.makePromise(of: [UInt8].self)
        let channel: any Channel
        do {
            channel = try await connect(addresses, loop) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        try NIOSSLClientHandler(
                            context: context, serverHostname: serverName,
                            customVerificationCallback: { verification.judge($0, $1) }))
                    // An authority has no reason to begin a stream of its own.
                    let streams = try pipeline.configureHTTP2Pipeline(
                        mode: .client, connectionConfiguration: .init(), streamConfiguration: .init()
                    ) { $0.close() }
                    try pipeline.addHandler(ConnectionEnd(answer: answer))
                    streams.createStreamChannel { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandler(UnaryCall(request, answer: answer))
                        }
                    }.whenFailure { answer.fail($0) }
                }
            }
        } catch {
            answer.fail(error)
            throw error
        }
        defer { channel.close(promise: nil) }
        return try await withTaskCancellationHandler {
            try await answer.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// A connection to the first address that takes one.
    private func connect(
        _ addresses: [SocketAddressBytes], _ loop: any EventLoop,
        initialise: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws -> any Channel {
        var last: (any Error)?
        for candidate in addresses {
            do {
                return try await ClientBootstrap(group: loop)
                    .connectTimeout(TimeAmount(limit))
                    .channelInitializer(initialise)
                    .connect(to: SocketAddress(candidate, port: address.port)).get()
            } catch {
                last = error
            }
        }
        throw last ?? UnaryCall.Failure.closed(detail: "the host has no address")
    }

    private static func context(_ credentials: TLSCredentials) throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.certificateChain = try credentials.chainDER.map {
            .certificate(try NIOSSLCertificate(bytes: $0, format: .der))
        }
        tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: credentials.keyPEM, format: .pem))
        // Both are for the library's own verdict, in whose place comes ours.
        tls.certificateVerification = .noHostnameVerification
        tls.trustRoots = .certificates([])
        tls.applicationProtocols = ["h2"]
        return try NIOSSLContext(configuration: tls)
    }
}

extension SocketAddress {
    fileprivate init(_ bytes: SocketAddressBytes, port: UInt16) {
        self = bytes.withPointer(port: port) { pointer, _ in
            let raw = UnsafeRawPointer(pointer)
            return bytes.address.bitWidth == 32
                ? SocketAddress(raw.loadUnaligned(as: sockaddr_in.self))
                : SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self))
        }
    }
}

extension SignatureAnswer {
    fileprivate init(_ reply: SigningReply, server: ServerCertificate) {
        var chain = reply.certificatePEM
        if !chain.isEmpty, chain.last != UInt8(ascii: "\n") { chain.append(UInt8(ascii: "\n")) }
        chain += reply.chainPEM
        if !chain.isEmpty, chain.last != UInt8(ascii: "\n") { chain.append(UInt8(ascii: "\n")) }
        self.init(isApproved: reply.isApproved, remark: reply.status?.message ?? "", chainPEM: chain, server: server)
    }
}

/// The verdict on the certificate of one connection's server.
///
/// The rules are those of the module WorkloadCertificates and not the TLS library's, which only says yes or no.
private final class ServerVerification: Sendable {
    private struct State {
        var server: ServerCertificate?
        var fault: ServerCertificate.Fault?
    }

    private let host: String
    private let roots: [Certificate]
    private let state = Mutex(State())

    init(host: String, roots: [Certificate]) {
        self.host = host
        self.roots = roots
    }

    /// What the server showed.
    var server: ServerCertificate? { state.withLock { $0.server } }
    /// Why it was refused.
    var fault: ServerCertificate.Fault? { state.withLock { $0.fault } }

    func judge(
        _ certificates: [NIOSSLCertificate], _ promise: EventLoopPromise<NIOSSLVerificationResult>
    ) {
        Task {
            let fault = await fault(in: certificates)
            state.withLock { $0.fault = fault }
            promise.succeed(fault == nil ? .certificateVerified : .failed)
        }
    }

    private func fault(in certificates: [NIOSSLCertificate]) async -> ServerCertificate.Fault? {
        let chain: [Certificate]
        do {
            chain = try certificates.prefix(CertificatePEM.chainLimit).map {
                try Certificate(derEncoded: try $0.toDERBytes())
            }
        } catch {
            return .certificate(.untrusted(.rule("the server's certificate cannot be decoded: \(error)")))
        }
        guard let leaf = chain.first else { return .certificate(.untrusted(.rule("no certificate was shown"))) }
        let server = ServerCertificate(leaf: leaf, intermediates: Array(chain.dropFirst()))
        state.withLock { $0.server = server }
        return await server.fault(dialled: host, roots: roots, at: Date())
    }
}
