import Certificates
import Files
import FoundationEssentials
import MeshContract
import Platform
import SwiftASN1
import WorkloadCertificates
import X509

/// One attempt to renew: read, ask, judge, write.
struct RenewalAttempt: Sendable {
    /// By how much the authority's clock may be ahead of ours: what it dates from now is not valid yet here.
    static let clockSkew: TimeInterval = 300

    let configuration: AgentConfiguration
    let authority: any CertificateAuthority
    let clock: any AgentClock
    let gate: WriteGate
    let log: AgentLog

    /// Renews, and returns the lifetime of the certificate that is then in place.
    func run() async throws(AttemptFailure) -> RenewalSchedule.Lifetime {
        let credentials = try credentials()
        let present = credentials.certificates
        let identity = try usableIdentity(of: present)
        if credentials.hasSmallKey {
            log.warning("The present key has less than 2048 bits, and TLS libraries of today refuse it; making another")
        }
        log.detail(1, "Asking \(configuration.authority) for a certificate for \(identity)")
        let request = try request(for: identity)
        let answer: SignatureAnswer
        do {
            let query = SignatureQuery(requestPEM: request.requestPEM, lifetimeMinutes: lifetimeMinutes)
            answer = try await authority.sign(query, credentials: credentials)
        } catch {
            throw .authority(error)
        }
        guard answer.isApproved else { throw .notApproved(remark: CertificateFault.printable(answer.remark)) }
        guard !answer.chainPEM.isEmpty else { throw .responseEmpty }

        let roots = RootFile(path: configuration.files.root)
        let signed = try await judged(answer, request: request, identity: identity, present: present)
        log.detail(2, "Signed until \(signed.pair.notAfter.formatted(.iso8601)) for a key of \(signed.pair.keyKind)")
        try requireUnchanged(credentials)
        try await adopt(signed, present: present, in: roots)
        try store(answer.chainPEM, request.keyPEM)
        await retire(roots, signed.pair, answer.server)
        return RenewalSchedule.Lifetime(notBefore: signed.pair.notBefore, notAfter: signed.pair.notAfter)
    }

    private var lifetimeMinutes: Int32 {
        // Rounded up: less than was asked for would be a surprise, and 0 would be no lifetime.
        let (minute, nanoseconds) = (Int64(60_000_000_000), configuration.requestedLifetime.nanoseconds)
        return Int32(clamping: nanoseconds / minute + (nanoseconds % minute > 0 ? 1 : 0))
    }

    private func credentials() throws(AttemptFailure) -> TLSCredentials {
        do throws(CertificateLoadError) {
            return try TLSCredentials(reading: configuration.files)
        } catch {
            throw .unreadable(error)
        }
    }

    /// What would make the authority refuse us, said before it does so in words of its own.
    private func usableIdentity(of present: WorkloadCertificates) throws(AttemptFailure) -> SPIFFEIdentity {
        if let fault = present.keyFault { throw .unusable(.certificate(fault)) }
        let now = clock.now().wall
        if now > present.notAfter { throw .unusable(.certificate(.expired(notAfter: present.notAfter, now: now))) }
        do {
            return try present.identity()
        } catch {
            throw .unusable(error)
        }
    }

    /// Somebody may have copied another workload's files while the authority was asked: theirs must not be replaced by
    /// what was asked for in the name of the former ones.
    private func requireUnchanged(_ credentials: TLSCredentials) throws(AttemptFailure) {
        let now = try self.credentials()
        if now.keyPEM != credentials.keyPEM || now.chainDER != credentials.chainDER {
            throw .filesChanged(configuration.files)
        }
    }

    private func request(for identity: SPIFFEIdentity) throws(AttemptFailure) -> SigningRequest {
        do {
            return try SigningRequest(
                identity: identity, organization: configuration.organization, key: configuration.key)
        } catch {
            throw .request(detail: "\(error)")
        }
    }

    /// What the authority signed, with the roots that came with it.
    private struct Signed {
        var pair: WorkloadCertificates
        var newRoots: [Certificate]
    }

