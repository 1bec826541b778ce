import Foundation
import GeneratedCAProtocol
import MeshContract
import Platform
import SwiftProtobuf
import TestSupport
import WorkloadCertificates
import XCTest

@testable import IstioCAProtocol
@testable import NodeAgent

/// The authority's messages, in the judgement of the generated code for protocol buffers.
final class AuthorityProtocolTests: XCTestCase {
    private func bytes(_ generator: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 0...300, using: &generator)).map { _ in .random(in: 0...255, using: &generator) }
    }

    func testCallsAreReadAndWrittenAlike() throws {
        var generator = SeededGenerator(seed: 7)
        let numbers: [Int32] = [0, 1, 60, 127, 128, 16384, .max, -1, .min]
        for round in 0..<500 {
            var theirs = Istio_V1_Auth_CsrRequest()
            theirs.csrPem = Data(bytes(&generator))
            theirs.nodeAgentCredential = Data(round % 3 == 0 ? bytes(&generator) : [])
            theirs.credentialType = ["", "onprem", "gcp ü"][round % 3]
            theirs.requestedTtlMinutes = numbers[round % numbers.count]
            let message = try [UInt8](theirs.serializedBytes() as Data)
            let ours = try SigningCall(message)
            XCTAssertEqual(ours.requestPEM, [UInt8](theirs.csrPem))
            XCTAssertEqual(ours.credential, [UInt8](theirs.nodeAgentCredential))
            XCTAssertEqual(ours.credentialType, theirs.credentialType)
            XCTAssertEqual(ours.lifetimeMinutes, theirs.requestedTtlMinutes)
            XCTAssertEqual(ours.encoded, message)
        }
    }

    func testRepliesAreReadAndWrittenAlike() throws {
        var generator = SeededGenerator(seed: 8)
        for round in 0..<500 {
            var theirs = Istio_V1_Auth_CsrResponse()
            theirs.isApproved = round % 2 == 0
            if round % 3 == 0 {
                theirs.status = .with {
                    $0.code = Int32(round % 17)
                    $0.message = round % 2 == 0 ? "no: \u{fc}" : ""
                }
            }
            theirs.signedCert = Data(bytes(&generator))
            theirs.certChain = Data(round % 2 == 0 ? bytes(&generator) : [])
            let message = try [UInt8](theirs.serializedBytes() as Data)
            let ours = try SigningReply(message)
            XCTAssertEqual(ours.isApproved, theirs.isApproved)
            XCTAssertEqual(ours.status?.code, theirs.hasStatus ? theirs.status.code : nil)
            XCTAssertEqual(ours.status?.message, theirs.hasStatus ? theirs.status.message : nil)
            XCTAssertEqual(ours.certificatePEM, [UInt8](theirs.signedCert))
            XCTAssertEqual(ours.chainPEM, [UInt8](theirs.certChain))
            XCTAssertEqual(ours.encoded, message)
        }
    }

    /// Bytes from anywhere: what the generated code takes is read as it reads it, and nothing traps. It alone takes groups,
    /// which nobody sends, and it alone asks for UTF-8.
    func testDamagedMessages() throws {
        var generator = SeededGenerator(seed: UInt64(ProcessInfo.processInfo.environment["FUZZ_SEED"] ?? "") ?? 9)
        var theirs = Istio_V1_Auth_CsrResponse()
        theirs.isApproved = true
        theirs.status = .with {
            $0.code = 7
            $0.message = "no"
        }
        theirs.signedCert = Data([1, 2, 3])
        theirs.certChain = Data([4, 5])
        let whole = try [UInt8](theirs.serializedBytes() as Data)
        var agreed = 0
        for _ in 0..<20_000 {
            var damaged = whole
            for _ in 0...Int.random(in: 0...3, using: &generator) {
                switch Int.random(in: 0...2, using: &generator) {
                case 0 where !damaged.isEmpty:
                    damaged[.random(in: damaged.indices, using: &generator)] = .random(in: 0...255, using: &generator)
                case 1: damaged = Array(damaged.prefix(.random(in: 0...damaged.count, using: &generator)))
                default: damaged += [.random(in: 0...255, using: &generator)]
                }
            }
            let ours = try? SigningReply(damaged)
            guard let judged = try? Istio_V1_Auth_CsrResponse(serializedBytes: Data(damaged)) else { continue }
            guard let ours else { continue }
            agreed += 1
            XCTAssertEqual(ours.isApproved, judged.isApproved, "\(damaged)")
            XCTAssertEqual(ours.certificatePEM, [UInt8](judged.signedCert), "\(damaged)")
            XCTAssertEqual(ours.chainPEM, [UInt8](judged.certChain), "\(damaged)")
        }
        XCTAssertGreaterThan(agreed, 100)
    }

    func testWhatIsNoMessage() {
        let faults: [([UInt8], ProtobufFault)] = [
            ([0x1a, 5, 1], .truncated), ([0x80], .truncated), ([0x08], .truncated), ([0x0d, 1, 2], .truncated),
            ([0x08] + [UInt8](repeating: 0xff, count: 10), .overlong), ([0x0f], .illegalField(0x0f)),
            ([0x02, 0], .illegalField(2)), ([0x1a] + [UInt8](repeating: 0xff, count: 9) + [1], .truncated),
        ]
        for (bytes, fault) in faults {
            XCTAssertThrowsError(try SigningReply(bytes), "\(bytes)") { XCTAssertEqual($0 as? ProtobufFault, fault) }
        }
    }

    func testMessagesOfStatusesGoBothWays() {
        for text in ["", "plain", "100 %", "ü\n\u{1}", "%41"] {
            XCTAssertEqual(GRPCStatus.decoded(GRPCStatus.encoded(text)), text)
        }
        XCTAssertEqual(GRPCStatus.encoded("a%\n"), "a%25%0A")
        XCTAssertEqual(GRPCStatus.decoded("%4"), "%4")
        XCTAssertEqual(GRPCStatus.decoded("%zz%41"), "%zzA")
        XCTAssertEqual(GRPCStatus(rawValue: 16).name, "Unauthenticated")
        XCTAssertEqual(GRPCStatus(rawValue: 99).name, "Code(99)")
    }

    /// An authority whose end of the connection nobody ever sees: the answer counts as soon as it is there.
    func testTheEndOfTheConnectionIsNotWaitedFor() async throws {
        let authority = try await TestAuthority()
        let relay = try Relay(to: authority.port)
        authority.beforeAnswer = { relay.stopForwarding() }
        let files = try authority.bootstrap()
        let configuration = AgentConfiguration(
            files: files, authority: NetworkEndpoint(host: "localhost", port: UInt16(relay.port)), key: .p256)
        let attempt = RenewalAttempt(
            configuration: configuration,
            authority: GRPCAuthority(address: configuration.authority, limit: .seconds(60)), clock: SystemClock(),
            gate: WriteGate(), log: AgentLog(format: .glog))
        let start = ContinuousClock.now
        _ = try await attempt.run()
        XCTAssertLessThan(ContinuousClock.now - start, .seconds(4))
        XCTAssertTrue(relay.isOpen)
        relay.close()
        await authority.stop()
    }
}

