import Certificates
import Files
import FoundationEssentials
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Platform
import SwiftASN1
import Synchronization
import X509

/// TLS servers.
struct TLSProbe: Probe {
    static let kind = SubjectKind(
        "tls", "A TLS handshake and the server's certificate. Any certificate is accepted and then checked.",
        mainParameter: "address",
        parameters: [
            .init("address", .text, "HOST:PORT or [IPv6]:PORT.", isRequired: true, form: .endpoint),
            .init("server-name", .text, "The name to ask for and to check the certificate against; HOST by default."),
            .init("alpn", .list(.text), "Application protocols to offer, such as h2."),
            .init("certificate-files", .list(.text), "Paths of the client's certificate chain and its key."),
            .init("root", .text, "File of the root certificates for `chain-trusted`."),
        ],
        attributes: [
            .init("handshake", .bool, "Whether it succeeded; false too if there is no connection."),
            .init("error", .text, "Why it did not; null if it did."),
            .init(
                "alert", .text, "The server's alert that ended it, such as certificate_expired; null if there was none."
            ),
            .init(
                "spoken", .text,
                "Who answers without TLS, such as `an HTTP server`; null if there was a handshake or an alert."),
            .init(
                "undo-size", .text,
                "The command that makes packets to the server small, where the handshake comes to its end with small ones alone; else null."
            ),
            .init("version", .text, "TLSv1.2, TLSv1.3 …"),
            .init("alpn", .text, "The application protocol that the server chose; null if none."),
            .init("names", .list(.text), "DNS names, addresses and URIs of the certificate."),
            .init("name-matches", .bool, "Whether the certificate is for the server's name."),
            .init("chain-trusted", .bool, "Whether its chain leads to a certificate of `root` and is valid now."),
            .init("fault", .text, "What is wrong with the certificate, given `root` and the name; null if nothing is."),
            .init("subject", .text, "Distinguished name."),
            .init("issuer", .text, "Distinguished name of the issuer."),
            .init("not-before", .time, "When it becomes valid."),
            .init("not-after", .time, "When it expires."),
            .init("remaining", .duration, "Time until it expires; negative if it has expired."),
            .init("chain-length", .integer, "How many certificates the server sent."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let endpoint = try NetworkEndpoint(reading: try request.requiredText("address"))
        let name = try request.text("server-name") ?? endpoint.host
        var settings = TLSHandshake.Settings()
        // An address cannot be asked for (RFC 6066 section 3).
        settings.serverName = IPAddress(name) == nil ? name : nil
        settings.protocols = try request.texts("alpn") ?? []
        settings.identity = try await identity(request)
        let roots = try await roots(request)
        let outcome: TLSHandshake.Outcome
        var smaller: String?
        do throws(ProbeError) {
            // Some of the time is for finding out what keeps the handshake from its end.
            let left = ContinuousClock.now.duration(to: request.deadline)
            outcome = try await TLSHandshake.run(
                endpoint, settings, on: try await host.eventLoops(for: request),
                until: request.wants("undo-size") ? .now + left * 0.6 : request.deadline)
        } catch {
            if error.reason == .timedOut, request.wants("undo-size") {
                smaller = try await commandForSmallPackets(endpoint, settings, request)
            }
            guard error.reason == .unreachable || smaller != nil else { throw error }
            outcome = TLSHandshake.Outcome(failure: smaller == nil ? error.found : "none with packets of full size")
        }
        var observation = Observation(
            [
                "handshake": .bool(outcome.failure == nil), "error": .text(orNull: outcome.failure),
                "alert": .text(orNull: outcome.alert), "spoken": .null, "undo-size": .text(orNull: smaller),
                "version": .text(orNull: outcome.version), "alpn": .text(orNull: outcome.applicationProtocol),
                "chain-length": .integer(outcome.chain.count),
            ],
            evidence: [
                "\(endpoint): " + (outcome.failure.map { "no handshake: \($0)" } ?? "\(outcome.version ?? "TLS")")
            ])
        if outcome.failure != nil, outcome.alert == nil, request.wants("spoken") {
            let spoken = try await spoken(at: endpoint, request)
            observation.attributes["spoken"] = .text(orNull: spoken)
            if let spoken { observation.evidence.append("\(spoken) answers") }
        }
        try await judge(outcome, name: name, roots: roots, into: &observation)
        return observation
    }

    /// The command, if the handshake comes to its end with small packets.
    private func commandForSmallPackets(
        _ endpoint: NetworkEndpoint, _ settings: TLSHandshake.Settings, _ request: ProbeRequest
    ) async throws(ProbeError) -> String? {
        var settings = settings
        settings.segment = UserConnection.smallSegment
        do throws(ProbeError) {
            _ = try await TLSHandshake.run(
                endpoint, settings, on: try await host.eventLoops(for: request),
                until: request.deadline - .milliseconds(200))
            let address = try await HostNames.address(of: endpoint.host, until: request.deadline)
            return try await host.routeTables(for: request).smallPathCommand(to: address, port: endpoint.port)
        } catch {
            // It is not the size.
            return nil
        }
    }

    /// Who it is that does not shake hands; nil when nobody takes the connection any more.
    private func spoken(at endpoint: NetworkEndpoint, _ request: ProbeRequest) async throws(ProbeError) -> String? {
        let address = try await HostNames.address(of: endpoint.host, until: request.deadline)
        var connection = UserConnection(address: address, port: endpoint.port)
        connection.greeting = .milliseconds(300)
        connection.request = Array("GET / HTTP/1.0\r\n\r\n".utf8)
        connection.limit = 4096
        let (look, limit) = (connection, min(request.deadline, .now + .seconds(2)))
        let outcome = try await host.pool(for: request).run("ask \(endpoint)", until: limit + .milliseconds(300)) {
            () throws(ProbeError) in look.run(until: limit) { $0.contains(Ascii.newline) }
        }
        guard outcome.isConnected else { return nil }
        if outcome.received.isEmpty, outcome.isEnded { return "a server that ends the connection at once" }
        return SpokenProtocol(outcome.received).text
    }

    private func judge(
        _ outcome: TLSHandshake.Outcome, name: String, roots: [Certificate]?, into observation: inout Observation
    ) async throws(ProbeError) {
        guard !outcome.chain.isEmpty else { return }
        var chain: [Certificate] = []
        for der in outcome.chain.prefix(CertificatePEM.chainLimit) {
            do { chain.append(try Certificate(derEncoded: der)) } catch {
                throw ProbeError(
                    .malformed, "read the server's certificate", expected: "X.509 in DER", found: "\(error)".shortened()
                )
            }
        }
        guard let leaf = chain.first else { return }
        let now = Date.now
        for (key, value) in CertificateValues.values(of: leaf, at: now) where Self.shown.contains(key) {
            observation.attributes[key] = value
        }
        let server = ServerCertificate(leaf: leaf, intermediates: Array(chain.dropFirst()))
        observation.attributes["name-matches"] = .bool(server.isFor(name))
        observation.evidence.append("certificate of \(leaf.subject) by \(leaf.issuer)".shortened())
        if let roots {
            let fault = await server.fault(dialled: name, roots: roots, at: now)
            let isValid = leaf.notValidBefore <= now && now <= leaf.notValidAfter
            observation.attributes["chain-trusted"] = .bool(
                isValid ? await server.isAnchored(in: roots, at: now) : false)
            observation.attributes["fault"] = .text(orNull: fault?.description)
            if let fault { observation.evidence.append(fault.description) }
        }
    }

    private static let shown: Set = [
        "names", "subject", "issuer", "not-before", "not-after", "remaining",
    ]

    private func identity(_ request: ProbeRequest) async throws(ProbeError) -> (chain: [UInt8], key: [UInt8])? {
        guard let paths = try request.texts("certificate-files"), !paths.isEmpty else { return nil }
        guard paths.count == 2 else {
            throw ProbeError(
                .invalid, "read parameter certificate-files", expected: "chain and key", found: "\(paths.count) paths")
        }
        let chain = try await PEMFiles.read(paths[0], on: host, for: request)
        return (chain, try await PEMFiles.read(paths[1], on: host, for: request))
    }

    private func roots(_ request: ProbeRequest) async throws(ProbeError) -> [Certificate]? {
        guard let path = try request.text("root") else {
            if request.wants("chain-trusted", "fault") {
                throw ProbeError(.invalid, "judge a certificate", expected: "parameter root", found: "nothing")
            }
            return nil
        }
        return try PEMFiles.certificates(try await PEMFiles.read(path, on: host, for: request), path: path)
    }
}

/// A TLS handshake whose certificate is taken as it is and judged afterwards.
struct TLSHandshake: Sendable {
    /// How to shake hands.
    struct Settings: Sendable {
        /// The name that is asked for; nil sends none.
        var serverName: String?
        /// Application protocols that are offered.
        var protocols: [String] = []
        /// Chain and key of the client, in PEM.
        var identity: (chain: [UInt8], key: [UInt8])?
        /// How much a packet may carry, in bytes; nil for what the link takes.
        var segment: Int32?
    }

    /// What came of it.
    struct Outcome: Sendable {
        /// Why it failed; nil when it did not.
        var failure: String?
        /// The server's alert, when it is that which ended it.
        var alert: String?
        /// `TLSv1.3` and the like.
        var version: String?
        /// The protocol that the server chose.
        var applicationProtocol: String?
        /// What the server showed, the leaf first, in DER.
        var chain: [[UInt8]] = []
    }

    /// Shakes hands with a server.
    static func run(
        _ endpoint: NetworkEndpoint, _ settings: Settings, on loops: any EventLoopGroup,
        until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> Outcome {
        let operation = "shake hands with \(endpoint)"
        let context = try context(settings, operation)
        let answer = OneShot<Result<Outcome, ProbeError>>()
        let shown = ShownCertificates()
        let name = settings.serverName
        let (channel, _) = try await Connector.connect(
            to: endpoint, on: loops, segment: settings.segment, until: deadline
        ) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                let tls = try NIOSSLClientHandler(context: context, serverHostname: name) { certificates, promise in
                    shown.certificates.withLock { $0 = certificates }
                    // It is judged afterwards: a probe wants to see bad certificates as well.
                    promise.succeed(.certificateVerified)
                }
                try channel.pipeline.syncOperations.addHandlers(tls, HandshakeHandler(answer: answer))
            }
        }
        defer { channel.close(promise: nil) }
        var outcome = try await answer.value(until: deadline, or: .failure(.noAnswer(operation))).get()
        outcome.chain = try der(of: shown.certificates.withLock { $0 }, operation)
        return outcome
    }

    private static func der(
        of certificates: [NIOSSLCertificate], _ operation: String
    ) throws(ProbeError) -> [[UInt8]] {
        do {
            return try certificates.map { try $0.toDERBytes() }
        } catch {
            throw ProbeError(.malformed, operation, expected: "a certificate", found: "\(error)".shortened())
        }
    }

    private static func context(_ settings: Settings, _ operation: String) throws(ProbeError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .noHostnameVerification
        configuration.minimumTLSVersion = .tlsv1
        configuration.applicationProtocols = settings.protocols
        do {
            if let identity = settings.identity {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(identity.chain).map {
                    .certificate($0)
                }
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .pem))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw ProbeError(
                .invalid, operation, expected: "a certificate chain and its key in PEM", found: "\(error)".shortened())
        }
    }
}

