import Certificates
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2
import IstioCAProtocol
import Logging
import MeshContract
import Platform
import SwiftASN1
import X509

/// The certificate authority's gRPC service: signs requests for names that the client's own certificate has.
struct AuthorityService: Istio_V1_Auth_IstioCAService.SimpleServiceProtocol {
    let issuer: Issuer
    /// The authority that follows when the root changes.
    let successor: Issuer
    let mesh: MeshState
    let log: Logger

    /// The largest request: a key of 16384 bits with some names is smaller.
    private static let requestLimit = 64 << 10

    func handleCSR(
        request: Istio_V1_Auth_CsrRequest, context: ServerContext
    ) async throws -> Istio_V1_Auth_CsrResponse {
        let peer = (context.transportSpecific as? HTTP2ServerTransport.Posix.Context)?.peerCertificate
        let names = peer?.identityURIs ?? []
        let faults = try mesh.faults()
        if faults.contains(.authorityHang) { try await Task.sleep(for: .seconds(3600)) }
        guard !names.isEmpty else {
            log.notice("refused: the client's certificate has no name", metadata: ["peer": "\(context.remotePeer)"])
            throw RPCError(code: .unauthenticated, message: "request authenticate failure")
        }
        if faults.contains(.authorityDeny) { return Self.denial("request not approved") }
        let csr: CertificateSigningRequest
        do {
            guard request.csrPem.count <= Self.requestLimit else { throw RPCError(code: .invalidArgument, message: "") }
            csr = try CertificateSigningRequest(pemEncoded: String(decoding: request.csrPem, as: UTF8.self))
        } catch {
            log.notice("refused: no signing request", metadata: ["identity": "\(names)"])
            throw RPCError(code: .invalidArgument, message: "CSR is not a PEM-encoded PKCS #10 request")
        }
        guard csr.publicKey.isValidSignature(csr.signature, for: csr) else {
            throw RPCError(code: .invalidArgument, message: "CSR signature does not match its key")
        }
        let asked = try Self.names(of: csr)
        guard !asked.isEmpty else {
            throw RPCError(
                code: .invalidArgument, message: "CSR identity extraction error: the SAN extension does not exist")
        }
        guard Set(asked).isSubset(of: names) else {
            log.notice("refused: \(asked) is not among \(names)")
            throw RPCError(code: .permissionDenied, message: "CSR authorization failure")
        }
        return try answer(csr, names: asked, request: request, faults: faults)
    }

    private func answer(
        _ csr: CertificateSigningRequest, names: [String], request: Istio_V1_Auth_CsrRequest, faults: Set<Fault>
    ) throws -> Istio_V1_Auth_CsrResponse {
        let now = Date()
        var from = now.addingTimeInterval(-1)
        var until = now.addingTimeInterval(mesh.configuration.certificateLifetime.seconds)
        if request.requestedTtlMinutes > 0 {
            until = min(until, now.addingTimeInterval(Double(request.requestedTtlMinutes) * 60))
        }
        if faults.contains(.authorityExpired) {
            (from, until) = (now.addingTimeInterval(-7200), now.addingTimeInterval(-3600))
        }
        let signer = faults.contains(.authorityNewRoot) ? successor : issuer
        let leaf = try signer.workload(
            csr.publicKey, names: faults.contains(.authorityNoName) ? [] : names, subject: csr.subject, from: from,
            until: until)
        let leafPEM = try leaf.serializeAsPEM().pemString + "\n"
        var rest = try signer.intermediatesPEM()
        if faults.contains(.authorityNewRoot) { rest += try signer.rootPEM() }
        log.info("signed", metadata: ["identity": "\(names)", "until": "\(until)"])
        var response = Istio_V1_Auth_CsrResponse()
        response.isApproved = true
        // Agents of 0.2 send neither field 3 nor 4, and expect the whole chain in field 3 of the answer.
        let isOld = request.credentialType.isEmpty && request.requestedTtlMinutes == 0
        response.signedCert = Data((leafPEM + (isOld ? rest : "")).utf8)
        if !isOld { response.certChain = Data(rest.utf8) }
        return response
    }

    private static func denial(_ message: String) -> Istio_V1_Auth_CsrResponse {
        var response = Istio_V1_Auth_CsrResponse()
        response.isApproved = false
        response.status.code = Int32(RPCError.Code.permissionDenied.rawValue)
        response.status.message = message
        return response
    }

    private static func names(of csr: CertificateSigningRequest) throws -> [String] {
        let names = try csr.attributes.extensionRequest?.extensions.subjectAlternativeNames.map { Array($0) } ?? []
        return names.compactMap { name in
            if case .uniformResourceIdentifier(let uri) = name { return uri }
            return nil
        }
    }
}
