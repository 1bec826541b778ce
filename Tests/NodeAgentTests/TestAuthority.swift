import Certificates
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import GeneratedCAProtocol
import MeshContract
import SwiftASN1
import Synchronization
import TestSupport
import WorkloadCertificates
import X509

/// Istio's certificate authority as a gRPC server, with keys and certificates that openssl(1) made and with every fault
/// that the agent has to stand.
final class TestAuthority: Sendable {
    /// What it does with requests.
    enum Behaviour: Sendable, Equatable {
        /// Signs; the whole chain in field 3, as 0.2 does.
        case approveOld
        /// Signs; the leaf in field 3 and the rest in field 4.
        case approve
        case deny(remark: String)
        case approveWithoutCertificate
        case approveWithGarbage
        case hang
        case refuse(RPCError.Code, String)
        /// Signs for a lifetime that is over.
        case expired
        /// Signs, valid from a moment to come.
        case early(TimeInterval)
        case withoutName
        case otherName
        /// Signs another key.
        case otherKey
        /// Signs with an authority whose root nobody has.
        case stranger
        /// Signs with an authority whose root comes along.
        case newRoot
        /// Signs, valid for longer before now than after it.
        case stale
    }

    /// What it was sent.
    struct Received: Sendable {
        var request: Istio_V1_Auth_CsrRequest
        var at: Date
    }

    private struct State {
        var behaviour: Behaviour
        var lifetime: TimeInterval = 3600
        var received: [Received] = []
        var serial: Int64 = 100
        var extraChain: [UInt8] = []
        var beforeAnswer: (@Sendable () throws -> Void)?
    }

    private struct Signer: Sendable {
        var certificate: Certificate
        var key: Certificate.PrivateKey
        var chainPEM: [UInt8]
    }

    let folder: TemporaryDirectory
    /// The authority's root.
    let root: OpenSSLAuthority
    /// What is between the root and the leaves.
    let middle: OpenSSLAuthority
    /// Another root with an authority of its own.
    let secondRoot: OpenSSLAuthority
    let port: Int
    private let signer: Signer
    private let secondSigner: Signer
    private let state: Mutex<State>
    private let server: GRPCServer<HTTP2ServerTransport.Posix>
    private let task: Task<Void, any Error>

