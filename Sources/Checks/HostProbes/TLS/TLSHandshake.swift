import MeshContract
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Platform
import X509

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
        /// Whom it was with.
        var address: IPAddress?
    }

    /// Shakes hands with a server.
    static func run(
        _ endpoint: Endpoint, _ settings: Settings, on loops: any EventLoopGroup,
        until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> Outcome {
        let operation = "shake hands with \(endpoint)"
        let context = try context(settings, operation)
        let race = Race<Outcome>()
        let shown = ShownCertificates()
        let name = settings.serverName
        let (channel, address) = try await Connector.connect(to: endpoint, on: loops, until: deadline) { channel in
            channel.eventLoop.makeCompletedFuture {
                let tls = try NIOSSLClientHandler(context: context, serverHostname: name) { certificates, promise in
                    shown.set(certificates)
                    // It is judged afterwards: a probe wants to see bad certificates as well.
                    promise.succeed(.certificateVerified)
                }
                try channel.pipeline.syncOperations.addHandlers(tls, HandshakeHandler(race: race))
            }
        }
        defer { channel.close(promise: nil) }
        return try await Deadline.race(operation, until: deadline) { () async throws(ProbeError) in
            var outcome = await withTaskCancellationHandler {
                await race.value
            } onCancel: {
                race.finish(Outcome(failure: "no answer in time"))
            }
            outcome.address = address
            outcome.chain = try shown.der(operation)
            return outcome
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
private final class ShownCertificates: @unchecked Sendable {
    private let lock = Lock()
    private var certificates: [NIOSSLCertificate] = []

    func set(_ new: [NIOSSLCertificate]) { lock.withLock { certificates = new } }

    func der(_ operation: String) throws(ProbeError) -> [[UInt8]] {
        let present = lock.withLock { certificates }
        var bytes: [[UInt8]] = []
        for certificate in present {
            do { bytes.append(try certificate.toDERBytes()) } catch {
                throw ProbeError(
                    .malformed, operation, expected: "a certificate", found: "\(error)".shortened())
            }
        }
        return bytes
    }
}

/// Waits for the end of a handshake.
private final class HandshakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let race: Race<TLSHandshake.Outcome>
    /// A TLS 1.3 server judges the client's certificate after the handshake: its refusal comes a moment later.
    private static let refusalTime = TimeAmount.milliseconds(100)

    init(race: Race<TLSHandshake.Outcome>) { self.race = race }

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
            let (race, complete) = (race, outcome)
            context.eventLoop.scheduleTask(in: isLatest ? Self.refusalTime : .zero) { race.finish(complete) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let failure = Self.failure(error)
        race.finish(TLSHandshake.Outcome(failure: failure.text, alert: failure.alert))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        race.finish(TLSHandshake.Outcome(failure: "the server closed the connection"))
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
