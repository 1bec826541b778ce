import Foundation
import MeshContract
import Probes
import TestSupport
import XCTest

/// The real packet filter in a network namespace: programs of the names that the probe asks stand first on PATH and
/// enter the namespace.
final class PacketFilterTests: XCTestCase {
    private var space = ""
    private var folder: TemporaryDirectory?
    private var path = ""

    override func setUp() async throws {
        try requireRoot()
        for program in ["ip", "iptables-nft-save", "iptables-restore"] { try requireProgram(program) }
        space = "test-" + UUID().uuidString.prefix(8).lowercased()
        let made = try TestSupport.run("ip", ["netns", "add", space])
        if made.status != 0 { throw XCTSkip("no network namespaces here: \(made.errors)") }
        let folder = try TemporaryDirectory()
        for program in ["iptables-save", "iptables-nft-save"] {
            let real = try XCTUnwrap(programPath(program))
            try folder.file("bin/\(program)", "#!/bin/sh\nexec ip netns exec \(space) \(real) \"$@\"\n", mode: 0o755)
        }
        self.folder = folder
        path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        setenv("PATH", "\(folder.path)/bin:\(path)", 1)
        try restore([])
    }

    override func tearDown() async throws {
        if !path.isEmpty { setenv("PATH", path, 1) }
        if !space.isEmpty { _ = try TestSupport.run("ip", ["netns", "delete", space]) }
    }

    /// Puts rules into the namespace's table in place of all others.
    private func restore(_ rules: [String], chains: [String] = []) throws {
        let input = ["*nat"] + chains.map { ":\($0) - [0:0]" } + rules + ["COMMIT", ""]
        let real = try XCTUnwrap(programPath("iptables-restore"))
        let result = try TestSupport.run(
            "ip", ["netns", "exec", space, real], input: Array(input.joined(separator: "\n").utf8))
        if result.status != 0 { throw XCTSkip("no nat table here: \(result.errors)") }
    }

    private func look(_ cluster: String = "", _ sidecar: String = "") async throws -> Observation {
        let folder = try XCTUnwrap(folder)
        return try await observe(
            "packet-filter",
            [
                "table": .text("nat"), "uids": .list([.integer(999), .integer(0)]),
                "cluster-file": .text(try folder.file("cluster.env", cluster)),
                "sidecar-file": .text(try folder.file("sidecar.env", sidecar)),
            ], ["matches-settings", "differences", "orphaned", "jumps", "rules", "expected-rules"])
    }

    private let cluster = "ISTIO_SERVICE_CIDR=10.63.240.0/20\n"
    private let sidecar = "ISTIO_INBOUND_PORTS=27017,3306\n"

    private func expected() -> [String] {
        InterceptionRules.expected(
            MeshSettings(cluster: EnvironmentFile(cluster), sidecar: EnvironmentFile(sidecar)), uids: [999, 0]
        ).rules
    }

    func testExactRules() async throws {
        try restore(expected(), chains: InterceptionRules.chains)
        let seen = try await look(cluster, sidecar)
        XCTAssertEqual(seen["matches-settings"], .bool(true), "\(seen.texts("differences"))")
        XCTAssertEqual(seen.texts("backends"), ["nft"])
        XCTAssertEqual(seen["jumps"], .map(["PREROUTING": .integer(1), "OUTPUT": .integer(1)]))
        XCTAssertEqual(seen["ssh-first"], .bool(true))
        XCTAssertEqual(seen["position-ok"], .bool(true))
        XCTAssertEqual(Set(seen.texts("rules")), Set(expected()))
        let other = try await look(cluster, "")
        XCTAssertEqual(other["matches-settings"], .bool(false))
        XCTAssertTrue(
            other.texts("differences").contains { $0.hasPrefix("not expected: -A ISTIO_INBOUND") }, "\(other)")
    }