/// The certificates of the server, kept by the callback that sees them.
private final class ShownCertificates: Sendable {
    let certificates = Mutex<[NIOSSLCertificate]>([])
}

/// Waits for the end of a handshake.
private final class HandshakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let answer: OneShot<Result<TLSHandshake.Outcome, ProbeError>>
    /// A TLS 1.3 server judges the client's certificate after the handshake: its refusal comes a moment later.
    private static let refusalTime = TimeAmount.milliseconds(100)

    init(answer: OneShot<Result<TLSHandshake.Outcome, ProbeError>>) { self.answer = answer }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let chosen)? = event as? TLSUserEvent {
            var outcome = TLSHandshake.Outcome()
            outcome.applicationProtocol = chosen
            do {
                let version = try context.channel.pipeline.syncOperations.nioSSL_tlsVersion()
                outcome.version = version.map(Self.name)
            } catch {
                outcome.failure = "\(error)".shortened()
            }
            let isLatest = outcome.version == Self.name(.tlsv13)
            let (answer, complete) = (answer, outcome)
            context.eventLoop.scheduleTask(in: isLatest ? Self.refusalTime : .zero) {
                answer.resume(.success(complete))
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let failure = Self.failure(error)
        answer.resume(.success(.init(failure: failure.text, alert: failure.alert)))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.resume(.success(.init(failure: "the server closed the connection")))
    }

    private static func failure(_ error: any Error) -> TLSFailure {
        switch error {
        case let error as IOError: TLSFailure(text: SystemErrorText.of(error.errnoCode))
        default: TLSFailure(error)
        }
    }

    private static func name(_ version: TLSVersion) -> String {
        switch version {
        case .tlsv1: "TLSv1.0"
        case .tlsv11: "TLSv1.1"
        case .tlsv12: "TLSv1.2"
        case .tlsv13: "TLSv1.3"
        }
    }
}

