import Foundation
import TestSupport
import XCTest

/// `meshex machine-setup` against a real sshd whose system is a copy-on-write view of this one.
final class HostSetupTests: XCTestCase {
    func testInstallsAndChangesNothingTheSecondTime() throws {
        let fixture = try SetupFixture()
        let first = try fixture.setUp()
        XCTAssertEqual(first.status, 0, first.errors)
        XCTAssertEqual(try fixture.contents("/etc/dnsmasq.d/kubedns"), SetupFixture.kubedns)
        XCTAssertEqual(
            try fixture.contents("/var/lib/istio/envoy/cluster.env"), "ISTIO_SERVICE_CIDR=10.63.240.0/20\n")
        let listed = try fixture.machine(
            "stat -c '%n %a %U:%G' /etc/certs /etc/certs/* /var/lib/istio/envoy/cluster.env")
        XCTAssertEqual(
            listed.output,
            """
            /etc/certs 750 istio-proxy:istio-proxy
            /etc/certs/cert-chain.pem 644 istio-proxy:istio-proxy
            /etc/certs/key.pem 600 istio-proxy:istio-proxy
            /etc/certs/root-cert.pem 644 istio-proxy:istio-proxy
            /var/lib/istio/envoy/cluster.env 644 root:root

            """)
        let versions = try fixture.machine(
            "dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n' istio-agent istio-proxy istio-auth-node-agent"
        )
        XCTAssertEqual(
            versions.output,
            "istio-agent 0.3.0 installed\nistio-auth-node-agent 0.3.0 installed\nistio-proxy 0.3.0 installed\n")
        // No key is left in the cache, and none was printed.
        let key = try String(contentsOfFile: fixture.certificates + "/key.pem", encoding: .utf8)
        let cached = try fixture.machine("grep -rl 'PRIVATE KEY' /var/cache/meshex")
        XCTAssertEqual(cached.output, "")
        XCTAssertFalse((first.output + first.errors).contains(key.split(separator: "\n")[1]))

        let before = try fixture.machine("stat -c '%n %Y %i' /etc/certs/* /etc/dnsmasq.d/kubedns /etc/resolv.conf")
        let second = try fixture.setUp()
        XCTAssertEqual(second.status, 0, second.errors)
        XCTAssertTrue(second.output.contains("nothing to change"), second.output + second.errors)
        XCTAssertFalse(second.errors.contains("changed: /") && !second.errors.contains("unchanged: /"), second.errors)
        XCTAssertFalse(second.errors.contains("copied istio-"), second.errors)
        let after = try fixture.machine("stat -c '%n %Y %i' /etc/certs/* /etc/dnsmasq.d/kubedns /etc/resolv.conf")
        XCTAssertEqual(before.output, after.output)
    }

    func testLeavesARenewedCertificateAlone() throws {
        let fixture = try SetupFixture()
        XCTAssertEqual(try fixture.setUp().status, 0)
        XCTAssertEqual(try fixture.machine("echo renewed > /etc/certs/cert-chain.pem").status, 0)
        let second = try fixture.setUp()
        XCTAssertEqual(second.status, 0, second.errors)
        XCTAssertEqual(try fixture.contents("/etc/certs/cert-chain.pem"), "renewed\n")
    }

    func testInstallsANewerVersion() throws {
        let fixture = try SetupFixture()
        XCTAssertEqual(try fixture.setUp().status, 0)
        let newer = try fixture.folder.directory("newer")
        try SetupFixture.build(
            ["istio-agent", "istio-auth-node-agent", "istio-proxy"], in: newer, fixture.folder, version: "0.3.1",
            payload: 500)
        let result = try fixture.setUp(from: ["--packages", newer])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertTrue(result.output.contains("3 changes"), result.output)
        XCTAssertEqual(try fixture.machine("dpkg-query -W -f '${Version}' istio-proxy").output, "0.3.1")
    }

    func testDryRunTouchesNothing() throws {
        let fixture = try SetupFixture()
        let result = try fixture.setUp(["--dry-run"])
        XCTAssertEqual(result.status, 0, result.errors)
        for word in ["kubedns", "cluster.env", "key.pem", "istio-proxy_0.3.0_all.deb", "initNetwork", "istioInstall"] {
            XCTAssertTrue(result.output.contains(word), "\(word): \(result.output)")
        }
        XCTAssertEqual(
            try fixture.machine("ls /var/cache/meshex /etc/certs 2>/dev/null").output, "/var/cache/meshex:\n")
    }

