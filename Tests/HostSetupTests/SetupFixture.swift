import Foundation
import TestSupport
import XCTest

/// A machine to set up: a real sshd in a copy-on-write view of this system, with a real dpkg and apt, and everything
/// that an operator has.
final class SetupFixture {
    let server: SSHServer
    let folder: TemporaryDirectory
    let certificates: String
    let packages: String
    private static let letters = "abcdefghijklmnopqrstuvwxyz"

    /// - Parameters:
    ///   - user: the user who logs in; he is made on the machine unless he is root.
    ///   - cacheSize: the size of the machine's /var/cache/meshex, a file system of its own.
    ///   - payload: bytes that istio-proxy carries.
    init(user: String = "root", cacheSize: String? = nil, payload: Int = 1000) throws {
        try requireRoot()
        for program in ["unshare", "chroot", "dpkg-deb", "apt-get", "flock", "dnsmasq", "openssl"] {
            try requireProgram(program)
        }
        folder = try TemporaryDirectory()
        let top = try folder.directory("machine")
        var steps = [
            "set -e", "mount -t tmpfs -o mode=755 machine '\(top)'", "mkdir '\(top)/upper' '\(top)/work' '\(top)/root'",
            "mount -t overlay machine -o lowerdir=/,upperdir='\(top)/upper',workdir='\(top)/work' '\(top)/root'",
            "cd '\(top)/root'", "mount --rbind /proc proc", "mount --rbind /dev dev",
            // What other tests and people did to the system below must not be found here.
            "rm -rf etc/certs var/cache/meshex var/lib/meshex var/lib/istio etc/dnsmasq.d/kubedns",
            "mkdir -m 700 var/cache/meshex",
            // Nor what is installed there of this toolchain.
            "for package in meshcheck istio-proxy istio-auth-node-agent istio-agent; do",
            "  if chroot . dpkg-query -W $package >/dev/null 2>&1; then",
            "    chroot . dpkg --purge --force-all $package >/dev/null 2>&1; fi; done",
            "rm -rf usr/bin/meshcheck usr/local/bin/meshcheck usr/share/meshcheck",
        ]
        if let cacheSize { steps.append("mount -t tmpfs -o mode=700,size=\(cacheSize) cache var/cache/meshex") }
        if user != "root" { steps.append("chroot . useradd -m -p '*' \(user)") }
        steps.append("exec chroot . \"$@\"")
        server = try SSHServer(
            options: ["PermitUserEnvironment no"],
            launcher: ["unshare", "-m", "--propagation", "private", "sh", "-c", steps.joined(separator: "\n"), "sh"])
        chmod(server.folder.path + "/authorized_keys", 0o644)
        let workload = try OpenSSLAuthority("root", in: folder)
        let pair = try workload.issueWorkload("vm")
        certificates = try folder.directory("certs")
        for (source, name) in [
            (pair.key, "key.pem"), (pair.certificate, "cert-chain.pem"), (workload.pair.certificate, "root-cert.pem"),
        ] { try FileManager.default.copyItem(atPath: source, toPath: certificates + "/" + name) }
        try folder.file("cluster.env", "ISTIO_SERVICE_CIDR=10.63.240.0/20\n")
        try folder.file("kubedns", Self.kubedns)
        packages = try folder.directory("packages")
        try Self.build(["istio-agent", "istio-auth-node-agent", "istio-proxy"], in: packages, folder, payload: payload)
    }

    static let kubedns =
        "server=/svc.cluster.local/10.150.0.7\n"
        + ["", ".istio-system"].map { suffix in
            "address=/istio-mixer\(suffix)/10.150.0.8\naddress=/istio-pilot\(suffix)/10.150.0.6\n"
                + "address=/istio-ca\(suffix)/10.150.0.9\n"
        }.joined()

    /// Builds small packages with dpkg-deb.
    static func build(
        _ names: [String], in target: String, _ folder: TemporaryDirectory, version: String = "0.3.0", payload: Int
    ) throws {
        for name in names {
            let tree = "trees/\(name)-\(version)"
            try folder.file(
                tree + "/DEBIAN/control",
                "Package: \(name)\nVersion: \(version)\nArchitecture: all\nMaintainer: Nobody <nobody@example.com>\n"
                    + "Description: a package of a test\n")
            var generator = SeededGenerator(seed: 7)
            let bytes = generator.bytes(name == "istio-proxy" ? payload : 100)
            try folder.file(tree + "/usr/share/\(name)/payload", bytes: bytes)
            if name == "istio-proxy" {
                try folder.file(
                    tree + "/DEBIAN/postinst",
                    "#!/bin/sh\nset -e\nid istio-proxy >/dev/null 2>&1 || useradd -r -U -d /var/lib/istio istio-proxy\n",
                    mode: 0o755)
            }
            let made = try TestSupport.run(
                "dpkg-deb",
                [
                    "--root-owner-group", "-Zgzip", "-z1", "--build", folder.path + "/" + tree,
                    target + "/\(name)_\(version)_all.deb",
                ])
            XCTAssertEqual(made.status, 0, made.errors)
        }
    }

    /// Runs `meshex machine-setup`.
    func setUp(
        _ arguments: [String] = [], hosts: [String]? = nil, from: [String]? = nil, check: Bool = false
    ) throws -> RunResult {
        try TestSupport.run(
            productPath("meshex"),
            ["machine-setup", "--ssh-config", server.clientConfiguration, "--certs", certificates, "--cluster-env"]
                + [folder.path + "/cluster.env", "--kubedns", folder.path + "/kubedns"]
                + (from ?? ["--packages", packages]) + (check ? [] : ["--no-check"]) + arguments
                + (hosts ?? ["root@127.0.0.1:\(server.port)"]))
    }

    /// A path of the machine as it is seen from here.
    func path(_ path: String) throws -> String { "/proc/\(try server.identifier())/root" + path }

    /// The bytes of a file of the machine; nil where there is none.
    func contents(_ path: String) throws -> String? {
        try? String(contentsOfFile: self.path(path), encoding: .utf8)
    }

    /// What a command on the machine writes.
    func machine(_ command: String) throws -> RunResult {
        try TestSupport.run(
            "ssh",
            ["-F", server.clientConfiguration, "-p", String(server.port), "-l", "root", "127.0.0.1", command])
    }
}
