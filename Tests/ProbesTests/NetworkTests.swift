import Foundation
import Probes
import TestSupport
import XCTest

final class NetworkTests: XCTestCase {
    func testPorts() async throws {
        let program = """
            import os
            a = socket.socket(); a.bind(('127.0.0.1', 0)); a.listen()
            port = a.getsockname()[1]
            u = socket.socket(type=socket.SOCK_DGRAM); u.bind(('0.0.0.0', port))
            s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind(('::1', port)); s.listen()
            print(port, flush=True); print(os.readlink('/proc/self/exe'), flush=True)
            time.sleep(1000)
            """
        let (service, port) = try pythonServer(program)
        let executable = try service.line()
        let all: Set = ["listening", "addresses", "owner-executable", "owner-user", "owner-pid", "loopback-only"]
        let tcp = try await observe("port", ["port": .integer(Int64(port))], all)
        XCTAssertEqual(tcp["listening"], .bool(true))
        XCTAssertEqual(Set(tcp.texts("addresses")), ["127.0.0.1", "::1"])
        XCTAssertEqual(tcp["loopback-only"], .bool(true))
        XCTAssertEqual(tcp["owner-pid"], .integer(Int64(service.pid)))
        XCTAssertEqual(tcp.text("owner-executable"), executable)
        XCTAssertEqual(tcp.text("owner-user"), NSUserName())
        let udp = try await observe("port", ["port": .integer(Int64(port)), "protocol": .text("udp")], all)
        XCTAssertEqual(udp.texts("addresses"), ["0.0.0.0"])
        XCTAssertEqual(udp["loopback-only"], .bool(false))
        let other = try await observe(
            "port", ["port": .integer(Int64(port)), "address": .text("192.0.2.1")], all)
        XCTAssertEqual(other["listening"], .bool(false))
        service.stop()
        let none = try await observe("port", ["port": .integer(Int64(port))], all)
        XCTAssertEqual(none["listening"], .bool(false))
        for port in [Value.integer(0), .integer(65536), .text("x"), .null] {
            let error = try await failure("port", ["port": port], all)
            XCTAssertEqual(error?.reason, .invalid)
        }
    }

    func testConnections() async throws {
        let (service, port) = try pythonServer("tcp(lambda c: time.sleep(1000))")
        let open = try await observe("tcp", ["address": .text("127.0.0.1:\(port)")], ["connected"])
        XCTAssertEqual(open["connected"], .bool(true))
        XCTAssertEqual(open.text("peer"), "127.0.0.1:\(port)")
        let byName = try await observe("tcp", ["address": .text("localhost:\(port)")], ["connected"])
        XCTAssertEqual(byName["connected"], .bool(true))
        service.stop()
        let refused = try await observe("tcp", ["address": .text("127.0.0.1:\(port)")], ["connected"])
        XCTAssertEqual(refused["connected"], .bool(false))
        XCTAssertEqual(refused.text("error"), "Connection refused")
        for address in ["", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:x", "[::1", ":80", "::1:80", "[1.2.3.4]:80"] {
            let error = try await failure("tcp", ["address": .text(address)], ["connected"])
            XCTAssertEqual(error?.reason, .invalid, address)
        }
        let nameless = try await observe(
            "tcp", ["address": .text("no-such-host.invalid:80")], ["connected"], within: .seconds(60))
        XCTAssertEqual(nameless["connected"], .bool(false))
    }

    /// A full queue of connections answers nothing: the look ends at its deadline.
    func testConnectionThatHangs() async throws {
        let program = """
            s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(0)
            keep = []
            for _ in range(4):
                c = socket.socket(); c.setblocking(False)
                try: c.connect(s.getsockname())
                except BlockingIOError: pass
                keep.append(c)
            time.sleep(0.2)
            print(s.getsockname()[1], flush=True)
            time.sleep(1000)
            """
        let (service, port) = try pythonServer(program)
        let error = try await failure(
            "tcp", ["address": .text("127.0.0.1:\(port)")], ["connected"], within: .milliseconds(400))
        XCTAssertEqual(error?.reason, .timedOut)
        service.stop()
    }

    /// The kernel says whose a connection is: sockets made for another user are that user's.
    /// A request as another user would not be that user's for certain: it is refused, and curl does it.
    func testConnectionsAsAnotherUserAreRefused() async throws {
        try requireRoot()
        for (kind, parameter) in [("http", "url"), ("tcp", "address"), ("tls", "address")] {
            let address = kind == "http" ? "http://127.0.0.1:9/" : "127.0.0.1:9"
            let refused = try await failure(kind, [parameter: .text(address)], ["duration"], as: "nobody")
            XCTAssertEqual(refused?.reason, .invalid, kind)
        }
        let command = try await observe(
            "command", ["command": .list([.text("id"), .text("-un")])], ["stdout", "exit-status"], as: "nobody")
        XCTAssertEqual(command.text("stdout"), "nobody\n")
    }

    /// ip(8) is the oracle.
    func testAddresses() async throws {
        try requireProgram("ip")
        let seen = try await observe("addresses", ["towards": .text("127.0.0.1")], ["ipv4", "route-source"])
        XCTAssertEqual(seen.text("route-source"), "127.0.0.1")
        let listed = try TestSupport.run("ip", ["-4", "-o", "address", "show", "up"]).output.split(separator: "\n")
            .compactMap { line in
                let words = line.split(separator: " ")
                return words.firstIndex(of: "inet").map { String(words[$0 + 1].split(separator: "/")[0]) }
            }
        let reachable = listed.filter { !$0.hasPrefix("127.") && !$0.hasPrefix("169.254.") }
        XCTAssertEqual(Set(seen.texts("ipv4")), Set(reachable))
    }

    /// A socket of all IPv6 addresses takes IPv4 or not, as its option says; the oracle is a connection.
    func testVersion6Only() async throws {
        for only in [0, 1] {
            let (service, port) = try pythonServer(
                """
                s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, \(only))
                s.bind(('::', 0)); s.listen(8); print(s.getsockname()[1], flush=True)
                while True: s.accept()
                """)
            let taken = try await observe(
                "port", ["port": .integer(Int64(port)), "address": .text("127.0.0.1")], ["listening"])
            let connected = try await observe("tcp", ["address": .text("127.0.0.1:\(port)")], ["connected"])
            XCTAssertEqual(taken["listening"], connected["connected"], "IPV6_V6ONLY \(only)")
            XCTAssertEqual(taken["listening"], .bool(only == 0))
            let own = try await observe(
                "port", ["port": .integer(Int64(port)), "address": .text("::1")], ["listening"])
            XCTAssertEqual(own["listening"], .bool(true))
            service.stop()
        }
    }
}
