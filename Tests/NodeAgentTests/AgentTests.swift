import Certificates
import Files
import Foundation
import MeshContract
import Platform
import Synchronization
import TestSupport
import WorkloadCertificates
import X509
import XCTest

@testable import NodeAgent

/// One attempt at a time against a real authority over gRPC, in this process.
final class AgentTests: XCTestCase {
    private func attempt(
        _ files: CertificateFiles, _ authority: TestAuthority, host: String = "localhost", port: Int? = nil,
        limit: Duration = .seconds(10), clock: any AgentClock = SystemClock(),
        _ configure: (inout AgentConfiguration) -> Void = { _ in }
    ) async -> Result<RenewalSchedule.Lifetime, AttemptFailure> {
        var configuration = AgentConfiguration(
            files: files, authority: NetworkEndpoint(host: host, port: UInt16(port ?? authority.port)), key: .p256,
            attemptLimit: limit)
        configure(&configuration)
        let attempt = RenewalAttempt(
            configuration: configuration,
            authority: GRPCAuthority(address: configuration.authority, limit: limit), clock: clock, gate: WriteGate(),
            log: AgentLog(format: .glog))
        do throws(AttemptFailure) {
            return .success(try await attempt.run())
        } catch {
            return .failure(error)
        }
    }

    private func failure(_ result: Result<RenewalSchedule.Lifetime, AttemptFailure>, line: UInt = #line)
        -> AttemptFailure?
    {
        guard case .failure(let failure) = result else {
            XCTFail("it has succeeded", line: line)
            return nil
        }
        return failure
    }

    /// The attempt fails with this text, and the files stay as they are.
    private func assertFails(
        _ behaviour: TestAuthority.Behaviour, _ text: String, line: UInt = #line
    ) async throws {
        let authority = try await TestAuthority(behaviour)
        let files = try authority.bootstrap()
        let before = try [files.key, files.chain, files.root].map { try contents($0) }
        let failure = failure(await attempt(files, authority), line: line)
        let found = failure.map { "\($0)" } ?? ""
        XCTAssertTrue(found.contains(text), found, line: line)
        XCTAssertEqual(try [files.key, files.chain, files.root].map { try contents($0) }, before, line: line)
        await authority.stop()
    }

    func testAShortKeyOfTheFirstAgentsIsReplaced() async throws {
        let authority = try await TestAuthority(.approve)
        let files = try authority.bootstrap(key: .rsa(bits: 1024))
        let result = await attempt(files, authority) { $0.key = .rsa(bits: 2048) }
        _ = try result.get()
        try assertPair(files)
        let text = try openssl(["rsa", "-in", files.key, "-noout", "-text"]).output
        XCTAssertTrue(text.contains("2048 bit"), text)
        await authority.stop()

        let other = try await TestAuthority(.approve)
        let mixed = try other.bootstrap(key: .rsa(bits: 1024))
        try openssl(["genrsa", "-out", mixed.key, "1024"])
        let failure = failure(await attempt(mixed, other))
        guard case .unreadable(let error)? = failure, case .weakKey = error.problem else {
            return XCTFail("\(String(describing: failure))")
        }
        await other.stop()
    }

    func testBothGenerationsOfTheAuthorityAreUnderstood() async throws {
        for behaviour in [TestAuthority.Behaviour.approveOld, .approve] {
            for key in [KeyChoice.rsa(bits: 2048), .p256] {
                let authority = try await TestAuthority(behaviour)
                let files = try authority.bootstrap()
                let result = await attempt(files, authority) {
                    $0.key = key
                    $0.requestedLifetime = GoDuration(.seconds(90))
                    $0.organization = "acme"
                }
                let lifetime = try result.get()
                XCTAssertEqual(lifetime.notAfter.timeIntervalSinceNow, 3600, accuracy: 60)
                try assertPair(files)
                let chain = try WorkloadCertificates.load(files).chain
                XCTAssertEqual(chain.map { "\($0.subject)" }, ["O=acme", "O=middle"])
                let request = try XCTUnwrap(authority.received.first?.request)
                XCTAssertTrue(request.nodeAgentCredential.isEmpty)
                XCTAssertEqual(request.credentialType, "onprem")
                XCTAssertEqual(request.requestedTtlMinutes, 2)
                let text = try openssl(["req", "-verify", "-noout", "-text"], input: [UInt8](request.csrPem)).output
                XCTAssertTrue(text.contains("URI:spiffe://cluster.local/ns/default/sa/vm"), text)
                // The new pair authenticates the next request.
                _ = try await attempt(files, authority) { $0.key = key }.get()
                try assertPair(files)
                await authority.stop()
            }
        }
    }

    func testAnswersThatAreNoApproval() async throws {
        try await assertFails(.deny(remark: "no"), "request not approved")
        try await assertFails(.approveWithoutCertificate, "response empty")
        try await assertFails(
            .approveWithGarbage, "certificate chain: expected a PEM block 'CERTIFICATE', found no PEM block")
        try await assertFails(
            .refuse(.unauthenticated, "request authenticate failure"),
            "rpc error: code = Unauthenticated desc = request authenticate failure")
        try await assertFails(
            .refuse(.unavailable, "overloaded"), "rpc error: code = Unavailable desc = overloaded")
    }

    func testCertificatesThatAreRefused() async throws {
        try await assertFails(.expired, "certificate has expired or is not yet valid")
        try await assertFails(.early(7200), "certificate has expired or is not yet valid")
        try await assertFails(.withoutName, "Cert have 0 SAN fields, should be 1")
        try await assertFails(.otherName, "identity changed: expected 'spiffe://cluster.local/ns/default/sa/vm'")
        try await assertFails(.otherKey, "private key does not match public key")
        try await assertFails(.stranger, "certificate signed by unknown authority")
        try await assertFails(.stale, "the certificate should have been renewed")
    }

    func testAClockThatIsALittleSlowIsNoObstacle() async throws {
        let authority = try await TestAuthority(.early(120))
        let files = try authority.bootstrap()
        _ = try await attempt(files, authority).get()
        XCTAssertGreaterThan(try WorkloadCertificates.load(files).notBefore, Date())
        await authority.stop()
    }

    func testAnAuthorityThatHangsIsLeftAtTheLimit() async throws {
        let authority = try await TestAuthority(.hang)
        let files = try authority.bootstrap()
        let failure = failure(await attempt(files, authority, limit: .milliseconds(700)))
        guard case .authority(.deadline) = failure else { return XCTFail("\(String(describing: failure))") }
        XCTAssertTrue("\(failure.map { "\($0)" } ?? "")".contains("deadline"))
        await authority.stop()
    }

    func testAListenerThatNeverAnswersIsLeftAtTheLimit() async throws {
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        let listener = try Listener()
        let failure = failure(await attempt(files, authority, port: listener.port, limit: .milliseconds(700)))
        guard case .authority(.deadline) = failure else { return XCTFail("\(String(describing: failure))") }
        await authority.stop()
    }

    func testNobodyListens() async throws {
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        await authority.stop()
        let failure = failure(await attempt(files, authority))
        guard case .authority(.connection(_, ECONNREFUSED)) = failure else {
            return XCTFail("\(String(describing: failure))")
        }
        XCTAssertTrue("\(failure.map { "\($0)" } ?? "")".contains("connection refused"))
    }

    func testAHostWithoutAnAddress() async throws {
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        let failure = failure(await attempt(files, authority, host: "no-such-host.invalid"))
        guard case .authority(.lookup(host: "no-such-host.invalid", _)) = failure else {
            return XCTFail("\(String(describing: failure))")
        }
        XCTAssertTrue("\(failure.map { "\($0)" } ?? "")".hasPrefix("dial tcp: lookup no-such-host.invalid: "))
        await authority.stop()
    }

    func testTheAuthoritysNameAndRootAreChecked() async throws {
        let named = try await TestAuthority(names: ["istio-ca"])
        var found = failure(await attempt(try named.bootstrap(), named)).map { "\($0)" } ?? ""
        XCTAssertTrue(found.contains("x509: certificate is valid for istio-ca, not localhost"), found)
        found = failure(await attempt(try named.bootstrap(name: "b"), named, host: "127.0.0.1")).map { "\($0)" } ?? ""
        XCTAssertTrue(found.contains("doesn't contain any IP SANs"), found)
        XCTAssertEqual(named.received.count, 0)
        await named.stop()
        let foreign = try await TestAuthority(foreign: true)
        found = failure(await attempt(try foreign.bootstrap(), foreign)).map { "\($0)" } ?? ""
        XCTAssertTrue(found.contains("certificate signed by unknown authority"), found)
        XCTAssertEqual(foreign.received.count, 0)
        await foreign.stop()
    }

    func testAClientThatTheAuthorityDoesNotKnow() async throws {
        let authority = try await TestAuthority()
        let stranger = try await TestAuthority()
        let files = try stranger.bootstrap()
        // It trusts this authority, which does not know it.
        try Data(try contents(authority.root.pair.certificate)).write(to: URL(fileURLWithPath: files.root))
        let failure = failure(await attempt(files, authority))
        guard case .authority(let error) = failure else { return XCTFail("\(String(describing: failure))") }
        switch error {
        case .handshake, .connection: break
        default: XCTFail("\(error)")
        }
        XCTAssertEqual(authority.received.count, 0)
        await authority.stop()
        await stranger.stop()
    }

    func testOwnFilesThatCannotServe() async throws {
        let authority = try await TestAuthority()
        var files = try authority.bootstrap(uris: [], name: "none")
        var failed = failure(await attempt(files, authority))
        XCTAssertEqual(failed, .unusable(.identityCount(0)))
        files = try authority.bootstrap(
            uris: ["spiffe://cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/a/sa/c"], name: "two")
        failed = failure(await attempt(files, authority))
        XCTAssertEqual(failed.map { "\($0)" }, "Cert have 2 SAN fields, should be 1")
        files = try authority.bootstrap(notAfter: Date(timeIntervalSinceNow: -5), name: "old")
        failed = failure(await attempt(files, authority))
        XCTAssertTrue("\(failed.map { "\($0)" } ?? "")".contains("has expired"), "\(String(describing: failed))")
        files = try authority.bootstrap(name: "mixed")
        try Data(try contents(authority.root.pair.key)).write(to: URL(fileURLWithPath: files.key))
        failed = failure(await attempt(files, authority))
        XCTAssertTrue("\(failed.map { "\($0)" } ?? "")".hasPrefix("private key does not match public key"))
        try FileManager.default.removeItem(atPath: files.root)
        failed = failure(await attempt(files, authority))
        XCTAssertTrue("\(failed.map { "\($0)" } ?? "")".contains(files.root))
        XCTAssertEqual(authority.received.count, 0)
        await authority.stop()
    }

    func testANewRootIsKeptAndTheOldOneGoesWhenItsTimeIsOver() async throws {
        let authority = try await TestAuthority(.newRoot)
        let files = try authority.bootstrap()
        let clock = MovedClock()
        _ = try await attempt(files, authority, clock: clock).get()
        XCTAssertEqual(
            try contents(files.root),
            try contents(authority.root.pair.certificate) + contents(authority.secondRoot.pair.certificate))
        try assertPair(files)
        // The old root is due, and the authority still shows a certificate of it: it stays.
        authority.lifetime = 86400
        _ = try await attempt(files, authority, clock: clock).get()
        clock.offset.withLock { $0 = 2 * 3600 }
        _ = try await attempt(files, authority, clock: clock).get()
        XCTAssertEqual(try RootFile(path: files.root).certificates().count, 2)
        await authority.stop()

        let changed = try await TestAuthority(.newRoot, foreign: true)
        let again = try changed.bootstrap()
        try Data(try contents(changed.root.pair.certificate) + contents(changed.secondRoot.pair.certificate))
            .write(to: URL(fileURLWithPath: again.root))
        _ = try await attempt(again, changed).get()
        // Both were an administrator's: no memory, and none is removed.
        clock.offset.withLock { $0 = 0 }
        XCTAssertEqual(try RootFile(path: again.root).certificates().count, 2)
        let roots = try RootFile(path: again.root).certificates()
        try Data(try contents(changed.root.pair.certificate)).write(to: URL(fileURLWithPath: again.root))
        try RootFile(path: again.root).add([roots[1]], following: [(roots[0], Date(timeIntervalSinceNow: -1))])
        _ = try await attempt(again, changed).get()
        XCTAssertEqual(try RootFile(path: again.root).certificates(), [roots[1]])
        try assertPair(again)
        await changed.stop()
    }

    func testARootWithNewDatesIsAddedBesideTheOld() async throws {
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        // The same name and key, signed again by itself.
        let renewed = authority.folder.path + "/renewed.pem"
        try openssl([
            "req", "-x509", "-key", authority.root.pair.key, "-subj", "/O=root", "-days", "5000", "-out", renewed,
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        ])
        authority.extraChain = try contents(renewed)
        _ = try await attempt(files, authority).get()
        XCTAssertEqual(try contents(files.root), try contents(authority.root.pair.certificate) + contents(renewed))
        try assertPair(files)
        // A root that has nothing to do with the leaf is not taken.
        authority.extraChain = try contents(authority.secondRoot.pair.certificate)
        _ = try await attempt(files, authority).get()
        XCTAssertEqual(try RootFile(path: files.root).certificates().count, 2)
        await authority.stop()
    }

    func testFilesThatSomebodyCopiesMeanwhileStay() async throws {
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        let other = try authority.bootstrap(uris: ["spiffe://cluster.local/ns/default/sa/other"], name: "other")
        let copies = [(other.key, files.key), (other.chain, files.chain)]
        authority.beforeAnswer = {
            for (from, to) in copies { try Data(try contents(from)).write(to: URL(fileURLWithPath: to)) }
        }
        let failed = failure(await attempt(files, authority))
        XCTAssertEqual(failed, .filesChanged(files))
        authority.beforeAnswer = nil
        XCTAssertEqual(try contents(files.key), try contents(other.key))
        _ = try await attempt(files, authority).get()
        XCTAssertEqual(
            try WorkloadCertificates.load(files).identityURIs, ["spiffe://cluster.local/ns/default/sa/other"])
        await authority.stop()
    }

    func testAfterTheLastRepetitionItEnds() async throws {
        let authority = try await TestAuthority(.deny(remark: "no"))
        let files = try authority.bootstrap()
        let clock = FastClock()
        let configuration = AgentConfiguration(
            files: files, authority: NetworkEndpoint(host: "localhost", port: UInt16(authority.port)), key: .p256)
        await CertificateAgent(
            configuration, authority: GRPCAuthority(address: configuration.authority, limit: .seconds(10)),
            clock: clock,
            log: AgentLog(format: .glog)
        ).run()
        XCTAssertEqual(authority.received.count, 6)
        XCTAssertEqual(clock.passed.withLock { $0 }, .seconds(155))
        await authority.stop()
    }
}

/// The machine's clock with an offset to its wall clock.
private final class MovedClock: AgentClock {
    let offset = Mutex(TimeInterval(0))
    private let system = SystemClock()

    func now() -> Moment {
        var now = system.now()
        now.wall.addTimeInterval(offset.withLock { $0 })
        return now
    }

    func wait(_ duration: Duration, for trigger: RenewalTrigger) async -> Bool {
        await system.wait(duration, for: trigger)
    }
}

/// A clock in which waits take no time.
private final class FastClock: AgentClock {
    let passed = Mutex(Duration.zero)

    func now() -> Moment { Moment(wall: Date(), elapsed: passed.withLock { $0 }) }

    func wait(_ duration: Duration, for trigger: RenewalTrigger) async -> Bool {
        passed.withLock { $0 += duration }
        return false
    }
}

/// A socket that listens and never accepts.
final class Listener {
    let port: Int
    let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard status else { throw CocoaError(.fileReadUnknown) }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
}