    func testGoesOnAfterALostConnection() throws {
        try requireProgram("python3")
        let fixture = try SetupFixture(payload: 6_000_000)
        let proxy = try fixture.folder.file(
            "proxy.py",
            """
            import os, select, socket, sys
            peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            left = int(sys.argv[2])
            while left > 0:
                for ready in select.select([0, peer], [], [])[0]:
                    if ready is peer:
                        data = peer.recv(65536)
                        if not data: sys.exit()
                        os.write(1, data)
                    else:
                        data = os.read(0, min(65536, left))
                        if not data: sys.exit()
                        peer.sendall(data)
                        left -= len(data)

            """)
        let cut = try fixture.setUp([
            "--ssh-option", "ProxyCommand=python3 \(proxy) \(fixture.server.port) 3000000",
        ])
        XCTAssertEqual(cut.status, 3, cut.output + cut.errors)
        XCTAssertTrue(cut.output.contains("run it again"), cut.output)
        XCTAssertNil(try fixture.contents("/etc/certs/key.pem"))
        let again = try fixture.setUp()
        XCTAssertEqual(again.status, 0, again.errors)
        XCTAssertTrue(again.errors.contains("istio-proxy_0.3.0_all.deb (continued at byte "), again.errors)
        XCTAssertEqual(try fixture.machine("dpkg --verify istio-proxy").output, "")
    }

    func testFullDisk() throws {
        let fixture = try SetupFixture(cacheSize: "1m", payload: 4_000_000)
        let result = try fixture.setUp()
        XCTAssertEqual(result.status, 1, result.output + result.errors)
        XCTAssertTrue(result.output.contains("make room there"), result.output)
        XCTAssertEqual(try fixture.machine("ls /var/cache/meshex | grep -c part; ls /etc/certs 2>&1").output.first, "0")
    }

    func testSudoThatAsksForAPassword() throws {
        let fixture = try SetupFixture(user: "guide")
        let result = try fixture.setUp(hosts: ["guide@127.0.0.1:\(fixture.server.port)"])
        XCTAssertEqual(result.status, 2, result.output + result.errors)
        XCTAssertTrue(result.output.contains("cannot use sudo on guide@127.0.0.1"), result.output)
        XCTAssertTrue(result.output.contains("NOPASSWD"), result.output)
    }

    func testHostKeyChanged() throws {
        let fixture = try SetupFixture()
        try fixture.server.changeHostKey()
        let result = try fixture.setUp()
        XCTAssertEqual(result.status, 3, result.output + result.errors)
        XCTAssertTrue(result.output.contains("ssh-keygen -R"), result.output)
    }

    func testOneBadHostDoesNotHoldUpTheOthers() throws {
        let fixture = try SetupFixture()
        let closed = try SSHServer.freePort()
        let result = try fixture.setUp(hosts: ["root@127.0.0.1:\(closed)", "root@127.0.0.1:\(fixture.server.port)"])
        XCTAssertEqual(result.status, 3, result.output + result.errors)
        let lines = result.output.split(separator: "\n")
        XCTAssertEqual(lines.count, 2, result.output)
        XCTAssertTrue(lines.first?.contains("failed: cannot connect to") ?? false, result.output)
        XCTAssertTrue(lines.last?.contains("set up, ") ?? false, result.output)
    }

    func testChecksWithMeshcheckAtTheEnd() throws {
        let fixture = try SetupFixture()
        let result = try fixture.setUp(check: true)
        // meshcheck is not among the packages.
        XCTAssertEqual(result.status, 2, result.output + result.errors)
        XCTAssertTrue(result.output.contains("--no-check"), result.output)
    }

    func testAStepThatFails() throws {
        let fixture = try SetupFixture()
        try fixture.folder.file(
            "trees/istio-agent-0.3.0/DEBIAN/control",
            "Package: istio-agent\nVersion: 0.3.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.com>\n"
                + "Depends: no-such-package-anywhere\nDescription: a package of a test\n")
        let made = try TestSupport.run(
            "dpkg-deb",
            [
                "--build", fixture.folder.path + "/trees/istio-agent-0.3.0",
                fixture.packages + "/istio-agent_0.3.0_all.deb",
            ])
        XCTAssertEqual(made.status, 0, made.errors)
        let result = try fixture.setUp()
        XCTAssertEqual(result.status, 1, result.output + result.errors)
        XCTAssertTrue(result.output.contains("apt-get install"), result.output)
        XCTAssertEqual(try fixture.machine("dpkg-query -W istio-proxy").status, 1)
    }
}
