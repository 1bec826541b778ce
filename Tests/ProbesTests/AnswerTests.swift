import Foundation
import NIOCore
import Platform
import TestSupport
import XCTest

@testable import MeshProbes
@testable import Probes

/// Who answers in place of a server, and where dnsmasq reads what it says.
final class AnswerTests: XCTestCase {
    /// A server that sends the same to everybody; what it was asked does not matter.
    private func kind(
        _ answer: String, close: Bool = true, texts: [String] = ["EDS"], within limit: Duration = .seconds(4)
    ) async throws -> Observation {
        let program = """
            def handle(c):
                request(c)
                c.sendall(sys.argv[1].encode('latin1').decode('unicode_escape').encode('latin1'))
                \(close ? "" : "time.sleep(1000)")
                c.close()
            tcp(handle)
            """
        let (service, port) = try pythonServer(program, arguments: [answer])
        defer { service.stop() }
        return try await observe(
            "answer", ["url": .text("http://127.0.0.1:\(port)/v1"), "texts": .list(texts.map { .text($0) })],
            ["kind", "seen", "by", "location"], within: limit)
    }

    func testWhoAnswers() async throws {
        let head = "HTTP/1.1 200 OK\\r\\n"
        let cases: [(answer: String, kind: String)] = [
            (head + "Content-Length: 2\\r\\n\\r\\n{}", "json"),
            (head + "Transfer-Encoding: chunked\\r\\n\\r\\n2\\r\\n[]\\r\\n0\\r\\n\\r\\n", "json"),
            (head + "Content-Type: text/html\\r\\n\\r\\n <!doctype HTML><html>", "page"),
            (head + "Content-Length: 90\\r\\n\\r\\n{", "truncated"), (head + "\\r\\n", "empty"),
            (head + "\\r\\nhello", "other"),
            (head + "\\r\\n\\x1f\\x8b\\x08", "compressed"), ("", "closed"), ("SSH-2.0-x\\r\\n", "other-protocol"),
            ("\\x15\\x03\\x01\\x00\\x02\\x02\\x16", "tls"),
            ("HTTP/1.1 302 Found\\r\\nLocation: http://portal/\\r\\nContent-Length: 0\\r\\n\\r\\n", "redirect"),
            ("HTTP/1.1 407 No\\r\\nVia: 1.1 squid\\r\\nContent-Length: 0\\r\\n\\r\\n", "login"),
            ("HTTP/1.1 500 No\\r\\n\\r\\nno healthy upstream", "error"),
            ("HTTP/1.1 503 No\\r\\n\\r\\nEDS fails", "own"),
        ]
        for (answer, wanted) in cases {
            let seen = try await kind(answer)
            XCTAssertEqual(seen.text("kind"), wanted, answer)
            // What a library prints for its authors is not for the reader.
            XCTAssertFalse(seen.text("seen")?.contains("NIO") ?? true, answer)
        }
        let silent = try await kind("", close: false, within: .seconds(2))
        XCTAssertEqual(silent.text("kind"), "silent")
        let slow = try await kind(head + "Content-Length: 90\\r\\n\\r\\n{", close: false, within: .seconds(2))
        XCTAssertEqual(slow.text("kind"), "slow")
        // Whose first line has not come to its end yet is an HTTP server as well.
        let drip = try await kind("HTTP/1.1 200 O", close: false, within: .seconds(2))
        XCTAssertEqual(drip.text("kind"), "slow")
        let login = try await kind("HTTP/1.1 407 No\\r\\nVia: 1.1 squid\\r\\nContent-Length: 0\\r\\n\\r\\n")
        XCTAssertEqual(login.text("by"), "via: 1.1 squid")
    }

