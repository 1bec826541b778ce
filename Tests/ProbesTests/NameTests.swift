import Foundation
import Probes
import TestSupport
import XCTest

final class NameTests: XCTestCase {
    /// dnsmasq on a port of its own.
    private func dnsmasq(_ lines: [String]) async throws -> (service: Service, server: String) {
        let port = try freePort()
        let folder = try TemporaryDirectory()
        let file = try folder.file(
            "dnsmasq.conf",
            (["port=\(port)", "listen-address=127.0.0.1", "bind-interfaces", "no-resolv", "no-hosts", "no-daemon"]
                + lines)
                .joined(separator: "\n") + "\n")
        let service = try Service("dnsmasq", ["--conf-file=\(file)", "--pid-file="])
        try await poll("dnsmasq") {
            let seen = try await observe("tcp", ["address": .text("127.0.0.1:\(port)")], ["connected"])
            return seen["connected"] == .bool(true)
        }
        withExtendedLifetime(folder) {}
        return (service, "127.0.0.1:\(port)")
    }

    private func freePort() throws -> Int {
        let text = try TestSupport.run(
            "python3",
            ["-c", "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"]
        ).output
        return try XCTUnwrap(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    func testRecordsOfDnsmasq() async throws {
        let (service, server) = try await dnsmasq([
            "address=/istio-pilot/10.150.0.6", "address=/istio-ca/", "host-record=two.test,10.0.0.1,fd00::1",
            "host-record=two.test,10.0.0.2", "cname=alias.test,two.test", "srv-host=_x._tcp.test,two.test,8080,1,2",
            "txt-record=txt.test,one,two words", "ptr-record=6.0.150.10.in-addr.arpa,pilot.test",
            "txt-record=long.test,"
                + (0..<4).map { "\($0)" + String(repeating: "x", count: 200) }.joined(separator: ","),
        ])
        func ask(_ name: String, _ type: String, _ transport: String = "udp") async throws -> Observation {
            try await observe(
                "dns",
                ["name": .text(name), "type": .text(type), "server": .text(server), "transport": .text(transport)],
                ["records"])
        }
        for transport in ["udp", "tcp"] {
            let pilot = try await ask("istio-pilot", "A", transport)
            XCTAssertEqual(pilot.texts("addresses"), ["10.150.0.6"])
            XCTAssertEqual(pilot.text("rcode"), "NOERROR")
            let two = try await ask("two.test", "A", transport)
            XCTAssertEqual(two.texts("addresses"), ["10.0.0.1", "10.0.0.2"])
            let six = try await ask("TWO.test.", "AAAA", transport)
            XCTAssertEqual(six.texts("addresses"), ["fd00::1"])
            let alias = try await ask("alias.test", "A", transport)
            XCTAssertEqual(alias.texts("addresses"), ["10.0.0.1", "10.0.0.2"])
            XCTAssertEqual(alias.texts("aliases"), ["two.test."])
            let service = try await ask("_x._tcp.test", "SRV", transport)
            XCTAssertEqual(service.texts("records"), ["1 2 8080 two.test."])
            let text = try await ask("txt.test", "TXT", transport)
            XCTAssertEqual(text.texts("records"), ["onetwo words"])
            let reverse = try await ask("10.150.0.6", "PTR", transport)
            XCTAssertEqual(reverse.texts("records"), ["pilot.test."])
            // A load balancer without an address.
            let empty = try await ask("istio-ca", "A", transport)
            XCTAssertEqual(empty["exists"], .bool(false))
            XCTAssertEqual(empty.text("rcode"), "NXDOMAIN")
        }
        let long = try await ask("long.test", "TXT")
        XCTAssertEqual(long["truncated"], .bool(true))
        XCTAssertEqual(long.texts("records").first?.utf8.count, 804)
        service.stop()
        let down = try await failure(
            "dns", ["name": .text("a.test"), "server": .text(server)], ["records"], within: .seconds(60))
        XCTAssertEqual(down?.reason, .unreachable)
    }

    /// Answers that break the format, over UDP: each fails with its reason and within its time.
    func testMalformedAnswers() async throws {
        let program = """
            s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))
            print(s.getsockname()[1], flush=True)
            while True:
                q, a = s.recvfrom(4096)
                i, body = q[:2], q[12:]
                name = body[1:1+body[0]].decode()
                head = i + b'\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0'
                record = b'\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\1\\0\\4\\x0a\\0\\0\\1'
                good = head + body + record
                out = good
                if name == 'id': out = bytes([i[0] ^ 1, i[1]]) + good[2:]
                if name == 'question': out = head + b'\\5other\\0\\0\\1\\0\\1' + record
                if name == 'loop': out = head + body + b'\\xc0' + bytes([12 + len(body)]) + record[2:]
                if name == 'forward': out = head + body + b'\\xc0\\xff' + record[2:]
                if name == 'cut': out = good[:-3]
                if name == 'short': out = good[:7]
                if name == 'empty': out = b''
                if name == 'query': out = i + b'\\1\\0' + good[4:]
                if name == 'length': out = good[:-6] + b'\\0\\3' + good[-4:-1]
                if name == 'label': out = head + body + b'\\x80\\x0c' + record[2:]
                if name == 'many': out = i + b'\\x81\\x80\\0\\1\\xff\\xff\\0\\0\\0\\0' + body + record
                if name == 'servfail': out = i + b'\\x81\\x82\\0\\1\\0\\0\\0\\0\\0\\0' + body
                if name == 'refused': out = i + b'\\x81\\x85\\0\\0\\0\\0\\0\\0\\0\\0'
                two = i + b'\\x81\\x80\\0\\1\\0\\2\\0\\0\\0\\0' + body
                target = b'\\6target\\4test\\0'
                link = b'\\0\\5\\0\\1\\0\\0\\0\\1\\0\\x0d' + target
                if name == 'stray': out = head + body + b'\\5other\\4test\\0' + record[2:]
                if name == 'alias': out = two + b'\\6TARGET\\4test\\0' + record[2:] + b'\\xc0\\x0c' + link
                if name == 'beside': out = two + record + b'\\5other\\4test\\0' + record[2:-1] + b'\\2'
                if name == 'circle': out = two + b'\\xc0\\x0c' + link + target + b'\\0\\5\\0\\1\\0\\0\\0\\1\\0\\2\\xc0\\x0c'
                if name == 'silent': continue
                if name == 'random':
                    import os
                    out = i + os.urandom(60)
                s.sendto(out, a)
            """
        let (service, port) = try pythonServer(program)
        func parameters(_ name: String) -> [String: Value] {
            ["name": .text(name + ".test"), "server": .text("127.0.0.1:\(port)")]
        }
        let good = try await observe("dns", parameters("good"), ["addresses"])
        XCTAssertEqual(good.texts("addresses"), ["10.0.0.1"])
        // Records count where their owner is the name that was asked for, or what that is an alias of.
        for (name, addresses) in [
            ("stray", []), ("alias", ["10.0.0.1"]), ("beside", ["10.0.0.1"]), ("circle", []),
        ] {
            let seen = try await observe("dns", parameters(name), ["addresses"])
            XCTAssertEqual(seen.texts("addresses"), addresses, name)
            XCTAssertEqual(seen.evidence.count, name == "stray" || name == "beside" ? 2 : 1, name)
        }
        for name in [
            "id", "question", "loop", "forward", "cut", "short", "empty", "query", "length", "label", "many",
        ] {
            let error = try await failure("dns", parameters(name), ["addresses"], within: .seconds(60))
            XCTAssertEqual(error?.reason, .malformed, "\(name): \(String(describing: error))")
        }
        for (name, code) in [("servfail", "SERVFAIL"), ("refused", "REFUSED")] {
            let seen = try await observe("dns", parameters(name), ["rcode"])
            XCTAssertEqual(seen.text("rcode"), code)
        }
        let silent = try await failure("dns", parameters("silent"), ["addresses"], within: .milliseconds(300))
        XCTAssertEqual(silent?.reason, .timedOut)
        for _ in 0..<100 {
            do { _ = try await observe("dns", parameters("random"), ["addresses"]) } catch is ProbeError {}
        }
        service.stop()
    }

    /// The same over TCP: lengths that lie, and an end too early.
    func testMalformedStreams() async throws {
        let program = """
            def handle(c):
                n = struct.unpack('>H', c.recv(2))[0]; q = c.recv(n)
                name = q[13:13+q[12]].decode()
                answer = q[:2] + b'\\x81\\x80\\0\\1\\0\\0\\0\\0\\0\\0' + q[12:]
                if name == 'early': c.close(); return
                if name == 'half': c.sendall(struct.pack('>H', len(answer) + 9) + answer); c.close(); return
                if name == 'drip':
                    for b in struct.pack('>H', len(answer)) + answer: c.sendall(bytes([b])); time.sleep(0.01)
                    return
                if name == 'silent': time.sleep(1000)
                c.sendall(struct.pack('>H', len(answer)) + answer)
            tcp(handle)
            """
        let (service, port) = try pythonServer(program)
        func parameters(_ name: String) -> [String: Value] {
            ["name": .text(name + ".test"), "server": .text("127.0.0.1:\(port)"), "transport": .text("tcp")]
        }
        for name in ["good", "drip"] {
            let seen = try await observe("dns", parameters(name), ["rcode"])
            XCTAssertEqual(seen.text("rcode"), "NOERROR")
        }
        for name in ["early", "half"] {
            let error = try await failure("dns", parameters(name), ["rcode"])
            XCTAssertEqual(error?.reason, .malformed, name)
        }
        let silent = try await failure("dns", parameters("silent"), ["rcode"], within: .milliseconds(300))
        XCTAssertEqual(silent?.reason, .timedOut)
        service.stop()
    }

    func testBadQuestions() async throws {
        let long = String(repeating: "a", count: 64)
        for name in ["a..b", long + ".test", (0..<60).map { _ in "abcd" }.joined(separator: "."), ""] {
            let error = try await failure(
                "dns", ["name": .text(name), "server": .text("127.0.0.1:9")], ["records"], within: .seconds(60))
            XCTAssertEqual(error?.reason, .invalid, name)
        }
        let type = try await failure("dns", ["name": .text("a"), "type": .text("ANY")], ["records"])
        XCTAssertEqual(type?.reason, .invalid)
    }

    func testTheSystemsWay() async throws {
        let seen = try await observe("dns", ["name": .text("localhost")], ["addresses"])
        XCTAssertEqual(seen.texts("addresses"), ["127.0.0.1"])
        XCTAssertEqual(seen.text("server"), "system")
    }

    func testResolverConfiguration() async throws {
        let folder = try TemporaryDirectory()
        try folder.file(
            "run/stub.conf",
            "# made by dhclient\nsearch old.test\nsearch a.test b.test\nnameserver 127.0.0.1\nnameserver\t10.0.0.2\r\n"
                + ";nameserver 9.9.9.9\noptions ndots:5 rotate\n")
        try folder.directory("etc")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/etc/resolv.conf", withDestinationPath: "../run/stub.conf")
        let host = Host(root: folder.path)
        let seen = try await observe("resolver", [:], ["first"], on: host)
        XCTAssertEqual(seen.texts("nameservers"), ["127.0.0.1", "10.0.0.2"])
        XCTAssertEqual(seen["local-first"], .bool(true))
        XCTAssertEqual(seen.texts("search"), ["a.test", "b.test"])
        XCTAssertEqual(seen.texts("options"), ["ndots:5", "rotate"])
        XCTAssertEqual(seen.text("target"), "../run/stub.conf")
        let none = try await observe("resolver", ["path": .text("/etc/none")], ["first"], on: host)
        XCTAssertEqual(none["exists"], .bool(false))
    }
}
