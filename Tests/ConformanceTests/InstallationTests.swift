import Foundation
import TestSupport
import XCTest

/// The packages on a bare Debian, installed, upgraded, removed and purged by apt and dpkg.
final class InstallationTests: XCTestCase {
    private func shell(_ root: String, _ script: String) throws -> RunResult {
        try TestSupport.run(
            "chroot", [root, "/bin/sh", "-ec", script],
            environment: ["DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
    }

    private func succeed(_ root: String, _ script: String, line: UInt = #line) throws -> String {
        let result = try shell(root, script)
        XCTAssertEqual(result.status, 0, "\(script): \(result.output)\(result.errors)", line: line)
        return result.output
    }

    /// Every path with type, mode, owner and link target, without what dpkg, apt and ldconfig keep for themselves.
    private func snapshot(_ root: String) throws -> Set<String> {
        let listing = try succeed(
            root,
            "find / -xdev \\( -path /proc -o -path /run -o -path /packages -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log/apt "
                + "-o -path /var/log/dpkg.log -o -path /var/lib/apt -o -path '/etc/ld.so.cache' -o -path '/etc/passwd*' "
                + "-o -path '/etc/group*' -o -path '/etc/shadow*' -o -path '/etc/gshadow*' -o -path /var/lib/systemd \\) -prune "
                + "-o -printf '%p %y %m %U:%G %l\\n'")
        return Set(listing.split(separator: "\n").map(String.init))
    }

    func testLifeCycleOnABareDebian() throws {
        try requireRoot()
        try requireProgram("mmdebstrap")
        let directory = try TemporaryDirectory()
        let packages = try RealPackages.build(into: directory.path + "/one", arguments: ["--fast"])
        let newer = try RealPackages.build(
            into: directory.path + "/two", arguments: ["--fast", "--version", "0.4.0-rc.1"])
        let root = directory.path + "/root"
        let made = try TestSupport.run(
            "mmdebstrap",
            [
                "--variant=minbase", "--include=apt,iptables,iproute2,passwd,libstdc++6,ca-certificates", "bookworm",
                root,
            ])
        if made.status != 0 { throw XCTSkip("no Debian can be made here: \(made.errors.suffix(300))") }
        try FileManager.default.createDirectory(atPath: root + "/packages/new", withIntermediateDirectories: true)
        for name in ["istio-agent", "istio-auth-node-agent", "istio-proxy"] {
            try FileManager.default.copyItem(atPath: XCTUnwrap(packages[name]), toPath: root + "/packages/\(name).deb")
            try FileManager.default.copyItem(atPath: XCTUnwrap(newer[name]), toPath: root + "/packages/new/\(name).deb")
        }
        let before = try snapshot(root)
        let install =
            "apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"

        // Installation in the guide's order.
        _ = try succeed(
            root, "\(install) /packages/istio-agent.deb /packages/istio-auth-node-agent.deb /packages/istio-proxy.deb")
        XCTAssertEqual(try succeed(root, "dpkg --audit"), "")
        XCTAssertEqual(try succeed(root, "dpkg --verify istio-agent istio-auth-node-agent istio-proxy"), "")
        let version = try succeed(root, "/usr/local/bin/envoy --version")
        XCTAssertTrue(version.contains("/1.40.0/"), version)
        let user = try succeed(root, "getent passwd istio-proxy").split(separator: ":").map(String.init)
        XCTAssertEqual(user[2], user[3], "user and group have one number")
        XCTAssertEqual(user[5], "/var/lib/istio")
        XCTAssertEqual(try succeed(root, "stat -c '%a %U:%G' /etc/certs"), "750 istio-proxy:istio-proxy\n")
        XCTAssertEqual(try succeed(root, "stat -c '%a %U:%G' /var/lib/istio/envoy"), "755 root:root\n")
        XCTAssertEqual(try succeed(root, "readlink /etc/istio"), "/var/lib/istio\n")

        // Upgrade keeps what the administrator edited; the release candidate is older than its release.
        _ = try succeed(
            root,
            "echo ISTIO_INBOUND_PORTS=8080 >>/var/lib/istio/envoy/sidecar.env; echo ISTIO_SERVICE_CIDR=10.0.0.0/8 >/var/lib/istio/envoy/cluster.env"
        )
        _ = try succeed(root, "\(install) /packages/new/*.deb")
        XCTAssertEqual(try succeed(root, "dpkg-query -W -f '${Version}' istio-proxy"), "0.4.0~rc.1")
        XCTAssertTrue(try succeed(root, "cat /var/lib/istio/envoy/sidecar.env").contains("ISTIO_INBOUND_PORTS=8080"))
        XCTAssertNotEqual(try shell(root, "dpkg --compare-versions 0.4.0~rc.1 ge 0.4.0").status, 0)
        // Downgrade and reinstallation.
        _ = try succeed(
            root,
            "\(install) --allow-downgrades /packages/istio-agent.deb /packages/istio-auth-node-agent.deb /packages/istio-proxy.deb"
        )
        _ = try succeed(root, "\(install) --reinstall /packages/istio-proxy.deb")

        // The proxy does not work without the agent of its version.
        let alone = try shell(
            root,
            "apt-get install -y /packages/new/istio-agent.deb istio-proxy- 2>&1; dpkg-query -W -f '${Version}' istio-agent"
        )
        XCTAssertEqual(alone.status, 0, alone.output)
        _ = try succeed(root, "\(install) --allow-downgrades /packages/istio-agent.deb /packages/istio-proxy.deb")

        // Removal keeps settings, purging leaves what is the administrator's.
        _ = try succeed(root, "apt-get remove -y istio-proxy istio-agent istio-auth-node-agent")
        XCTAssertTrue(try succeed(root, "cat /var/lib/istio/envoy/sidecar.env").contains("ISTIO_INBOUND_PORTS=8080"))
        _ = try succeed(root, "apt-get purge -y istio-proxy istio-agent istio-auth-node-agent")
        let left = try snapshot(root).subtracting(before).map { $0.split(separator: " ").first.map(String.init) ?? "" }
            .sorted()
        XCTAssertEqual(
            left, ["/etc/certs", "/var/lib/istio", "/var/lib/istio/envoy", "/var/lib/istio/envoy/cluster.env"])
        let gone = before.subtracting(try snapshot(root)).filter { !$0.hasPrefix("/var/log") }
        XCTAssertEqual(gone, [], "nothing of the system may go with the packages")
        _ = try succeed(root, "getent passwd istio-proxy")

        // And again, on a machine with what is left.
        _ = try succeed(
            root, "\(install) /packages/istio-agent.deb /packages/istio-auth-node-agent.deb /packages/istio-proxy.deb")
        XCTAssertEqual(try succeed(root, "dpkg --audit"), "")
    }

    func testLintianHasNothingToSay() throws {
        try requireProgram("lintian")
        let directory = try TemporaryDirectory()
        // lintian of Debian 12 takes every zstd package for malformed; gzip is quicker than xz.
        let packages = try RealPackages.build(
            into: directory.path + "/packages", arguments: ["--compression", "gzip:1"])
        let result = try TestSupport.run(
            "lintian", ["--allow-root", "--fail-on", "error,warning"] + packages.values.sorted(),
            environment: ["LC_ALL": "C.UTF-8", "TMPDIR": directory.path])
        XCTAssertEqual(result.output, "")
        XCTAssertEqual(result.status, 0, result.errors)
    }

    func testOwnLintHasNoError() throws {
        let directory = try TemporaryDirectory()
        let packages = try RealPackages.build(
            into: directory.path + "/packages", arguments: ["--fast"])
        let result = try TestSupport.run(productPath("debbuild"), ["lint"] + packages.values.sorted())
        XCTAssertEqual(result.status, 0, result.output + result.errors)
    }

    /// dpkg of Debian 11 to 13 unpacks what we make of Envoy, branch filter included.
    func testBranchFilterIsUnpackedByEveryRelease() throws {
        try requireRoot()
        try requireProgram("mmdebstrap")
        let directory = try TemporaryDirectory()
        let package = try XCTUnwrap(
            RealPackages.build(into: directory.path + "/packages", arguments: ["--compression", "xz:0"])["istio-proxy"])
        let listing = try TestSupport.run(
            "sh", ["-c", "ar p \"$1\" data.tar.xz | xz --robot --list -vv", "sh", package])
        if listing.status == 0, !listing.output.isEmpty {
            XCTAssertTrue(listing.output.contains("--x86"), listing.output)
        }
        let expected = try TestSupport.run(
            "sh", ["-c", "dpkg-deb --fsys-tarfile \"$1\" | tar -xO ./usr/local/bin/envoy | sha256sum", "sh", package]
        ).output
        for release in ["bullseye", "bookworm", "trixie"] {
            let root = directory.path + "/" + release
            let made = try TestSupport.run("mmdebstrap", ["--variant=essential", release, root])
            if made.status != 0 { throw XCTSkip("no \(release) can be made here: \(made.errors.suffix(300))") }
            try FileManager.default.copyItem(atPath: package, toPath: root + "/x.deb")
            let unpacked = try succeed(root, "dpkg-deb -x /x.deb /unpacked && sha256sum </unpacked/usr/local/bin/envoy")
            XCTAssertEqual(unpacked, expected, release)
        }
    }
}
