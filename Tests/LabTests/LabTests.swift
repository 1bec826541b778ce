import Foundation
import TestSupport
import XCTest

/// The whole system on booted machines.
final class LabTests: XCTestCase {
    private let page = "su person -c 'curl --silent --fail --max-time 10 productpage.bookinfo.svc.cluster.local:9080'"

    /// The guide's order on a bare machine; every scenario passes; a reboot brings all of it back.
    func testInstallCheckAndReboot() throws {
        let lab = try Lab()
        try lab.install()
        try lab.wait(for: 60, page)
        XCTAssertTrue(try lab.on(page).output.contains("Simple Bookstore App"))
        let counter = "curl --silent 127.0.0.1:15000/stats | grep -q 'listener.0.0.0.0_9080.downstream_cx_total: [1-9]'"
        XCTAssertEqual(try lab.on(counter).status, 0, "the request did not go through Envoy")
        XCTAssertEqual(try lab.on("systemctl is-system-running").output, "running\n")
        try lab.wait(for: 30, "journalctl -u istio-auth-node-agent | grep -q 'CSR is approved successfully'")
        let report = try lab.run("check", "vm1")
        XCTAssertTrue(report.contains("PASSED"), report)
        for unit in ["istio.service", "istio-auth-node-agent.service"] {
            let exposure = try lab.on("systemd-analyze security --no-pager \(unit) | tail -n 1").output
            let value = exposure.components(separatedBy: ": ").last?.components(separatedBy: " ").first.flatMap(
                Double.init)
            XCTAssertLessThan(try XCTUnwrap(value, exposure), 4, unit)
        }
        let units = "/lib/systemd/system/istio.service /lib/systemd/system/istio-auth-node-agent.service"
        XCTAssertEqual(try lab.on("systemd-analyze verify --man=no \(units) 2>&1").check(), "")
        XCTAssertEqual(try lab.on("dpkg --verify istio-proxy istio-agent istio-auth-node-agent").output, "")
        try assertAsBuilt(lab)
        try lab.run("reboot", "vm1")
        try lab.wait(for: 60, page)
        try assertAsBuilt(lab)
    }

    /// The packages bring their checks, and the machine is as these say, its units and ports included.
    private func assertAsBuilt(_ lab: Lab, file: StaticString = #filePath, line: UInt = #line) throws {
        let result = try lab.on("meshcheck run --tag installed-packages --format tap")
        XCTAssertEqual(result.status, 0, result.output + result.errors, file: file, line: line)
        for id in [
            "istio-agent.contents", "istio-proxy.running[istio.service]", "istio-proxy.ports.istio.service",
            "istio-auth-node-agent.enabled[istio-auth-node-agent.service]", "meshcheck.files",
        ] {
            XCTAssertTrue(result.output.contains(" - package.\(id): "), result.output, file: file, line: line)
        }
    }

    /// Without configuration services wait and the network is as it was; removal takes rules and processes along.
    func testInstallWithoutConfigurationAndRemoval() throws {
        let lab = try Lab()
        let rules = "iptables-save -t nat | grep -v '^#' | sort"
        let before = try lab.on(rules).output
        let folder = try XCTUnwrap(Lab.packages.get()["istio-proxy"].map { ($0 as NSString).deletingLastPathComponent })
        let names = try ["istio-agent", "istio-proxy", "istio-auth-node-agent"].map { name in
            try XCTUnwrap(Lab.packages.get()[name].map { ($0 as NSString).lastPathComponent })
        }
        try lab.copy(names.map { folder + "/" + $0 }, to: "/root")
        let installed = try lab.on(
            "cd /root && apt-get install --yes --quiet " + names.map { "./" + $0 }.joined(separator: " ") + " 2>&1")
        XCTAssertEqual(installed.status, 0, installed.output)
        XCTAssertTrue(installed.output.contains("waits for"), installed.output)
        XCTAssertEqual(try lab.on("systemctl is-system-running").output, "running\n")
        XCTAssertEqual(try lab.on("systemctl is-active istio istio-auth-node-agent").output, "inactive\ninactive\n")
        XCTAssertEqual(try lab.on(rules).output, before)
        try lab.install()
        try lab.wait(for: 60, page)
        let removed = try lab.on("apt-get purge --yes --quiet istio-proxy istio-agent istio-auth-node-agent 2>&1")
        XCTAssertEqual(removed.status, 0, removed.output)
        XCTAssertEqual(try lab.on("pgrep -l 'envoy|pilot-agent|node_agent'").output, "")
        XCTAssertFalse(try lab.on(rules).output.contains("ISTIO"))
        XCTAssertEqual(try lab.on("ls /etc/certs").output, "cert-chain.pem\nkey.pem\nroot-cert.pem\n")
    }
}
