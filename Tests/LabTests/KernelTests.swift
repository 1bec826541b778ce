import Foundation
import TestSupport
import XCTest

/// The same on a machine with a kernel of its own, whose packet filter, clock and reboot are real.
final class KernelTests: XCTestCase {
    private let page = "su person -c 'curl --silent --fail --max-time 20 productpage.bookinfo.svc.cluster.local:9080'"
    private let rules = "iptables-save -t nat | grep -v '^#' | grep -v '^:' | sort"

    func testInstallRebootUpgradeAndRemovalOnItsOwnKernel() throws {
        guard ProcessInfo.processInfo.environment["SLOW_TESTS"] == "1" else {
            throw XCTSkip("takes minutes of emulation; set SLOW_TESTS=1 to run it")
        }
        try requireProgram("qemu-system-x86_64")
        let lab = try Lab(["--backend", "kvm"], name: "kernel")
        // An iptables-save that knows no rule still writes its empty table.
        let without = try lab.on(rules).check()
        XCTAssertFalse(without.contains("-A"), without)
        try lab.install()
        try lab.waitForGreen("vm1", within: .seconds(300))
        XCTAssertNotEqual(
            try lab.on("uname -r").check(), try TestSupport.run("uname", ["-r"]).output, "the host's own kernel")
        try lab.wait(for: 60, page)
        let healthy = try lab.on(rules).check()
        try lab.run("reboot", "vm1")
        try lab.waitForGreen("vm1", within: .seconds(300))
        XCTAssertEqual(try lab.on(rules).check(), healthy, "rules after the reboot")

        let newer = try RealPackages.build(
            into: repositoryRoot + "/.build/lab/newer", arguments: ["--fast", "--version", "99.0.0"])
        let names = ["istio-agent", "istio-proxy", "istio-auth-node-agent"]
        try lab.on("mkdir -p /root/new").check()
        try lab.copy(try names.map { try XCTUnwrap(newer[$0]) }, to: "/root/new")
        let apt = "DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet --no-install-recommends"
        try lab.on("\(apt) install /root/new/*.deb 2>&1").check()
        try lab.wait(for: 120, page)
        XCTAssertEqual(try lab.on(rules).check(), healthy, "rules after the upgrade")
        try lab.on("\(apt) purge \(names.joined(separator: " ")) 2>&1").check()
        XCTAssertEqual(try lab.on(rules).check(), without, "rules after the purge")
        XCTAssertEqual(try lab.on("pgrep -l 'envoy|pilot-agent|node_agent' || true").check(), "")
    }
}
