import Foundation
import Probes
import TestSupport
import XCTest

/// The real Envoy.
final class EnvoyTests: XCTestCase {
    func testAdminInterface() async throws {
        let program = try Envoy.path()
        let ports = try Envoy.freePorts(2)
        let folder = try TemporaryDirectory()
        let configuration = try folder.file(
            "envoy.json",
            """
            {"node": {"id": "sidecar~10.0.0.1~a.b~b.svc.cluster.local", "cluster": "istio-proxy"},
             "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": \(ports[0])}}},
             "static_resources": {
               "listeners": [{"name": "virtual",
                 "address": {"socket_address": {"address": "127.0.0.1", "port_value": \(ports[1])}},
                 "filter_chains": [{"filters": [{"name": "tcp", "typed_config": {
                   "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                   "stat_prefix": "tcp", "cluster": "out.one"}}]}]}],
               "clusters": [{"name": "out.one", "type": "STATIC", "load_assignment": {"cluster_name": "out.one",
                 "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {
                   "address": "10.60.1.4", "port_value": 8080}}}}]}]}}]}}
            """)
        let base = Int.random(in: 1000...30000)
        let service = try Service(
            program, ["-c", configuration, "--base-id", String(base), "--restart-epoch", "0", "--log-level", "off"])
        let admin: [String: Value] = [
            "admin": .text("127.0.0.1:\(ports[0])"), "stats": .list([.text("server.live"), .text("no.such.gauge")]),
        ]
        let down = try await observe("envoy", ["admin": .text("127.0.0.1:\(ports[0])")], ["live"])
        XCTAssertNotNil(down["live"])
        try await poll("Envoy") { try await observe("envoy", admin, ["live"])["live"] == .bool(true) }
        let seen = try await observe(
            "envoy", admin, ["listeners", "clusters", "endpoints", "stats", "updates", "epoch", "version"])
        XCTAssertEqual(seen.text("state"), "LIVE")
        XCTAssertEqual(seen["epoch"], .integer(0))
        XCTAssertEqual(seen.texts("listeners"), ["virtual"])
        XCTAssertEqual(seen.texts("clusters"), ["out.one"])
        XCTAssertEqual(seen.entry("endpoints", "out.one"), .list([.text("10.60.1.4:8080")]))
        XCTAssertEqual(seen.entry("listener-addresses", "virtual"), .text("127.0.0.1:\(ports[1])"))
        XCTAssertEqual(seen["stats"], .map(["server.live": .integer(1)]))
        XCTAssertEqual(seen.text("node"), "sidecar~10.0.0.1~a.b~b.svc.cluster.local")
        XCTAssertEqual(seen.text("cluster"), "istio-proxy")
        XCTAssertTrue(try XCTUnwrap(seen.text("version")).contains("."))
        let process = try await observe(
            "process",
            ["executable": .text(program), "arguments-contain": .list([.text("--restart-epoch"), .text("0")])],
            ["exists"])
        XCTAssertTrue("\(process["pids"] ?? .null)".contains("(\(service.pid))"))
        service.stop()
    }
}