    private func judged(
        _ answer: SignatureAnswer, request: SigningRequest, identity: SPIFFEIdentity, present: WorkloadCertificates
    ) async throws(AttemptFailure) -> Signed {
        let pair: WorkloadCertificates
        let newRoots: [Certificate]
        do throws(CertificateLoadError) {
            let chain = try CertificatePEM.chain(ofPEM: answer.chainPEM)
            // A root in an answer is as good as the connection that it came over, which a present root vouches for.
            newRoots = chain.intermediates.filter { $0.isSelfSignedAuthority && !present.roots.contains($0) }
            pair = WorkloadCertificates(
                leaf: chain.leaf, intermediates: chain.intermediates, roots: present.roots + newRoots,
                privateKey: request.key)
        } catch {
            throw .answerUnreadable(error)
        }
        let now = clock.now().wall
        for fault in await pair.faults(at: now, expecting: identity) {
            switch fault {
            case .certificate(.notYetValid(let notBefore, _)) where notBefore.timeIntervalSince(now) <= Self.clockSkew:
                log.warning("The clocks of this machine and of the authority differ: \(fault)")
            case .certificate(let lifetime) where lifetime.isOfLifetime: throw .answerLifetime(lifetime)
            default: throw .answerRefused(fault)
            }
        }
        let lifetime = RenewalSchedule.Lifetime(notBefore: pair.notBefore, notAfter: pair.notAfter)
        let wait = RenewalSchedule.wait(lifetime, gracePercent: configuration.gracePercent, at: now)
        if wait < .zero { throw .renewalOverdue(by: GoDuration(.zero - wait)) }
        return Signed(pair: pair, newRoots: newRoots)
    }

    /// Keeps a new root before anything that it signed is in use.
    private func adopt(
        _ signed: Signed, present: WorkloadCertificates, in roots: RootFile
    ) async throws(AttemptFailure) {
        let now = clock.now().wall
        var anchors: [Certificate] = []
        for root in signed.newRoots {
            // By itself: a root that only has new dates would else hide behind the old one with the same key, until that
            // has expired.
            let alone = WorkloadCertificates(
                leaf: signed.pair.leaf, intermediates: signed.pair.intermediates, roots: [root],
                privateKey: signed.pair.privateKey)
            if await alone.anchor(at: now) != nil { anchors.append(root) }
        }
        if anchors.isEmpty { return }
        var following: [(root: Certificate, until: Date)] = []
        if let old = await present.anchor(at: now) {
            // Others may have got theirs from the old root until just now: for as long as ours lives, so may theirs.
            let lifetime = present.notAfter.timeIntervalSince(present.notBefore)
            following.append((old, max(present.notAfter, now.addingTimeInterval(lifetime))))
        }
        do throws(RootFile.Failure) {
            if try roots.add(anchors, following: following) {
                let subjects = Self.subjects(anchors)
                log.info("The certificate authority has a new root \(subjects): added to the roots")
            }
        } catch {
            throw .roots(error)
        }
    }

    private static func subjects(_ roots: [Certificate]) -> String {
        roots.map { "'\(CertificateFault.printable("\($0.subject)"))'" }.joined(separator: ", ")
    }

    private func store(_ chainPEM: [UInt8], _ keyPEM: [UInt8]) throws(AttemptFailure) {
        do throws(FileError) {
            let staged = try CertificateFileWriter(configuration.files).stage(chainPEM: chainPEM, keyPEM: keyPEM)
            try gate.hold { () throws(FileError) in try staged.commit() }
            try staged.sync()
        } catch {
            throw .storage(error)
        }
    }

    /// Removes roots whose certificates have all expired, as far as we know of them.
    private func retire(_ roots: RootFile, _ pair: WorkloadCertificates, _ server: ServerCertificate) async {
        do throws(RootFile.Failure) {
            let now = clock.now().wall
            let due = try roots.retired(at: now)
            if due.isEmpty { return }
            let rest = try roots.certificates().filter { !due.contains($0) }
            // Two certificates that we know of are in use whatever the memory says: ours and the authority's.
            let trust = WorkloadCertificates(
                leaf: pair.leaf, intermediates: pair.intermediates, roots: rest, privateKey: pair.privateKey)
            guard await trust.anchor(at: now) != nil, await server.isAnchored(in: rest, at: now) else { return }
            try roots.remove(due)
            let subjects = Self.subjects(due)
            log.info("Nothing needs the old root \(subjects) any more: removed from the roots")
        } catch {
            // The new pair is in place; an old root too many does no harm.
            log.warning("Old root certificates are kept: \(error)")
        }
    }
}

