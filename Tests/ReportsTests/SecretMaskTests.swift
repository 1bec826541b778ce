import MeshChecks
import Platform
import XCTest

@testable import Reports

/// Secrets of every shape go, and what only looks like one stays.
final class SecretMaskTests: XCTestCase {
    private static let body = (0..<4).map { _ in "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj" }

    func testPrivateKeysGoWholeOrCut() {
        for label in [
            "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY",
        ] {
            let pem = "-----BEGIN \(label)-----\n" + Self.body.joined(separator: "\n") + "\n-----END \(label)-----"
            XCTAssertEqual(SecretMask.masked("before \(pem) after"), "before \(SecretMask.key)\n after")
            XCTAssertEqual(
                SecretMask.masked(lines: ["x"] + pem.split(separator: "\n").map(String.init) + ["y"]),
                ["x", SecretMask.key, "y"])
        }
        XCTAssertEqual(SecretMask.masked("-----BEGIN RSA PRIVATE KEY-----\nMIIE"), SecretMask.key + "\n")
        XCTAssertEqual(SecretMask.masked("-----BEGIN RSA PRI"), SecretMask.key)
        XCTAssertEqual(
            SecretMask.masked(#"{"key": "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n", "a": 1}"#),
            #"{"key": "[private key masked]\n", "a": 1}"#)
        for line in Self.body { XCTAssertEqual(SecretMask.masked(line), SecretMask.value) }
    }

    func testTokensAndPasswordsGo() {
        let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJhdWQiOlsiaXN0aW8tY2EiXX0.c2lnbmF0dXJl"
        let cases = [
            (token, "[masked]"), ("token is \(token), ok", "token is [masked], ok"),
            ("Authorization: Bearer abc123def456==", "Authorization: Bearer [masked]"),
            ("Authorization: Basic dXNlcjpwYXNz0w==", "Authorization: Basic [masked]"),
            ("GET https://al:pa%3Ass@h:1/x?a=b@c", "GET https://al:[masked]@h:1/x?a=b@c"),
            ("see http://al@h/ and ftp://a:b@c", "see http://al@h/ and ftp://a:[masked]@c"),
            ("password=hunter2 user=x", "password=[masked] user=x"),
            ("DB_PASSWORD='a b' c", "DB_PASSWORD='[masked]' c"),
            (#"{"istio-token": "abc"}"#, #"{"istio-token": "[masked]"}"#), ("secret: s3cr3t", "secret: [masked]"),
        ]
        for (text, expected) in cases { XCTAssertEqual(SecretMask.masked(text), expected) }
    }

    func testOrdinaryTextStays() {
        let texts = [
            "CSR is approved successfully. Will renew cert in 29m59.137732603s", "",
            "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "/usr/share/meshcheck/Scenarios/Some/Very/Long/Path/That/Has/Upper/Case/And/Digits/10-dns.yaml",
            "-----BEGIN CERTIFICATE-----", "unit basic.target is active", "istio-token exists: true",
            "spiffe://cluster.local/ns/default/sa/vm", "a: b, c=d", "\u{1B}[1m é 日本語",
            "productpage.bookinfo.svc.cluster.local:9080 and istio-pilot.istio-system.svc.cluster.local.",
        ]
        for text in texts { XCTAssertEqual(SecretMask.masked(text), text) }
    }

    func testEveryTextOfARunIsMasked() {
        let secret = "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJhdWQiOlsiaXN0aW8tY2EiXX0.c2lnbmF0dXJl"
        var run = Fixture.broken
        for index in run.checks.indices {
            run.checks[index].evidence.append(secret)
            run.checks[index].title += secret
            run.checks[index].id += "[\(secret)]"
            run.checks[index].step += " " + secret
            run.checks[index].tags.append(secret)
            if case .skipped(.needs(let ids)) = run.checks[index].outcome {
                run.checks[index].outcome = .skipped(.needs(ids.map { "\($0)[\(secret)]" }))
            }
            run.checks[index].subject += " " + secret
            for number in run.checks[index].expectations.indices {
                run.checks[index].expectations[number].found += " " + secret
                run.checks[index].expectations[number].expected += " " + secret
            }
        }
        run.diagnoses[0].checks.append("x[\(secret)]")
        run.diagnoses[0].evidence.append("password=\(secret)")
        run.diagnoses[0].cause += " " + secret
        run.diagnoses[0].remedy.append("curl -H 'Authorization: Bearer \(secret)'")
        let renderers: [any Renderer] = [
            TerminalRenderer(isVerbose: true), JSONRenderer(), JUnitRenderer(), TAPRenderer(), PrometheusRenderer(),
            HTMLRenderer(route: .mesh),
        ]
        for renderer in renderers {
            XCTAssertFalse(renderer.render(run).contains("c2lnbmF0dXJl"), "\(renderer)")
            let fleet = FleetResult(
                hosts: [HostResult(target: "a", outcome: .success(run))], startedAt: 0, duration: .zero)
            XCTAssertFalse(renderer.render(fleet).contains("c2lnbmF0dXJl"), "\(renderer)")
        }
        XCTAssertFalse(EventLine.finished(run).text.contains("c2lnbmF0dXJl"))
        XCTAssertFalse(EventLine.check(run.checks[0]).text.contains("c2lnbmF0dXJl"))
    }
}
