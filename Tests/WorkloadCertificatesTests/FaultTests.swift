import Certificates
import Foundation
import MeshContract
import TestSupport
import X509
import XCTest

@testable import WorkloadCertificates

/// Our judgement beside that of `openssl verify`.
final class FaultTests: XCTestCase {
    private let identity = SPIFFEIdentity(namespace: "default", serviceAccount: "vm")

    private func load(
        _ pair: OpenSSLAuthority.Pair, chain: [String] = [], roots: [String], key: String? = nil
    ) throws -> WorkloadCertificates {
        try WorkloadCertificates(
            chainPEM: try ([pair.certificate] + chain).flatMap { try contents($0) },
            keyPEM: try contents(key ?? pair.key), rootPEM: try roots.flatMap { try contents($0) })
    }

    /// Whether openssl trusts a chain at a moment.
    private func opensslTrusts(
        _ pair: OpenSSLAuthority.Pair, chain: [String] = [], roots: [String], in folder: TemporaryDirectory,
        at date: Date
    ) throws -> Bool {
        let root = try folder.file("judge-roots.pem", bytes: try roots.flatMap { try contents($0) })
        let untrusted = try folder.file("judge-chain.pem", bytes: try chain.flatMap { try contents($0) })
        var arguments = ["verify", "-x509_strict", "-attime", String(Int(date.timeIntervalSince1970)), "-CAfile", root]
        if !chain.isEmpty { arguments += ["-untrusted", untrusted] }
        return try TestSupport.run("openssl", arguments + [pair.certificate]).status == 0
    }

