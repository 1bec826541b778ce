import Foundation
import TestSupport
import XCTest

/// Connections that really arrive where the rules say.
final class RedirectedTrafficTests: XCTestCase {
    private static let user: UInt32 = 4242

    func testConnectionsAreRedirected() throws {
        try onEachBackend { machine in
            let cluster = try Machine(backend: machine.backend)
            try machine.connect(to: cluster)
            try machine.cluster("ISTIO_SERVICE_CIDR=10.63.240.0/20\n")
            try machine.sidecar("ISTIO_INBOUND_PORTS=8080\n")
            let service = try Listener(on: cluster, port: 80, answering: "cluster")
            let envoy = try Listener(on: machine, port: 15001, answering: "envoy")
            let local = try Listener(on: machine, port: 8080, answering: "service")
            let shell = try Listener(on: machine, port: 22, answering: "shell")
            defer { withExtendedLifetime([service, envoy, local, shell]) {} }

            XCTAssertEqual(try machine.ask("10.63.240.9", 80, as: Self.user), "cluster")
            XCTAssertEqual(try machine.iptables().status, 0)
            // Outbound: in the range; not for root nor Envoy itself; outside of the range.
            XCTAssertEqual(try machine.ask("10.63.240.9", 80, as: Self.user), "envoy")
            XCTAssertEqual(try machine.ask("10.63.255.254", 80, as: Self.user), "envoy")
            XCTAssertEqual(try machine.ask("10.63.240.9", 80, as: 0), "cluster")
            XCTAssertEqual(try machine.ask("10.63.240.9", 80, as: Machine.proxyUser), "cluster")
            XCTAssertEqual(try machine.ask("10.63.0.9", 80, as: Self.user), "cluster")
            XCTAssertEqual(try machine.ask("10.150.0.1", 80, as: Self.user), "cluster")
            // The machine's own services: by 127.0.0.1 straight, by its address through Envoy, even for root.
            XCTAssertEqual(try machine.ask("127.0.0.1", 8080, as: Self.user), "service")
            XCTAssertEqual(try machine.ask("10.150.0.5", 8080, as: Self.user), "envoy")
            XCTAssertEqual(try machine.ask("10.150.0.5", 8080, as: 0), "envoy")
            // Inbound: the declared port, and never ssh.
            XCTAssertEqual(try cluster.ask("10.150.0.5", 8080, as: 0), "envoy")
            XCTAssertEqual(try cluster.ask("10.150.0.5", 22, as: 0), "shell")

            XCTAssertEqual(try machine.iptables("clean").status, 0)
            XCTAssertEqual(try machine.ask("10.63.240.9", 80, as: Self.user), "cluster")
            XCTAssertEqual(try cluster.ask("10.150.0.5", 8080, as: 0), "service")
        }
    }

    /// The fallback with the real Envoy: what it catches goes on to where it was going, and its administration port is
    /// not among that.
    func testEnvoyAlonePassesConnectionsOn() throws {
        let machine = try Machine()
        let envoy = try Envoy.path()
        let cluster = try Machine()
        try machine.connect(to: cluster)
        try machine.sidecar("ISTIO_INBOUND_PORTS=*\n")
        try FileManager.default.createSymbolicLink(
            atPath: machine.binaries + "/envoy", withDestinationPath: envoy)
        try machine.folder.file("data/envoy/envoy.json", try Packaging.text("istio-proxy", "envoy.json"))
        let service = try Listener(on: cluster, port: 80, answering: "cluster")
        let local = try Listener(on: machine, port: 8080, answering: "service")
        defer { withExtendedLifetime([service, local]) {} }

        let process = Process()
        process.executableURL = URL(fileURLWithPath: programPath("ip") ?? "/sbin/ip")
        process.arguments = machine.entering(machine.binaries + "/istio-start.sh", [])
        process.environment = ProcessInfo.processInfo.environment.merging(machine.environment) { $1 }
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        let ready = "until exec 3<>/dev/tcp/127.0.0.1/15000; do sleep 0.2; done 2>/dev/null"
        XCTAssertEqual(try machine.run("timeout", ["60", "bash", "-c", ready]).status, 0)

        XCTAssertEqual(try machine.ask("10.63.240.9", 80, as: Self.user), "cluster")
        XCTAssertEqual(try cluster.ask("10.150.0.5", 8080, as: 0), "service")
        XCTAssertEqual(try machine.ask("10.150.0.5", 8080, as: Self.user), "service")
        XCTAssertEqual(try cluster.ask("10.150.0.5", 15000, as: 0), "")
        XCTAssertEqual(try cluster.ask("10.150.0.5", 15001, as: 0), "")
        // They went through Envoy, and none of them in a circle.
        let request = "GET /stats?filter=^tcp HTTP/1.1\r\nHost: envoy\r\nConnection: close\r\n\r\n"
        let query = "exec 3<>/dev/tcp/127.0.0.1/15000; cat >&3; cat <&3"
        let statistics = try machine.run("timeout", ["20", "bash", "-c", query], input: request).output
        func value(_ name: String) -> Int? {
            statistics.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ": ") }
                .flatMap { Int($0.dropFirst(name.count + 2)) }
        }
        XCTAssertEqual(value("tcp.inbound.downstream_cx_total"), 2)
        XCTAssertEqual(value("tcp.passthrough.downstream_cx_total"), 2)
        XCTAssertGreaterThanOrEqual(value("tcp.blackhole.downstream_cx_total") ?? 0, 2)
        XCTAssertLessThan(value("tcp.blackhole.downstream_cx_total") ?? .max, 10)

        // The process that was started is Envoy now, and not root's.
        let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        XCTAssertTrue(status.hasPrefix("Name:\tenvoy\n"), status)
        XCTAssertTrue(status.contains("\nUid:\t999\t999\t999\t999\n"), status)
        process.terminate()
        process.waitUntilExit()
        let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        XCTAssertTrue(said.contains("starting Envoy alone") && said.contains("for debugging only"), said)
    }
}