/// Why a TLS handshake ended, out of what BoringSSL's error queue holds.
///
/// An entry is `error:CODE:library:function:REASON` with the code in hexadecimal (ERR_error_string(3)); the library is in
/// its highest byte and the reason in its lowest twelve bits. Reasons of libssl from 1000 on are alerts of the peer.
struct TLSFailure: Sendable, Equatable {
    private static let sslLibrary: UInt32 = 16
    private static let firstAlert: UInt32 = 1000

    /// For people: `TLSV1_ALERT_DECRYPT_ERROR`.
    var text: String
    /// The peer's alert (RFC 8446 section 6.2), such as `certificate_expired`; nil when it sent none.
    var alert: String?

    init(text: String, alert: String? = nil) {
        self.text = text
        self.alert = alert
    }

    init(_ error: any Error) {
        let entries: [NIOBoringSSLError.Entry]
        switch error {
        case NIOSSLError.handshakeFailed(let cause): entries = NIOBoringSSLError.entries(of: cause)
        case let cause as BoringSSLError: entries = NIOBoringSSLError.entries(of: cause)
        default: entries = []
        }
        guard let entry = entries.first else {
            self.init(text: Self.words(error))
            return
        }
        let reason = entry.code & 0xfff
        let isAlert = entry.code >> 24 == Self.sslLibrary && reason >= Self.firstAlert && reason < Self.firstAlert + 256
        self.init(
            text: entry.reason, alert: isAlert ? Self.alertName(UInt8(reason - Self.firstAlert)) : nil)
    }

