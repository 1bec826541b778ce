import Foundation
import TestSupport
import XCTest

/// The units as systemd reads them.
final class UnitTests: XCTestCase {
    private static let units = [
        ("istio-proxy", "istio.service"), ("istio-auth-node-agent", "istio-auth-node-agent.service"),
    ]

    /// A root file system with the units, what they order themselves after, and programs where they start some.
    private func root() throws -> TemporaryDirectory {
        try requireProgram("systemd-analyze")
        let root = try TemporaryDirectory()
        for (package, unit) in Self.units {
            try root.file("usr/lib/systemd/system/" + unit, try Packaging.text(package, unit))
        }
        for target in ["sysinit", "basic", "shutdown", "network-online", "nss-lookup", "multi-user"] {
            try root.file("usr/lib/systemd/system/\(target).target", "[Unit]\nDescription=\(target)\n")
        }
        try FileManager.default.createSymbolicLink(atPath: root.path + "/lib", withDestinationPath: "usr/lib")
        for program in ["bin/istio-start.sh", "bin/istio-iptables.sh", "istio/bin/node_agent"] {
            try root.file("usr/local/" + program, "#!/bin/sh\n", mode: 0o755)
        }
        return root
    }

    func testVerify() throws {
        let root = try root()
        let result = try TestSupport.run(
            "systemd-analyze",
            ["verify", "--root=\(root.path)", "--man=no", "--recursive-errors=yes"] + Self.units.map(\.1))
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertEqual(result.errors, "")
        // The stand-ins count: without one, systemd says so.
        try FileManager.default.removeItem(atPath: root.path + "/usr/local/bin/istio-start.sh")
        let missing = try TestSupport.run(
            "systemd-analyze", ["verify", "--root=\(root.path)", "--man=no", "istio.service"])
        XCTAssertTrue(missing.errors.contains("istio-start.sh is not executable"), missing.errors)
    }

    func testExposure() throws {
        let root = try root()
        for (_, unit) in Self.units {
            let result = try TestSupport.run(
                "systemd-analyze", ["security", "--offline=yes", "--threshold=39", "--root=\(root.path)", unit])
            XCTAssertEqual(
                result.status, 0, result.output.split(separator: "\n").last.map(String.init) ?? result.errors)
        }
    }

    func testContract() throws {
        let sidecar = try Packaging.text("istio-proxy", "istio.service")
        let agent = try Packaging.text("istio-auth-node-agent", "istio-auth-node-agent.service")
        for (unit, lines) in [
            (
                sidecar,
                [
                    "ConditionPathExists=/var/lib/istio/envoy/cluster.env",
                    "ExecStartPre=+/usr/local/bin/istio-start.sh init", "ExecStart=/usr/local/bin/istio-start.sh",
                    "ExecStopPost=+/usr/local/bin/istio-iptables.sh clean",
                ]
            ),
            (
                agent,
                [
                    "ConditionPathExists=/etc/certs/key.pem", "ConditionPathExists=/etc/certs/cert-chain.pem",
                    "ConditionPathExists=/etc/certs/root-cert.pem",
                    "ExecStart=/usr/local/istio/bin/node_agent --logtostderr", "ReadWritePaths=/etc/certs",
                ]
            ),
        ] {
            let common = [
                "User=istio-proxy", "Restart=always", "RestartSec=10", "WantedBy=multi-user.target",
                "Wants=network-online.target", "NoNewPrivileges=yes", "ProtectSystem=strict",
            ]
            for line in lines + common { XCTAssertTrue(unit.contains("\n\(line)\n"), line) }
            XCTAssertTrue(unit.contains("LimitNOFILE="))
            // In [Service] it would be ignored.
            let head = unit.prefix(upTo: try XCTUnwrap(unit.range(of: "[Service]")).lowerBound)
            XCTAssertTrue(head.contains("\nStartLimitIntervalSec=0\n"))
        }
        // Without it ip(8) ends in the sandbox, and the start script finds no address.
        XCTAssertTrue(sidecar.contains("\nSystemCallFilter=capset\n"))
        XCTAssertTrue(sidecar.contains("dnsmasq.service istio-auth-node-agent.service\n"))
    }
}