    /// JSON that is no list of what is expected is that of another program.
    func testWhoseJSON() async throws {
        let cases = [
            ("[]", "json"), (#"[{"service-key": "a|b", "hosts": []}]"#, "json"), (#"{"status": "ok"}"#, "other"),
            (#"[{"name": 1}]"#, "other"), ("[1]", "other"),
        ]
        let program = #"""
            def handle(c):
                request(c)
                c.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + sys.argv[1].encode())
                c.close()
            tcp(handle)
            """#
        for (body, wanted) in cases {
            let (service, port) = try pythonServer(program, arguments: [body])
            defer { service.stop() }
            let seen = try await observe(
                "answer", ["url": .text("http://127.0.0.1:\(port)/"), "list-key": .text("service-key")], ["kind"])
            XCTAssertEqual(seen.text("kind"), wanted, body)
        }
    }

    /// A server without TLS is named by what it says.
    func testWhoDoesNotShakeHands() async throws {
        for (program, wanted) in [
            (
                "def handle(c):\n    c.recv(99); c.sendall(b'HTTP/1.1 400 No\\r\\nServer: nginx\\r\\n\\r\\n'); c.close()\ntcp(handle)",
                "an HTTP server (server: nginx)"
            ),
            (
                "def handle(c):\n    c.sendall(b'SSH-2.0-x\\r\\n'); c.recv(9); c.close()\ntcp(handle)",
                "a server that says 'SSH-2.0-x'"
            ),
            ("def handle(c):\n    c.close()\ntcp(handle)", "a server that ends the connection at once"),
        ] {
            let (service, port) = try pythonServer(program)
            let seen = try await observe(
                "tls", ["address": .text("127.0.0.1:\(port)")], ["handshake", "spoken", "error"], within: .seconds(8))
            XCTAssertEqual(seen["handshake"], .bool(false))
            XCTAssertEqual(seen.text("spoken"), wanted)
            XCTAssertFalse(seen.text("error")?.contains("NIOSSL") ?? true)
            service.stop()
        }
    }

    /// A connection is that of the user who has to make it, and what one may not is not said of the other.
    func testUsersReach() async throws {
        try requireRoot()
        let (service, port) = try pythonServer("def handle(c):\n    c.close()\ntcp(handle)")
        defer { service.stop() }
        let users: Value = .list([.text("nobody"), .text("no-such-user")])
        let open = try await observe(
            "reach", ["address": .text("127.0.0.1:\(port)"), "users": users], ["connected", "users"])
        XCTAssertEqual(open["connected"], .bool(true))
        XCTAssertEqual(open.entry("users", "nobody"), .text("connected"))
        XCTAssertNil(open.entry("users", "no-such-user"))
        service.stop()
        let closed = try await observe(
            "reach", ["address": .text("127.0.0.1:\(port)"), "users": users], ["connected", "error", "obstacle"])
        XCTAssertEqual(closed["connected"], .bool(false))
        XCTAssertEqual(closed.text("error"), "Connection refused")
    }

    /// A route that forbids is a finding, whoever looks.
    func testForbiddenNetworksAreNoMissingPermission() {
        for number in [EACCES, EPERM, EINVAL] {
            let error = ProbeError.network("connect", IOError(errnoCode: number, reason: "connect"))
            XCTAssertEqual(error.reason, .unreachable, "\(number)")
        }
    }

    /// What dnsmasq says it reads is what is read here.
    func testFilesOfDnsmasq() throws {
        let files = [
            "/etc/dnsmasq.conf": "conf-dir=/etc/d,.bak,.dpkg-old\n# port=5\nport = 5353 # own\n",
            "/etc/d/a": "server=/x/10.0.0.1#53\n",
            "/etc/d/b.bak": "server=/y/1.2.3.4\n", "/etc/d/c~": "no-hosts\n",
        ]
        let (options, read) = try DnsmasqInstances.configuration(
            ["dnsmasq", "-u", "dnsmasq", "-x/run/pid", "--local-service", "-7", "/etc/e,*.conf"],
            read: { files[$0].map { Array($0.utf8) } },
            list: { $0 == "/etc/d" ? ["a", "b.bak", "c~"] : $0 == "/etc/e" ? ["a", "b.conf"] : nil })
        XCTAssertEqual(read, ["/etc/dnsmasq.conf", "/etc/d/a"])
        XCTAssertEqual(
            options.map(\.description).filter { !$0.hasPrefix("command") },
            [
                "/etc/dnsmasq.conf:1: conf-dir=/etc/d,.bak,.dpkg-old", "/etc/dnsmasq.conf:3: port=5353",
                "/etc/d/a:1: server=/x/10.0.0.1#53",
            ])
        XCTAssertTrue(options.contains { $0.name == "user" && $0.value == "dnsmasq" })
        XCTAssertTrue(NameSearch.takes("0.0.0.0:53", .v4(0x7f00_0001), 53))
        XCTAssertTrue(NameSearch.takes(":::53", .v4(0x7f00_0001), 53))
        XCTAssertFalse(NameSearch.takes("10.150.0.5:53", .v4(0x7f00_0001), 53))
        XCTAssertFalse(NameSearch.takes("127.0.0.1:5353", .v4(0x7f00_0001), 53))
    }
}