    /// What an error that has no reason of BoringSSL's means. The library's own words are for its authors.
    private static func words(_ error: any Error) -> String {
        switch error {
        case NIOSSLError.uncleanShutdown: "the server ended the connection in the middle of the handshake"
        case NIOSSLError.handshakeFailed: "the server ended the connection before the handshake"
        case NIOSSLError.unableToValidateCertificate: "the server showed a certificate that cannot be read"
        case NIOSSLError.readInInvalidTLSState: "the server broke the rules of TLS"
        default: "the handshake failed"
        }
    }

    /// The names of RFC 8446 section 6.
    private static func alertName(_ number: UInt8) -> String {
        switch number {
        case 10: "unexpected_message"
        case 20: "bad_record_mac"
        case 22: "record_overflow"
        case 40: "handshake_failure"
        case 42: "bad_certificate"
        case 43: "unsupported_certificate"
        case 44: "certificate_revoked"
        case 45: "certificate_expired"
        case 46: "certificate_unknown"
        case 47: "illegal_parameter"
        case 48: "unknown_ca"
        case 49: "access_denied"
        case 50: "decode_error"
        case 51: "decrypt_error"
        case 70: "protocol_version"
        case 71: "insufficient_security"
        case 80: "internal_error"
        case 86: "inappropriate_fallback"
        case 90: "user_canceled"
        case 109: "missing_extension"
        case 110: "unsupported_extension"
        case 112: "unrecognized_name"
        case 113: "bad_certificate_status_response"
        case 115: "unknown_psk_identity"
        case 116: "certificate_required"
        case 120: "no_application_protocol"
        default: "alert_\(number)"
        }
    }
}

/// The error queue as swift-nio-ssl keeps it, which shows its entries as texts alone.
private enum NIOBoringSSLError {
    struct Entry {
        var code: UInt32
        var reason: String
    }

    static func entries(of error: BoringSSLError) -> [Entry] {
        switch error {
        case .sslError(let stack), .unknownError(let stack): stack.compactMap { entry($0.description) }
        default: []
        }
    }

    private static func entry(_ text: String) -> Entry? {
        let fields = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        // "Error: DECIMAL error:CODE:library:function:REASON at FILE:LINE"
        guard fields.count >= 6, let code = UInt32(String(decoding: fields[2], as: UTF8.self), radix: 16) else {
            return nil
        }
        let reason = fields[5].prefix { $0 != UInt8(ascii: " ") }
        return Entry(code: code, reason: String(decoding: reason, as: UTF8.self))
    }
}
