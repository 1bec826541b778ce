import Foundation
import Probes
import TestSupport
import XCTest

/// Unix sockets; ss(8) is the oracle.
final class SocketTests: XCTestCase {
    private let all: Set = [
        "exists", "listening", "type", "connections", "owner-executable", "owner-user", "owner-pid",
    ]

    private static let server = """
        kinds = {'stream': socket.SOCK_STREAM, 'datagram': socket.SOCK_DGRAM, 'seqpacket': socket.SOCK_SEQPACKET}
        s = socket.socket(socket.AF_UNIX, kinds[sys.argv[2]])
        s.bind(sys.argv[1].replace('@', chr(0)))
        if sys.argv[2] != 'datagram': s.listen(3)
        print(1, flush=True)
        clients = []
        while True:
            if sys.argv[2] == 'datagram': time.sleep(1000)
            clients.append(s.accept())
        """

    func testSockets() async throws {
        let folder = try TemporaryDirectory()
        let real = try folder.directory("real")
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/through", withDestinationPath: real)
        let user = try XCTUnwrap(
            try TestSupport.run("id", ["-un"]).output.split(separator: "\n").first.map(String.init))
        for (path, kind) in [
            (real + "/stream", "stream"), (real + "/data gram", "datagram"), (real + "/packets", "seqpacket"),
            ("@meshcheck-\(getpid())", "stream"),
        ] {
            let (service, _) = try pythonServer(Self.server, arguments: [path, kind])
            let seen = try await observe("socket", ["path": .text(path)], all)
            XCTAssertEqual(seen["exists"], .bool(true), path)
            XCTAssertEqual(seen["listening"], .bool(true), path)
            XCTAssertEqual(seen.text("type"), kind)
            XCTAssertEqual(seen.integer("owner-pid"), Int64(service.pid))
            XCTAssertEqual(seen.text("owner-user"), user)
            XCTAssertEqual(seen.text("owner-executable")?.contains("python"), true, "\(seen)")
            XCTAssertEqual(seen.integer("connections"), 0)
            if programPath("ss") != nil {
                let lines = try TestSupport.run("ss", ["-xlHp"]).check().split(separator: "\n")
                XCTAssertTrue(lines.contains { $0.contains(path) && $0.contains("pid=\(service.pid),") }, path)
            }
            if !path.hasPrefix("@") {
                let name = (path as NSString).lastPathComponent
                let through = try await observe("socket", ["path": .text("\(folder.path)/through/\(name)")], all)
                XCTAssertEqual(through.integer("owner-pid"), Int64(service.pid))
            }
            if kind == "stream", !path.hasPrefix("@") {
                let client = try Service(
                    try XCTUnwrap(programPath("python3")),
                    [
                        "-u", "-c",
                        "import socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\nprint(1)\n"
                            + "time.sleep(1000)", path,
                    ])
                _ = try client.line()
                let seen = try await observe("socket", ["path": .text(path)], all)
                XCTAssertEqual(seen.integer("connections"), 1, "\(seen)")
                XCTAssertEqual(seen["listening"], .bool(true))
                client.stop()
            }
            service.stop()
            let left = try await observe("socket", ["path": .text(path)], all)
            XCTAssertEqual(left["listening"], .bool(false))
            XCTAssertEqual(left["exists"], .bool(!path.hasPrefix("@")), "the file stays")
        }
        let file = try await observe("socket", ["path": .text("/etc/passwd")], all)
        XCTAssertEqual(file["exists"], .bool(false))
        for path in ["", "relative", "@"] {
            let error = try await failure("socket", ["path": .text(path)], all)
            XCTAssertEqual(error?.reason, .invalid, path)
        }
    }
}
