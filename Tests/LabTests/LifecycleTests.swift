import Foundation
import TestSupport
import XCTest

/// A machine's life with the packages: newer and older versions, removal, and coming back.
final class LifecycleTests: XCTestCase {
    private let names = ["istio-agent", "istio-proxy", "istio-auth-node-agent"]
    private let rules = "iptables-save -t nat | grep -v '^#' | grep -v '^:' | sort"
    private let page = "su person -c 'curl --silent --fail --max-time 10 productpage.bookinfo.svc.cluster.local:9080'"
    /// Everything on the machine that outlives a package: path, type, mode, owner, and the target of links.
    private let inventory = """
        find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /root -o -path /var/tmp \
        -o -path /var/cache -o -path /var/log -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd \\) \
        -prune -o -printf '%p %y %m %u:%g %l\\n' | sort
        """

    func testUpgradeDowngradeRemovalAndReturn() throws {
        let lab = try Lab(name: "life")
        let newer = try RealPackages.build(
            into: repositoryRoot + "/.build/lab/newer", arguments: ["--fast", "--version", "99.0.0"])
        try lab.on("mkdir -p /root/old /root/new").check()
        try lab.copy(try names.map { try XCTUnwrap(Lab.packages.get()[$0]) }, to: "/root/old")
        try lab.copy(try names.map { try XCTUnwrap(newer[$0]) }, to: "/root/new")
        let before = Set(try lab.on(inventory).check().components(separatedBy: "\n"))
        let without = try lab.on(rules).check()

        try lab.install()
        try lab.waitForGreen("vm1")
        let healthy = try lab.on(rules).check()
        XCTAssertTrue(healthy.contains("ISTIO_REDIRECT"), healthy)

        // The administrator's own line, and a service that is stopped on purpose.
        let settings = "/var/lib/istio/envoy/sidecar.env"
        try lab.on("echo '# kept by the administrator' >>\(settings); systemctl stop istio-auth-node-agent").check()
        let agent = try lab.on("systemctl show --property MainPID --value istio").check()
        try apt(lab, "install", "/root/new/*.deb")
        XCTAssertEqual(
            try lab.on("dpkg-query -W -f '${Version} ' \(names.joined(separator: " "))").check(),
            String(repeating: "99.0.0 ", count: 3))
        XCTAssertTrue(try lab.on("tail -n 1 \(settings)").check().contains("kept by the administrator"))
        try lab.wait(for: 60, page)
        XCTAssertEqual(try lab.on(rules).check(), healthy, "rules after the upgrade")
        XCTAssertNotEqual(try lab.on("systemctl show --property MainPID --value istio").check(), agent)
        XCTAssertEqual(
            try lab.on("systemctl is-active istio istio-auth-node-agent || true").check(), "active\ninactive\n")

        try apt(lab, "install --allow-downgrades", "/root/old/*.deb")
        try lab.wait(for: 60, page)
        XCTAssertTrue(try lab.on("tail -n 1 \(settings)").check().contains("kept by the administrator"))
        XCTAssertEqual(try lab.on(rules).check(), healthy, "rules after the downgrade")

        try apt(lab, "install --reinstall", "/root/old/*.deb")
        try lab.on("systemctl start istio-auth-node-agent").check()
        try lab.wait(for: 60, page)
        XCTAssertEqual(try lab.on(rules).check(), healthy, "rules after the reinstallation")
        try lab.waitForGreen("vm1")

        try apt(lab, "remove", names.joined(separator: " "))
        XCTAssertEqual(try lab.on(rules).check(), without, "rules after the removal")
        XCTAssertEqual(try lab.on("pgrep -l 'envoy|pilot-agent|node_agent' || true").check(), "")
        // Traffic flows as before: to the control plane directly, as the user whose traffic went through Envoy.
        try lab.on("su person -c 'curl --silent --fail --output /dev/null http://istio-pilot:8080/v1/registration'")
            .check()
        XCTAssertTrue(try lab.on("tail -n 1 \(settings)").check().contains("kept by the administrator"))

        try apt(lab, "purge", names.joined(separator: " ") + " meshcheck")
        let after = Set(try lab.on(inventory).check().components(separatedBy: "\n"))
        let left = after.subtracting(before).map { $0.components(separatedBy: " ")[0] }
        // What the guide's steps and the packages' users have made; Policy 10.7 leaves what the administrator wrote.
        let expected: Set<String> = [
            "/etc/certs", "/etc/certs/cert-chain.pem", "/etc/certs/key.pem", "/etc/certs/root-cert.pem",
            "/etc/dnsmasq.d/kubedns", "/var/lib/istio", "/var/lib/istio/envoy", "/var/lib/istio/envoy/cluster.env",
            // The lab's source of packages.
            "/etc/apt/sources.list.d/packages.list", "/etc/apt/apt.conf.d/90yes",
        ]
        XCTAssertEqual(
            Set(left).subtracting(expected).filter { !$0.hasPrefix("/srv/packages") }, [], "left after purge")
        XCTAssertEqual(before.subtracting(after).map { $0 }, [], "gone with the packages")

        try lab.install()
        try lab.waitForGreen("vm1")
    }

    private func apt(_ lab: Lab, _ action: String, _ packages: String) throws {
        try lab.on(
            "DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet --no-install-recommends \(action) \(packages) 2>&1"
        )
        .check()
    }
}