/// Why an attempt to renew failed.
public enum AttemptFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The present files cannot be read.
    case unreadable(CertificateLoadError)
    /// The present certificate cannot serve to ask for another.
    case unusable(WorkloadFault)
    /// A key or a request could not be made; the detail is the library's.
    case request(detail: String)
    /// The authority gave no answer.
    case authority(AuthorityError)
    /// The authority approved and sent no certificate.
    case responseEmpty
    /// The authority said no.
    case notApproved(remark: String)
    /// The answer cannot be decoded.
    case answerUnreadable(CertificateLoadError)
    /// The answer's certificate has no lifetime left to wait in.
    case answerLifetime(CertificateFault)
    /// So much of the lifetime is over that the renewal would be due before now.
    case renewalOverdue(by: GoDuration)
    /// The answer's certificate is not one to use.
    case answerRefused(WorkloadFault)
    /// Somebody has replaced the files while the authority was asked.
    case filesChanged(CertificateFiles)
    /// The new pair cannot be written.
    case storage(FileError)
    /// The roots cannot be read or written.
    case roots(RootFile.Failure)

    /// The reason as it stands in the log.
    public var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .unusable(.certificate(.expired(let notAfter, let now))):
            "x509: \(CertificateFault.expired(notAfter: notAfter, now: now)); the authority no longer takes it: "
                + "copy new certificates to this machine"
        case .unusable(let fault): "\(fault)"
        case .request(let detail): "the request cannot be made: \(detail)"
        case .authority(let error): "\(error)"
        case .responseEmpty: NodeAgentMessage.responseEmpty
        case .notApproved: NodeAgentMessage.notApproved
        case .answerUnreadable(let error): "\(error)"
        case .answerLifetime(let fault): "\(fault)"
        case .renewalOverdue(let wait): "the certificate should have been renewed \(wait) ago"
        case .answerRefused(let fault): "the signed certificate is refused: \(fault)"
        case .filesChanged(let files):
            "'\(files.chain)' or '\(files.key)' was replaced while the authority was asked; the new files stay"
        case .storage(let error): "the signed certificate cannot be stored: \(error)"
        case .roots(let error): "the root certificates cannot be stored: \(error)"
        }
    }

    /// Whether the fault is in the lifetime or the form of what the authority approved, which has messages of its own.
    var isInAnswer: Bool {
        switch self {
        case .answerUnreadable, .answerLifetime, .renewalOverdue: true
        default: false
        }
    }
}

/// A new key and the request for a certificate on it (PKCS #10, RFC 2986).
struct SigningRequest: Sendable {
    /// The new key.
    let key: Certificate.PrivateKey
    /// The key in PEM, as it is written: PKCS #1 for RSA, as upstream writes it, else PKCS #8.
    let keyPEM: [UInt8]
    /// The request in PEM.
    let requestPEM: [UInt8]

    /// Makes a key and a request for an identity.
    init(identity: SPIFFEIdentity, organization: String, key choice: KeyChoice) throws {
        key = try choice.makeKey()
        keyPEM = Array((try key.serializeAsPEM().pemString + "\n").utf8)
        var subject = DistinguishedName()
        if !organization.isEmpty {
            subject = try DistinguishedName { OrganizationName(organization) }
        }
        let names = SubjectAlternativeNames([.uniformResourceIdentifier(identity.description)])
        // RFC 5280, 4.2.1.6: critical where the subject is empty.
        let isOnlyName = organization.isEmpty
        let extensions = try Certificate.Extensions {
            if isOnlyName { Critical(names) } else { names }
        }
        let request = try CertificateSigningRequest(
            version: .v1, subject: subject, privateKey: key,
            attributes: CertificateSigningRequest.Attributes([.init(ExtensionRequest(extensions: extensions))]))
        requestPEM = Array((try request.serializeAsPEM().pemString + "\n").utf8)
    }
}