    /// Starts on a port of loopback that the kernel chooses.
    ///
    /// - Parameters:
    ///   - names: DNS names in its certificate.
    ///   - serverRoot: whose certificate it shows, if not its own.
    init(
        _ behaviour: Behaviour = .approve, names: [String] = ["localhost", "istio-ca"], foreign: Bool = false
    ) async throws {
        folder = try TemporaryDirectory()
        root = try OpenSSLAuthority("root", in: folder)
        middle = try OpenSSLAuthority("middle", in: folder, issuer: root)
        secondRoot = try OpenSSLAuthority("second", in: folder)
        signer = try Self.signer(middle, sending: [middle.pair.certificate])
        secondSigner = try Self.signer(secondRoot, sending: [secondRoot.pair.certificate])
        state = Mutex(State(behaviour: behaviour))
        let own = try (foreign ? secondRoot : root).issue(
            "server", extensions: ["subjectAltName=" + names.map { "DNS:\($0)" }.joined(separator: ",")])
        let trusted = [root, secondRoot].map {
            TLSConfig.CertificateSource.file(path: $0.pair.certificate, format: .pem)
        }
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0),
            transportSecurity: .mTLS(
                certificateChain: [.file(path: own.certificate, format: .pem)],
                privateKey: .file(path: own.key, format: .pem)
            ) { tls in
                tls.trustRoots = .certificates(trusted)
                tls.clientCertificateVerification = .noHostnameVerification
            })
        let service = Service()
        let server = GRPCServer(transport: transport, services: [service])
        self.server = server
        task = Task { try await server.serve() }
        guard let address = try await transport.listeningAddress.ipv4 else { throw CocoaError(.featureUnsupported) }
        port = address.port
        service.authority.withLock { $0 = self }
    }

    /// Ends the server; waits until it has.
    func stop() async {
        task.cancel()
        _ = await task.result
    }

    var behaviour: Behaviour {
        get { state.withLock { $0.behaviour } }
        set { state.withLock { $0.behaviour = newValue } }
    }

    /// How long its certificates are valid.
    var lifetime: TimeInterval {
        get { state.withLock { $0.lifetime } }
        set { state.withLock { $0.lifetime = newValue } }
    }

    /// What it sends after the chain.
    var extraChain: [UInt8] {
        get { state.withLock { $0.extraChain } }
        set { state.withLock { $0.extraChain = newValue } }
    }

    /// What happens between a request and its answer.
    var beforeAnswer: (@Sendable () throws -> Void)? {
        get { state.withLock { $0.beforeAnswer } }
        set { state.withLock { $0.beforeAnswer = newValue } }
    }

    /// The requests so far.
    var received: [Received] { state.withLock { $0.received } }

    private static func signer(_ authority: OpenSSLAuthority, sending chain: [String]) throws -> Signer {
        Signer(
            certificate: try CertificatePEM.roots(ofPEM: try contents(authority.pair.certificate))[0],
            key: try CertificatePEM.privateKey(ofPEM: try contents(authority.pair.key)),
            chainPEM: try chain.flatMap { try contents($0) })
    }

    /// Makes the folder that an administrator copies to a machine.
    func bootstrap(
        uris: [String] = ["spiffe://cluster.local/ns/default/sa/vm"],
        key: OpenSSLAuthority.Key = .p256, notAfter: Date = Date(timeIntervalSinceNow: 3600), name: String = "certs"
    ) throws -> CertificateFiles {
        let pair = try middle.issueWorkload(
            "bootstrap-\(name)", uris: uris, key: key, notBefore: notAfter.addingTimeInterval(-3600), notAfter: notAfter
        )
        try folder.file("\(name)/key.pem", bytes: try contents(pair.key), mode: 0o600)
        try folder.file(
            "\(name)/cert-chain.pem", bytes: try contents(pair.certificate) + contents(middle.pair.certificate))
        try folder.file("\(name)/root-cert.pem", bytes: try contents(root.pair.certificate))
        return CertificateFiles(directory: folder.path + "/" + name)
    }

    /// What it answers.
    fileprivate func answer(_ request: Istio_V1_Auth_CsrRequest) async throws -> Istio_V1_Auth_CsrResponse {
        let (behaviour, lifetime) = state.withLock { state in
            state.received.append(Received(request: request, at: Date()))
            return (state.behaviour, state.lifetime)
        }
        try beforeAnswer?()
        let extraChain = extraChain
        var response = Istio_V1_Auth_CsrResponse()
        response.isApproved = true
        var names: [GeneralName]?
        var from = Date(timeIntervalSinceNow: -1)
        var until = Date(timeIntervalSinceNow: lifetime)
        var signer = signer
        var key: Certificate.PublicKey?
        switch behaviour {
        case .approve, .approveOld: break
        case .deny(let remark):
            response.isApproved = false
            response.status.code = 7
            response.status.message = remark
            return response
        case .approveWithoutCertificate: return response
        case .approveWithGarbage:
            response.signedCert = Data("no certificate".utf8)
            return response
        case .hang:
            try await Task.sleep(for: .seconds(3600))
        case .refuse(let code, let message): throw RPCError(code: code, message: message)
        case .expired: (from, until) = (Date(timeIntervalSinceNow: -7200), Date(timeIntervalSinceNow: -3600))
        case .early(let skew): (from, until) = (from.addingTimeInterval(skew), until.addingTimeInterval(skew))
        case .withoutName: names = []
        case .otherName: names = [.uniformResourceIdentifier("spiffe://cluster.local/ns/default/sa/other")]
        case .otherKey: key = signer.key.publicKey
        case .stranger: signer = Signer(certificate: secondSigner.certificate, key: secondSigner.key, chainPEM: [])
        case .newRoot: signer = secondSigner
        case .stale: (from, until) = (Date(timeIntervalSinceNow: -3000), Date(timeIntervalSinceNow: 1000))
        }
        let csr = try CertificateSigningRequest(pemEncoded: String(decoding: request.csrPem, as: UTF8.self))
        guard csr.publicKey.isValidSignature(csr.signature, for: csr) else {
            throw RPCError(code: .invalidArgument, message: "CSR identity extraction error")
        }
        let asked = try csr.attributes.extensionRequest?.extensions.subjectAlternativeNames
        let subjectNames = names ?? asked.map(Array.init) ?? []
        let serial = state.withLock { state in
            state.serial += 1
            return state.serial
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(serial), publicKey: key ?? csr.publicKey,
            notValidBefore: from, notValidAfter: until, issuer: signer.certificate.subject, subject: csr.subject,
            extensions: Certificate.Extensions {
                KeyUsage(digitalSignature: true)
                if !subjectNames.isEmpty { SubjectAlternativeNames(subjectNames) }
            }, issuerPrivateKey: signer.key)
        let leaf = Array((try certificate.serializeAsPEM().pemString + "\n").utf8)
        if behaviour == .approveOld {
            response.signedCert = Data(leaf + signer.chainPEM + extraChain)
        } else {
            response.signedCert = Data(leaf)
            response.certChain = Data(signer.chainPEM + extraChain)
        }
        return response
    }

    /// The service, which exists before the authority does.
    private final class Service: Istio_V1_Auth_IstioCAService.SimpleServiceProtocol {
        let authority = Mutex<TestAuthority?>(nil)

        func handleCSR(
            request: Istio_V1_Auth_CsrRequest, context: ServerContext
        ) async throws -> Istio_V1_Auth_CsrResponse {
            guard let authority = authority.withLock({ $0 }) else {
                throw RPCError(code: .unavailable, message: "starting")
            }
            return try await authority.answer(request)
        }
    }
}
