import Platform
import XCTest

final class SecretNameTests: XCTestCase {
    func testNames() {
        for name in ["MY_TOKEN", "db-password", "X-Api-Key", "AWS_ACCESS_KEY_ID", "PRIVATE_DATA", "Credentials"] {
            XCTAssertTrue(SecretMask.isSecretName(name), name)
        }
        for name in ["PATH", "ISTIO_SERVICE_CIDR", "content-type", ""] {
            XCTAssertFalse(SecretMask.isSecretName(name), name)
        }
    }

    /// What a check compares stays; only keys go.
    func testKeysAlone() {
        XCTAssertEqual(SecretMask.maskedKeys("password=x\n"), "password=x\n")
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
            let text = "a\n-----BEGIN \(label)-----\nAAAA\n-----END \(label)-----\npassword=x"
            XCTAssertEqual(SecretMask.maskedKeys(text), "a\n\(SecretMask.key)\npassword=x", label)
        }
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        XCTAssertEqual(SecretMask.maskedKeys(certificate), certificate)
    }
}
