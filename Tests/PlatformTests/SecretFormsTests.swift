import Platform
import XCTest

/// What is masked and what stays, by the tables of forms.
final class SecretFormsTests: XCTestCase {
    func testSecretsAreMasked() {
        for (text, masked) in SecretForms.secrets {
            XCTAssertEqual(SecretMask.masked(text), masked)
            // What is masked may go through a second report.
            XCTAssertEqual(SecretMask.masked(masked), masked)
        }
        XCTAssertGreaterThanOrEqual(SecretForms.secrets.count, 60)
    }

    func testLookAlikesStay() {
        for text in SecretForms.harmless { XCTAssertEqual(SecretMask.masked(text), text) }
        XCTAssertGreaterThanOrEqual(SecretForms.harmless.count, 60)
    }

    /// Line by line it comes to the same, but for the lines that one mark stands for.
    func testLinesAreMaskedLikeTexts() {
        for (text, masked) in SecretForms.secrets where !text.contains("PRIVATE KEY") {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            XCTAssertEqual(SecretMask.masked(lines: lines).joined(separator: "\n"), masked)
        }
    }

    func testValuesBehindTheirNames() {
        XCTAssertEqual(SecretMask.maskedValue("a=b; Path=/; Secure", of: "Set-Cookie"), "a=[masked]; Path=/; Secure")
        XCTAssertEqual(SecretMask.maskedValue("Bearer x", of: "authorization"), "Bearer [masked]")
        XCTAssertEqual(SecretMask.maskedValue("x", of: "apiKey"), "[masked]")
        XCTAssertEqual(SecretMask.maskedValue("", of: "apiKey"), "")
        XCTAssertEqual(SecretMask.maskedValue("envoy", of: "Server"), "envoy")
    }

    /// Twice the text takes twice the time, whatever is repeated in it.
    func testTimeIsLinear() {
        let units = [
            "password=\"", "a://b:c/", "token=,a", "-----BEGIN CERTIFICATE-----", "-----BEGIN ", "Cookie: a, ",
            "Cookie: [a, ", "Authorization:~/x:", "password: [no ", "password=${a ", ";password=a b", "a.b_", "x@y:z ",
        ]
        for unit in units {
            let clock = ContinuousClock()
            let (small, large) = (String(repeating: unit, count: 250), String(repeating: unit, count: 4000))
            let first = clock.measure { _ = SecretMask.masked(small) }
            let second = clock.measure { _ = SecretMask.masked(large) }
            XCTAssertLessThan(second, first * 64 + .milliseconds(200), unit)
        }
    }
}