    func testEachDifferenceIsSeen() async throws {
        let good = expected()
        for index in good.indices {
            var rules = good
            rules.remove(at: index)
            try restore(rules, chains: InterceptionRules.chains)
            let seen = try await look(cluster, sidecar)
            XCTAssertEqual(seen["matches-settings"], .bool(false), good[index])
            XCTAssertTrue(seen.texts("differences").contains { $0.contains("missing: \(good[index])") }, "\(seen)")
            rules = good
            rules.insert(good[index], at: index)
            try restore(rules, chains: InterceptionRules.chains)
            let doubled = try await look(cluster, sidecar)
            XCTAssertEqual(doubled["matches-settings"], .bool(false), "twice \(good[index])")
        }
        var swapped = good
        let first = try XCTUnwrap(good.firstIndex { $0.contains("--uid-owner 999") })
        swapped.swapAt(first, first + 1)
        try restore(swapped, chains: InterceptionRules.chains)
        let order = try await look(cluster, sidecar)
        XCTAssertEqual(order.texts("differences"), ["ISTIO_OUTPUT: the rules are in another order"])
    }

    func testPositionsAndLeftovers() async throws {
        let docker = "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER"
        try restore(
            [docker] + expected(), chains: InterceptionRules.chains + ["DOCKER"])
        let behind = try await look(cluster, sidecar)
        XCTAssertEqual(behind["position-ok"], .bool(false))
        XCTAssertEqual(behind["matches-settings"], .bool(true))
        try restore(expected() + [docker], chains: InterceptionRules.chains + ["DOCKER"])
        let before = try await look(cluster, sidecar)
        XCTAssertEqual(before["position-ok"], .bool(true))
        var late = expected()
        let ssh = late.remove(at: try XCTUnwrap(late.firstIndex { $0.contains("--dport 22 ") }))
        late.insert(ssh, at: try XCTUnwrap(late.firstIndex { $0.contains("--dport 3306 ") }))
        try restore(late, chains: InterceptionRules.chains)
        let locked = try await look(cluster, sidecar)
        XCTAssertEqual(locked["ssh-first"], .bool(false))
        // Chains without rules are left over.
        try restore([], chains: InterceptionRules.chains)
        let stray = try await look()
        XCTAssertEqual(stray["mesh-rules"], .integer(0))
        XCTAssertTrue(stray.texts("chains").contains("ISTIO_INBOUND"))
    }

    func testOrphans() async throws {
        let (service, port) = try pythonServer("tcp(lambda c: None)")
        let settings = "ENVOY_PORT=\(port)\n"
        let rules = InterceptionRules.expected(
            MeshSettings(cluster: nil, sidecar: EnvironmentFile(settings)), uids: [999, 0]
        ).rules
        try restore(rules, chains: ["ISTIO_REDIRECT", "ISTIO_OUTPUT"])
        let open = try await look("", settings)
        XCTAssertEqual(open["matches-settings"], .bool(true), "\(open)")
        XCTAssertEqual(open["orphaned"], .bool(false))
        service.stop()
        let closed = try await look("", settings)
        XCTAssertEqual(closed["orphaned"], .bool(true))
        try restore([])
        let none = try await look("", settings)
        XCTAssertEqual(none["orphaned"], .bool(false))
        XCTAssertEqual(none["matches-settings"], .bool(false))
    }

    /// Settings that the scripts refuse say nothing about rules.
    func testRefusedSettings() async throws {
        do {
            _ = try await look("ENVOY_PORT=x\n")
            XCTFail("expected an error")
        } catch let error as ProbeError {
            XCTAssertEqual(error.reason, .invalid)
        }
    }

    /// A program that hangs holds nobody up longer than the check's own limit.
    func testHungProgram() async throws {
        let folder = try XCTUnwrap(folder)
        for program in ["iptables-save", "iptables-nft-save"] {
            try folder.file("bin/\(program)", "#!/bin/sh\nexec sleep 1000\n", mode: 0o755)
        }
        let error = try await failure("packet-filter", ["table": .text("nat")], ["rules"], within: .milliseconds(500))
        XCTAssertEqual(error?.reason, .timedOut)
    }

    /// Files of another machine say nothing of its rules.
    func testRecordedMachine() async throws {
        let error = try await failure("packet-filter", ["table": .text("nat")], ["rules"], on: Host(root: "/recorded"))
        XCTAssertEqual(error?.reason, .unavailable)
    }
}
