import FoundationEssentials
import IstioCAProtocol
import Logging
import MeshContract
import Platform

/// The certificate authority's answers: signs requests, of 0.2 for names alone that the client's own certificate has.
struct AuthorityService: Sendable {
    let generation: IstioGeneration
    let issuer: Issuer
    /// The authority that follows when the root changes.
    let successor: Issuer
    let mesh: MeshState
    let log: Logger

    /// The largest message: a request for a key of 16384 bits with some names is smaller.
    static let messageLimit = 64 << 10

    /// Names that a client has chosen, as they may stand in the log.
    private static func metadata(identity: [String]) -> Logger.Metadata {
        ["identity": "\(identity.map(DisplayText.inline))"]
    }

    /// Answers a call.
    ///
    /// - Parameter peer: the URIs in the client's certificate; nil without one.
    func handle(_ message: [UInt8], peer: [String]?) async -> Result<[UInt8], UnaryService.Refusal> {
        do throws(UnaryService.Refusal) {
            return .success(try await answer(try Self.call(message), peer: peer).encoded)
        } catch {
            log.notice("refused: \(DisplayText.inline(error.message))", metadata: Self.metadata(identity: peer ?? []))
            return .failure(error)
        }
    }

    private static func call(_ message: [UInt8]) throws(UnaryService.Refusal) -> SigningCall {
        do throws(ProtobufFault) { return try SigningCall(message) } catch { throw undecodable(error) }
    }

    private func answer(
        _ call: SigningCall, peer: [String]?
    ) async throws(UnaryService.Refusal) -> SigningReply {
        let faults: Set<Fault>
        do { faults = try mesh.faults() } catch { throw .init(.internalError, "\(error)") }
        if faults.contains(.authorityHang) {
            // Cancelled when the client gives up: there is nobody to answer then.
            do { try await Task.sleep(for: .seconds(3600)) } catch { throw .init(.unavailable, "cancelled") }
        }
        if generation == .v0_2 { try Self.requireMessage(call.credential) }
        guard let names = peer, !names.isEmpty else {
            throw .init(.unauthenticated, "request authenticate failure")
        }
        if faults.contains(.authorityDeny) {
            return SigningReply(
                isApproved: false,
                status: .init(code: Int32(GRPCStatus.permissionDenied.rawValue), message: "request not approved"))
        }
        let request: CertificateRequest
        do throws(CertificateRequest.Fault) {
            request = try CertificateRequest(pem: call.requestPEM)
        } catch {
            throw .init(.invalidArgument, "CSR parsing error (\(error))")
        }
        if generation.comparesNames, !Set(request.uris).isSubset(of: names) {
            throw .init(.permissionDenied, "certificate signing request is not authorized")
        }
        // Go takes the algorithm from the request, and the authority's key cannot sign with another kind's.
        guard request.isRSA else {
            throw .init(
                .internalError,
                "CSR signing error (x509: requested SignatureAlgorithm does not match private key type)")
        }
        let lifetime = try lifetime(call)
        do {
            return try sign(request, lifetime: lifetime, faults)
        } catch {
            throw .init(.internalError, "CSR signing error (\(error))")
        }
    }

    /// In 0.2 field 2 is a message: what later agents put there is none.
    private static func requireMessage(_ credential: [UInt8]) throws(UnaryService.Refusal) {
        var reader = ProtobufReader(credential[...])
        do throws(ProtobufFault) { while try reader.next() != nil {} } catch { throw undecodable(error) }
    }

    private static func undecodable(_ fault: ProtobufFault) -> UnaryService.Refusal {
        let reason =
            if case .illegalField(let tag) = fault { "proto: illegal wireType \(tag & 7)" } else { "unexpected EOF" }
        return .init(.internalError, "grpc: error unmarshalling request: \(reason)")
    }

    private func lifetime(_ call: SigningCall) throws(UnaryService.Refusal) -> GoDuration {
        guard generation.hasRequestedLifetimes else { return mesh.configuration.certificateLifetime }
        let asked = GoDuration(.seconds(60 * Int64(call.lifetimeMinutes)))
        let longest = mesh.configuration.longestLifetime
        guard asked <= longest else {
            throw .init(
                .internalError,
                "CSR signing error (requested TTL \(asked) is greater than the max allowed TTL \(longest))")
        }
        // Without a number there is no lifetime: the certificate ends when it begins.
        return asked
    }

    private func sign(
        _ request: CertificateRequest, lifetime: GoDuration, _ faults: Set<Fault>
    ) throws -> SigningReply {
        // Certificates count whole seconds, and one that begins in the next is not valid yet.
        let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
        var from = generation.hasRequestedLifetimes ? now : now.addingTimeInterval(-1)
        var until = now.addingTimeInterval(lifetime.seconds)
        if faults.contains(.authorityExpired) {
            (from, until) = (now.addingTimeInterval(-7200), now.addingTimeInterval(-3600))
        }
        let signer = faults.contains(.authorityNewRoot) ? successor : issuer
        let leaf = try signer.workload(
            request.publicKeyInfo, names: faults.contains(.authorityNoName) ? [] : request.uris,
            subject: request.subject, from: from, until: until)
        var rest = try signer.intermediatesPEM()
        if faults.contains(.authorityNewRoot) { rest += try signer.rootPEM() }
        log.info("signed", metadata: Self.metadata(identity: request.uris).merging(["until": "\(until)"]) { $1 })
        return generation == .v0_2
            ? SigningReply(isApproved: true, certificatePEM: Array((leaf + rest).utf8))
            : SigningReply(isApproved: true, certificatePEM: Array(leaf.utf8), chainPEM: Array(rest.utf8))
    }
}
