import Foundation
import MeshContract
import TestSupport
import XCTest

@testable import NodeAgent

/// Our requests, judged by openssl(1).
final class SigningRequestTests: XCTestCase {
    private let identity = SPIFFEIdentity(namespace: "bookinfo", serviceAccount: "mysql")

    private func text(_ request: SigningRequest) throws -> String {
        let result = try openssl(["req", "-verify", "-noout", "-text"], input: request.requestPEM)
        XCTAssertTrue((result.errors + result.output).contains("verify OK"), result.errors)
        return result.output
    }

    func testRequestsOfEveryKindVerify() throws {
        for (key, words) in [
            (KeyChoice.rsa(bits: 2048), ["(2048 bit)", "sha256WithRSAEncryption"]),
            (.rsa(bits: 3072), ["(3072 bit)"]), (.p256, ["prime256v1", "ecdsa-with-SHA256"]),
        ] {
            let request = try SigningRequest(identity: identity, organization: "Juju org", key: key)
            let text = try text(request)
            for word in words + ["URI:spiffe://cluster.local/ns/bookinfo/sa/mysql", "Juju org"] {
                XCTAssertTrue(text.contains(word), "\(word) in \(text)")
            }
            let public_ = try openssl(["pkey", "-pubout"], input: request.keyPEM).output
            XCTAssertEqual(try openssl(["req", "-noout", "-pubkey"], input: request.requestPEM).output, public_)
            XCTAssertEqual(try openssl(["pkey", "-check", "-noout"], input: request.keyPEM).status, 0)
        }
    }

    func testWithoutAnOrganizationTheNameIsCritical() throws {
        let text = try text(SigningRequest(identity: identity, organization: "", key: .p256))
        XCTAssertTrue(text.contains("X509v3 Subject Alternative Name: critical"), text)
    }
}