/// Passes bytes on between a client and a server; from a moment on none of the client's.
private final class Relay: @unchecked Sendable {
    let port: Int
    private let listener: Listener
    private let lock = NSLock()
    private var isForwarding = true
    private var sockets: [Int32] = []
    private var isEnded = false

    init(to target: Int) throws {
        listener = try Listener()
        port = listener.port
        let descriptor = listener.descriptor
        Thread.detachNewThread { [self] in
            let client = accept(descriptor, nil, nil)
            guard client >= 0 else { return }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(target).bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let status = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard status == 0 else { return }
            lock.withLock { sockets = [client, server] }
            Thread.detachNewThread { self.copy(client, server) { self.lock.withLock { self.isForwarding } } }
            self.copy(server, client) { true }
            self.lock.withLock { self.isEnded = true }
        }
    }

    /// Whether the server has not ended the connection.
    var isOpen: Bool { lock.withLock { !isEnded } }

    func stopForwarding() { lock.withLock { isForwarding = false } }

    func close() { for socket in lock.withLock({ sockets }) { shutdown(socket, Int32(SHUT_RDWR)) } }

    private func copy(_ from: Int32, _ to: Int32, while isWanted: () -> Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(from, &buffer, buffer.count)
            guard count > 0 else { return }
            if isWanted() { _ = write(to, buffer, count) }
        }
    }
}
