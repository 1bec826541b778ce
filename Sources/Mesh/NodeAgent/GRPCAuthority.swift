import Certificates
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2
import IstioCAProtocol
import NIOCore
import NIOPosix
import NIOSSL
import Platform
import SwiftASN1
import Synchronization
import WorkloadCertificates
import X509

/// Istio's certificate authority over gRPC with mutual TLS.
///
/// A connection and its event loop live for one request: between renewals lie hours.
public struct GRPCAuthority: CertificateAuthority {
    /// Bytes that an answer may have; a chain has some thousand.
    public static let answerLimit = CertificatePEM.fileSizeLimit

    private let address: NetworkEndpoint
    private let limit: Duration

    /// An authority at an address.
    ///
    /// - Parameter limit: how long a request may take, from the look-up of the name on.
    public init(address: NetworkEndpoint, limit: Duration) {
        self.address = address
        self.limit = limit
    }

    /// Asks on a new connection, which is closed before this returns.
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
        let target = try await addresses()
        let verification = ServerVerification(host: address.host, roots: credentials.certificates.roots)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<Istio_V1_Auth_CsrResponse, any Error>
        do {
            result = .success(try await call(query, credentials, target, verification, group))
        } catch {
            result = .failure(error)
        }
        do {
            try await group.shutdownGracefully()
        } catch {
            throw .setUp(detail: "the event loop does not end: \(error)")
        }
        // The verdict on the certificate says more than the handshake's failure that follows from it.
        if let fault = verification.fault { throw .certificate(fault) }
        do {
            let response = try result.get()
            guard let server = verification.server else {
                throw AuthorityError.handshake(detail: "the server showed no certificate")
            }
            return SignatureAnswer(response, server: server)
        } catch let error as AuthorityError {
            throw error
        } catch {
            throw AuthorityError(error, address: address)
        }
    }

    private func addresses() async throws(AuthorityError) -> KnownAddresses {
        let found: [SocketAddressBytes]
        do {
            // The limit of the whole request comes first.
            found = try await HostLookup.addresses(of: address.host, limit: limit + .seconds(1))
        } catch {
            throw .lookup(host: address.host, error)
        }
        let port = Int(address.port)
        return KnownAddresses(
            endpoint: Endpoint(
                addresses: found.map { entry in
                    entry.address.bitWidth == 32
                        ? .ipv4(host: entry.numericHost, port: port) : .ipv6(host: entry.numericHost, port: port)
                }))
    }

    private func call(
        _ query: SignatureQuery, _ credentials: TLSCredentials, _ target: KnownAddresses,
        _ verification: ServerVerification, _ group: MultiThreadedEventLoopGroup
    ) async throws -> Istio_V1_Auth_CsrResponse {
        let chain = try credentials.certificates.chain.map { certificate in
            TLSConfig.CertificateSource.bytes(Array(try certificate.serializeAsPEM().derBytes), format: .der)
        }
        var registry = NameResolverRegistry()
        registry.registerFactory(target)
        var config = HTTP2ClientTransport.Posix.Config.defaults
        // Server name indication is for names only (RFC 6066, section 3).
        config.http2.authority = address.address == nil ? address.description : nil
        let transport = try HTTP2ClientTransport.Posix(
            target: target,
            transportSecurity: .mTLS(
                certificateChain: chain, privateKey: .bytes(credentials.keyPEM, format: .pem)
            ) { tls in
                tls.serverCertificateVerification = .noHostnameVerification
                tls.customVerificationCallback = { certificates, promise in
                    verification.judge(certificates, promise)
                }
            },
            config: config, resolverRegistry: registry, eventLoopGroup: group)
        var request = Istio_V1_Auth_CsrRequest()
        request.csrPem = Data(query.requestPEM)
        // Field 2 stays empty: on premises the client certificate is the proof, and the generations disagree on its type.
        request.credentialType = "onprem"
        request.requestedTtlMinutes = query.lifetimeMinutes
        var options = CallOptions.defaults
        options.timeout = limit
        options.waitForReady = false
        options.maxResponseMessageBytes = Self.answerLimit
        return try await withGRPCClient(transport: transport) { [request, options] client in
            try await Istio_V1_Auth_IstioCAService.Client(wrapping: client).handleCSR(request, options: options)
        }
    }
}

extension SignatureAnswer {
    fileprivate init(_ response: Istio_V1_Auth_CsrResponse, server: ServerCertificate) {
        var chain = [UInt8](response.signedCert)
        if !chain.isEmpty, chain.last != UInt8(ascii: "\n") { chain.append(UInt8(ascii: "\n")) }
        chain += response.certChain
        if !chain.isEmpty, chain.last != UInt8(ascii: "\n") { chain.append(UInt8(ascii: "\n")) }
        self.init(
            isApproved: response.isApproved, remark: response.hasStatus ? response.status.message : "",
            chainPEM: chain, server: server)
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
        _ certificates: [NIOSSLCertificate], _ promise: EventLoopPromise<NIOSSLVerificationResultWithMetadata>
    ) {
        Task {
            let fault = await fault(in: certificates)
            state.withLock { $0.fault = fault }
            promise.succeed(fault == nil ? .certificateVerified(VerificationMetadata(nil)) : .failed)
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

/// Addresses that have been looked up, as a target of a gRPC client.
struct KnownAddresses: ResolvableTarget, NameResolverFactory {
    typealias Target = KnownAddresses

    /// The addresses, tried in this order.
    var endpoint: Endpoint

    func resolver(for target: KnownAddresses) -> NameResolver {
        let result = NameResolutionResult(endpoints: [target.endpoint], serviceConfig: nil)
        return NameResolver(names: .init(wrapping: OneElement(element: result)), updateMode: .pull)
    }
}

/// The same element whenever it is asked for.
private struct OneElement: AsyncSequence, Sendable {
    let element: NameResolutionResult

    struct AsyncIterator: AsyncIteratorProtocol {
        let element: NameResolutionResult

        func next() async throws -> NameResolutionResult? { element }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(element: element) }
}
