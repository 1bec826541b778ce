import Foundation
import Probes
import TestSupport
import XCTest

final class TLSTests: XCTestCase {
    /// openssl's server on a port of the kernel's choice.
    private func server(_ pair: OpenSSLAuthority.Pair, _ arguments: [String] = []) throws -> (Service, Int) {
        let service = try Service(
            "openssl",
            ["s_server", "-accept", "127.0.0.1:0", "-cert", pair.certificate, "-key", pair.key, "-naccept", "100"]
                + arguments)
        while true {
            let line = try service.line()
            // ACCEPT 127.0.0.1:40000
            if line.hasPrefix("ACCEPT"), let port = line.split(separator: ":").last.flatMap({ Int($0) }) {
                return (service, port)
            }
        }
    }

    func testServersOfOpenSSL() async throws {
        let folder = try TemporaryDirectory()
        let authority = try OpenSSLAuthority("ours", in: folder)
        let other = try OpenSSLAuthority("other", in: folder)
        let pair = try authority.issue(
            "ca", extensions: ["subjectAltName=DNS:istio-ca,URI:spiffe://cluster.local/ns/istio-system/sa/istio-ca"])
        let (service, port) = try server(pair, ["-alpn", "h2,http/1.1"])
        let all: Set = ["handshake", "chain-trusted", "names", "not-after", "alpn", "version", "fault"]
        func shake(_ more: [String: Value] = [:], _ attributes: Set<String>? = nil) async throws -> Observation {
            try await observe(
                "tls",
                [
                    "address": .text("127.0.0.1:\(port)"), "server-name": .text("istio-ca"),
                    "root": .text(authority.pair.certificate),
                ].merging(more) { $1 }, attributes ?? all)
        }
        let good = try await shake(["alpn": .list([.text("h2")])])
        XCTAssertEqual(good["handshake"], .bool(true))
        XCTAssertEqual(good["chain-trusted"], .bool(true))
        XCTAssertEqual(good["fault"], .null)
        XCTAssertEqual(good["name-matches"], .bool(true))
        XCTAssertEqual(good.text("alpn"), "h2")
        XCTAssertEqual(good.text("version"), "TLSv1.3")
        XCTAssertEqual(
            good.texts("names"), ["istio-ca", "spiffe://cluster.local/ns/istio-system/sa/istio-ca"])
        let wrongRoot = try await shake(["root": .text(other.pair.certificate)])
        XCTAssertEqual(wrongRoot["handshake"], .bool(true))
        XCTAssertEqual(wrongRoot["chain-trusted"], .bool(false))
        let wrongName = try await shake(["server-name": .text("istio-pilot")])
        XCTAssertEqual(wrongName["name-matches"], .bool(false))
        XCTAssertEqual(wrongName["chain-trusted"], .bool(true))
        // Dialled by its address, which the certificate does not have.
        let byAddress = try await shake(["server-name": .text("127.0.0.1")])
        XCTAssertEqual(byAddress["name-matches"], .bool(false))
        XCTAssertTrue(try XCTUnwrap(byAddress.text("fault")).contains("doesn't contain any IP SANs"))
        let rootless = try await failure("tls", ["address": .text("127.0.0.1:\(port)")], ["chain-trusted"])
        XCTAssertEqual(rootless?.reason, .invalid)
        service.stop()
        let down = try await shake()
        XCTAssertEqual(down["handshake"], .bool(false))
        XCTAssertEqual(down.text("error"), "Connection refused")
    }

    func testExpiredAndOldServers() async throws {
        let folder = try TemporaryDirectory()
        let authority = try OpenSSLAuthority("ours", in: folder)
        let expired = try authority.issue(
            "old", extensions: ["subjectAltName=DNS:istio-ca"], notBefore: Date(timeIntervalSinceNow: -7200),
            notAfter: Date(timeIntervalSinceNow: -3600))
        let (service, port) = try server(expired, ["-tls1_2"])
        let seen = try await observe(
            "tls",
            [
                "address": .text("127.0.0.1:\(port)"), "server-name": .text("istio-ca"),
                "root": .text(authority.pair.certificate),
            ], ["chain-trusted", "fault", "remaining"])
        XCTAssertEqual(seen.text("version"), "TLSv1.2")
        XCTAssertEqual(seen["chain-trusted"], .bool(false))
        XCTAssertTrue(try XCTUnwrap(seen.text("fault")).contains("expired"))
        service.stop()
    }

    /// A server that wants a certificate of the client, in both versions: one tells during the handshake, one after it.
    func testClientCertificates() async throws {
        let folder = try TemporaryDirectory()
        let authority = try OpenSSLAuthority("ours", in: folder)
        let pair = try authority.issue("server", extensions: ["subjectAltName=DNS:istio-ca"])
        let client = try authority.issueWorkload("client")
        for version in ["-tls1_2", "-tls1_3"] {
            let (service, port) = try server(
                pair, [version, "-Verify", "2", "-verify_return_error", "-CAfile", authority.pair.certificate])
            let address = Value.text("127.0.0.1:\(port)")
            let without = try await observe("tls", ["address": address], ["handshake"])
            XCTAssertEqual(without["handshake"], .bool(false), version)
            let with = try await observe(
                "tls",
                ["address": address, "certificate-files": .list([.text(client.certificate), .text(client.key)])],
                ["handshake"])
            XCTAssertEqual(with["handshake"], .bool(true), "\(version): \(with.text("error") ?? "")")
            service.stop()
        }
    }

    func testWhatIsNoTLS() async throws {
        let (plain, port) = try pythonServer(
            "tcp(lambda c: (c.recv(100), c.sendall(b'HTTP/1.1 400 Bad Request\\r\\n\\r\\n'), c.close()))")
        let seen = try await observe("tls", ["address": .text("127.0.0.1:\(port)")], ["handshake"])
        XCTAssertEqual(seen["handshake"], .bool(false))
        XCTAssertFalse(try XCTUnwrap(seen.text("error")).isEmpty, "\(seen)")
        plain.stop()
        let (closing, closed) = try pythonServer("tcp(lambda c: (c.recv(100), c.close()))")
        let early = try await observe("tls", ["address": .text("127.0.0.1:\(closed)")], ["handshake"])
        XCTAssertEqual(early["handshake"], .bool(false))
        closing.stop()
        let (silent, quiet) = try pythonServer("tcp(lambda c: time.sleep(1000))")
        let error = try await failure(
            "tls", ["address": .text("127.0.0.1:\(quiet)")], ["handshake"], within: .milliseconds(300))
        XCTAssertEqual(error?.reason, .timedOut)
        silent.stop()
    }
}
