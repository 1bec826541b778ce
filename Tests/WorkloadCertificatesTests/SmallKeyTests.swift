import Certificates
import Foundation
import TestSupport
import X509
import XCTest

/// Certificates with RSA keys that the library does not take.
final class SmallKeyTests: XCTestCase {
    private func der(_ path: String) throws -> [UInt8] {
        try XCTUnwrap(try PEMBlock.blocks(of: try contents(path)).first { $0.label == "CERTIFICATE" }).der
    }

    func testReading() throws {
        let folder = try TemporaryDirectory()
        let elsewhere = try TemporaryDirectory()
        for (bits, issuerKey) in [(512, OpenSSLAuthority.Key.rsa(bits: 2048)), (1024, .p256), (2048, .p256)] {
            let issuer = try OpenSSLAuthority("issuer\(bits)", in: folder, key: issuerKey)
            let pair = try issuer.issueWorkload("vm", key: .rsa(bits: bits))
            let small = try XCTUnwrap(SmallKeyCertificate(derEncoded: try der(pair.certificate)), "\(bits)")
            XCTAssertEqual(small.bits, bits)
            XCTAssertEqual(small.certificate.identityURIs, ["spiffe://cluster.local/ns/default/sa/vm"])
            XCTAssertEqual("\(small.certificate.subject)", "O=workload")
            let serial = try openssl(["x509", "-in", pair.certificate, "-noout", "-serial"]).output
            XCTAssertEqual(
                serial.split(separator: "=").last.map {
                    $0.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
                },
                small.certificate.serialNumber.bytes.map { String(format: "%02x", $0) }.joined())
            XCTAssertTrue(small.isOf(keyPEM: try contents(pair.key)))
            XCTAssertFalse(small.isOf(keyPEM: try contents(issuer.pair.key)))
            XCTAssertFalse(small.isOf(keyPEM: []))
            let authority = try XCTUnwrap(try CertificatePEM.roots(ofPEM: try contents(issuer.pair.certificate)).first)
            XCTAssertTrue(small.isSigned(by: authority), "\(bits)")
            // Another of the same name has not signed it.
            let other = try OpenSSLAuthority("issuer\(bits)", in: elsewhere, key: issuerKey)
            let stranger = try XCTUnwrap(try CertificatePEM.roots(ofPEM: try contents(other.pair.certificate)).first)
            XCTAssertFalse(small.isSigned(by: stranger), "\(bits)")
        }
    }

    /// Digests other than SHA-256, which authorities of that time used as well.
    func testDigests() throws {
        let folder = try TemporaryDirectory()
        let issuer = try OpenSSLAuthority("issuer", in: folder, key: .rsa(bits: 2048))
        let authority = try XCTUnwrap(try CertificatePEM.roots(ofPEM: try contents(issuer.pair.certificate)).first)
        for (digest, isKnown) in [("sha256", true), ("sha384", true), ("sha512", true), ("sha1", false)] {
            let key = folder.path + "/key.pem"
            let request = folder.path + "/request.pem"
            let certificate = folder.path + "/\(digest).pem"
            try openssl([
                "req", "-new", "-nodes", "-newkey", "rsa:1024", "-subj", "/O=vm", "-keyout", key, "-out", request,
            ])
            let signed = try TestSupport.run(
                "openssl",
                [
                    "x509", "-req", "-in", request, "-CA", issuer.pair.certificate, "-CAkey", issuer.pair.key,
                    "-\(digest)",
                    "-set_serial", "7", "-out", certificate,
                ])
            // Some openssl sign with SHA-1 no more.
            if signed.status != 0, !isKnown { continue }
            let small = try XCTUnwrap(SmallKeyCertificate(derEncoded: try der(certificate)), digest)
            XCTAssertEqual(small.isSigned(by: authority), isKnown, digest)
        }
    }

    /// Damaged bytes are no certificate, or one that nobody has signed; nothing traps.
    func testDamage() throws {
        let folder = try TemporaryDirectory()
        let issuer = try OpenSSLAuthority("issuer", in: folder)
        let pair = try issuer.issueWorkload("vm", key: .rsa(bits: 1024))
        let whole = try der(pair.certificate)
        let authority = try XCTUnwrap(try CertificatePEM.roots(ofPEM: try contents(issuer.pair.certificate)).first)
        XCTAssertNil(SmallKeyCertificate(derEncoded: []))
        XCTAssertNil(SmallKeyCertificate(derEncoded: Array("hello".utf8)))
        // An ECDSA key is not one of these.
        XCTAssertNil(SmallKeyCertificate(derEncoded: try der(issuer.pair.certificate)))
        for length in stride(from: 1, to: whole.count, by: 7) {
            XCTAssertNil(SmallKeyCertificate(derEncoded: Array(whole.prefix(length))), "\(length) bytes")
        }
        for place in stride(from: 0, to: whole.count, by: 3) {
            var bytes = whole
            bytes[place] ^= 0x55
            guard let small = SmallKeyCertificate(derEncoded: bytes) else { continue }
            XCTAssertFalse(small.isSigned(by: authority), "byte \(place)")
        }
    }
}