    func testWhatIsInOrderHasNoFault() async throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let middle = try OpenSSLAuthority("middle", in: folder, issuer: root)
        let other = try OpenSSLAuthority("other", in: folder)
        for key in [OpenSSLAuthority.Key.p256, .rsa(bits: 2048)] {
            let leaf = try middle.issueWorkload("leaf", key: key)
            let roots = [other.pair.certificate, root.pair.certificate]
            let chain = [middle.pair.certificate]
            let certificates = try load(leaf, chain: chain, roots: roots)
            let faults = await certificates.faults(at: Date(), expecting: identity)
            XCTAssertEqual(faults, [])
            XCTAssertTrue(try opensslTrusts(leaf, chain: chain, roots: roots, in: folder, at: Date()))
            XCTAssertEqual(try certificates.identity(), identity)
            let anchor = await certificates.anchor(at: Date())
            XCTAssertEqual(anchor.map { "\($0.subject)" }, "O=root")
        }
    }

    func testEveryFaultIsFoundAlone() async throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let middle = try OpenSSLAuthority("middle", in: folder, issuer: root)
        let other = try OpenSSLAuthority("other", in: folder)
        let roots = [root.pair.certificate]
        let now = Date()

        func faults(
            _ pair: OpenSSLAuthority.Pair, chain: [String] = [], roots: [String], key: String? = nil, trusted: Bool,
            at date: Date? = nil, line: UInt = #line
        ) async throws -> [WorkloadFault] {
            XCTAssertEqual(
                try opensslTrusts(pair, chain: chain, roots: roots, in: folder, at: date ?? now), trusted, line: line)
            return try await load(pair, chain: chain, roots: roots, key: key).faults(
                at: date ?? now, expecting: identity)
        }

        let good = try root.issueWorkload("good")
        let second = try root.issueWorkload("second", key: .rsa(bits: 2048))
        var found = try await faults(good, roots: roots, key: second.key, trusted: true)
        XCTAssertEqual(
            found,
            [
                .certificate(
                    .keyMismatch(
                        certificate: KeyKind(algorithm: .ecdsa, bits: 256), key: KeyKind(algorithm: .rsa, bits: 2048)))
            ])
        XCTAssertTrue("\(found[0])".hasPrefix("private key does not match public key"))

        // Judged later than now: a root that is made now does not vouch for what has expired before.
        let old = try root.issueWorkload("old", notAfter: now.addingTimeInterval(60))
        found = try await faults(old, roots: roots, trusted: false, at: now.addingTimeInterval(3600))
        guard case .certificate(.expired) = found.first, found.count == 1 else { return XCTFail("\(found)") }

        let early = try root.issueWorkload(
            "early", notBefore: now.addingTimeInterval(3600), notAfter: now.addingTimeInterval(7200))
        found = try await faults(early, roots: roots, trusted: false)
        guard case .certificate(.notYetValid) = found.first, found.count == 1 else { return XCTFail("\(found)") }

        found = try await faults(good, roots: [other.pair.certificate], trusted: false)
        XCTAssertEqual(found, [.certificate(.untrusted(.unknownAuthority(issuer: "O=root")))])
        XCTAssertTrue("\(found[0])".hasPrefix("certificate signed by unknown authority"))

        let below = try middle.issueWorkload("below")
        found = try await faults(below, roots: roots, trusted: false)
        XCTAssertEqual(found, [.certificate(.untrusted(.unknownAuthority(issuer: "O=middle")))])
        found = try await faults(
            below, chain: [middle.pair.certificate], roots: [other.pair.certificate], trusted: false)
        XCTAssertEqual(found, [.certificate(.untrusted(.unknownAuthority(issuer: "O=root")))])

        // A workload that signs like an authority.
        let elsewhere = try TemporaryDirectory()
        let child = try OpenSSLAuthority("middle", in: elsewhere, issuer: root)
        let forged = try child.issueWorkload("forged")
        found = try await faults(
            forged, chain: [middle.pair.certificate], roots: roots, trusted: false)
        XCTAssertEqual(found.count, 1)

        let authority = try root.issue(
            "authority-leaf",
            extensions: [
                "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign",
                "subjectAltName=URI:\(identity)",
            ])
        found = try await faults(authority, roots: roots, trusted: true)
        XCTAssertEqual(found, [.certificate(.authority(subject: "O=workload"))])

        for (name, uris, fault) in [
            ("none", [], WorkloadFault.identityCount(0)),
            ("two", [identity.description, "spiffe://cluster.local/ns/default/sa/other"], .identityCount(2)),
            ("odd", ["https://example.com/"], .identityMalformed("https://example.com/")),
            (
                "changed", ["spiffe://cluster.local/ns/default/sa/other"],
                .identityChanged(
                    expected: identity, found: SPIFFEIdentity(namespace: "default", serviceAccount: "other"))
            ),
        ] as [(String, [String], WorkloadFault)] {
            let pair = try root.issueWorkload(name, uris: uris)
            found = try await faults(pair, roots: roots, trusted: true)
            XCTAssertEqual(found, [fault])
        }
        XCTAssertEqual("\(WorkloadFault.identityCount(2))", "Cert have 2 SAN fields, should be 1")
    }

    func testAnIssuerThatIsNoAuthorityIsNotTrusted() async throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        // A workload's own certificate as an issuer.
        let workload = try root.issueWorkload("workload")
        let fake = try OpenSSLAuthority("fake", in: folder)
        try FileManager.default.removeItem(atPath: fake.pair.key)
        try FileManager.default.removeItem(atPath: fake.pair.certificate)
        try FileManager.default.copyItem(atPath: workload.key, toPath: fake.pair.key)
        try FileManager.default.copyItem(atPath: workload.certificate, toPath: fake.pair.certificate)
        let leaf = try fake.issueWorkload("leaf")
        let roots = [root.pair.certificate]
        let chain = [workload.certificate]
        XCTAssertFalse(try opensslTrusts(leaf, chain: chain, roots: roots, in: folder, at: Date()))
        let fault = try await load(leaf, chain: chain, roots: roots).trustFault(at: Date())
        guard case .untrusted(.rule) = fault else { return XCTFail("\(String(describing: fault))") }
    }

    func testAnExpiredIntermediateIsNotTrusted() async throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let middle = try OpenSSLAuthority(
            "middle", in: folder, issuer: root, notAfter: Date(timeIntervalSinceNow: 1800))
        let leaf = try middle.issueWorkload("leaf")
        let later = Date(timeIntervalSinceNow: 2400)
        let certificates = try load(leaf, chain: [middle.pair.certificate], roots: [root.pair.certificate])
        var fault = await certificates.trustFault(at: Date())
        XCTAssertNil(fault)
        fault = await certificates.trustFault(at: later)
        guard case .untrusted(.rule) = fault else { return XCTFail("\(String(describing: fault))") }
        XCTAssertFalse(
            try opensslTrusts(
                leaf, chain: [middle.pair.certificate], roots: [root.pair.certificate], in: folder, at: later))
    }

    func testACriticalNameInAnEmptySubjectIsUnderstood() async throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let leaf = try root.issue(
            "leaf", subject: "/",
            extensions: ["subjectAltName=critical,URI:\(identity)", "extendedKeyUsage=critical,clientAuth"])
        let faults = try await load(leaf, roots: [root.pair.certificate]).faults(at: Date(), expecting: identity)
        XCTAssertEqual(faults, [])
        let unknown = try root.issue(
            "unknown", extensions: ["subjectAltName=URI:\(identity)", "1.2.3.4=critical,ASN1:UTF8String:x"])
        let found = try await load(unknown, roots: [root.pair.certificate]).trustFault(at: Date())
        guard case .untrusted(.rule(let reason)) = found else { return XCTFail("\(String(describing: found))") }
        XCTAssertTrue(reason.contains("1.2.3.4"), reason)
    }

    func testAServerIsJudgedByItsNames() async throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let pair = try root.issue("server", extensions: ["subjectAltName=DNS:istio-ca,DNS:*.example.com"])
        let (leaf, _) = try CertificatePEM.chain(ofPEM: try contents(pair.certificate))
        let roots = try CertificatePEM.roots(ofPEM: try contents(root.pair.certificate))
        let server = ServerCertificate(leaf: leaf, intermediates: [])
        for name in ["istio-ca", "ca.example.com"] {
            let fault = await server.fault(dialled: name, roots: roots, at: Date())
            XCTAssertNil(fault, name)
            XCTAssertEqual(
                try TestSupport.run(
                    "openssl", ["verify", "-verify_hostname", name, "-CAfile", root.pair.certificate, pair.certificate]
                )
                .status, 0)
        }
        var fault = await server.fault(dialled: "istio-pilot", roots: roots, at: Date())
        XCTAssertEqual(fault.map { "\($0)" }, "x509: certificate is valid for istio-ca, *.example.com, not istio-pilot")
        fault = await server.fault(dialled: "10.0.0.9", roots: roots, at: Date())
        XCTAssertEqual(
            fault.map { "\($0)" },
            "x509: cannot validate certificate for 10.0.0.9 because it doesn't contain any IP SANs")
        fault = await server.fault(dialled: "istio-ca", roots: roots, at: Date(timeIntervalSinceNow: 86400))
        guard case .certificate(.expired) = fault else { return XCTFail("\(String(describing: fault))") }
    }
}
