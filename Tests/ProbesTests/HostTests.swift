import Foundation
import TestSupport
import XCTest

@testable import Probes

/// Mounts, settings and modules of the kernel, interfaces and groups: the programs that own them are the oracles.
final class HostTests: XCTestCase {
    func testMounts() async throws {
        try requireProgram("findmnt")
        let all: Set = ["type", "source", "options", "size-bytes", "used-percent", "available-bytes"]
        for path in ["/", "/proc", "/dev"] {
            let oracle = try TestSupport.run("findmnt", ["-rno", "FSTYPE,SOURCE,OPTIONS", "--mountpoint", path])
            guard oracle.status == 0, let last = oracle.output.split(separator: "\n").last else { continue }
            let words = last.split(separator: " ").map(String.init)
            let seen = try await observe("mount", ["path": .text(path)], all)
            XCTAssertEqual(seen.text("type"), words[0], path)
            XCTAssertEqual(seen.text("source"), words[1], path)
            XCTAssertEqual(
                Set(seen.texts("options")), Set(words[2].split(separator: ",").map(String.init)), path)
        }
        let root = try await observe("mount", ["path": .text("/")], all)
        let df = try TestSupport.run("df", ["-B1", "--output=size,pcent", "/"])
        let words = df.output.split(separator: "\n")[1].split { " %".contains($0) }.map(String.init)
        XCTAssertEqual(root.integer("size-bytes"), Int64(words[0]))
        guard case .number(let used)? = root["used-percent"] else { return XCTFail("\(root)") }
        XCTAssertEqual(used.rounded(.up), try XCTUnwrap(Double(words[1])), accuracy: 1)
        for path in ["/etc", "/no/such/path"] {
            let none = try await observe("mount", ["path": .text(path)], all)
            XCTAssertEqual(none["exists"], .bool(false), path)
        }
    }

    func testSettings() async throws {
        try requireProgram("sysctl")
        for name in [
            "kernel.osrelease", "net.ipv4.ip_local_port_range", "vm.swappiness", "net.ipv4.conf.lo.mtu",
            "kernel/pid_max",
        ] {
            let oracle = try TestSupport.run("sysctl", ["-n", name])
            let seen = try await observe("sysctl", ["name": .text(name)], ["value", "number", "values"])
            XCTAssertEqual(seen["exists"], .bool(oracle.status == 0), name)
            guard oracle.status == 0 else { continue }
            XCTAssertEqual((seen.text("value") ?? "") + "\n", oracle.output, name)
            XCTAssertEqual(
                seen.texts("values"), oracle.output.split { "\t\n ".contains($0) }.map(String.init), name)
        }
        for name in ["", ".", "..", "net..ipv4", "../etc/passwd", "net/../../etc", "/etc/passwd", "net.ipv4."] {
            let error = try await failure("sysctl", ["name": .text(name)], ["value"])
            XCTAssertEqual(error?.reason, .invalid, name)
        }
        let none = try await observe("sysctl", ["name": .text("net.no.such")], ["value"])
        XCTAssertEqual(none["exists"], .bool(false))
        let written = try await failure("sysctl", ["name": .text("net.ipv4.route.flush")], ["value"])
        XCTAssertEqual(written?.reason, .denied)
    }

    /// A recorded host, since not every kernel has modules; and this one's, against its own table.
    /// The ports that connections come from are those of the range that are not reserved.
    func testFreePorts() async throws {
        for (range, reserved, free) in [
            ("32768\t60999", "", 28232), ("32768\t60999", "8080,40000-40009", 28222), ("1000 1999", "1-65535", 0),
            ("1000 1009", "900-1001,1009,2000", 7), ("60999 32768", "", 0),
        ] {
            XCTAssertEqual(LocalPorts(range: range, reserved: reserved).free, free, "\(range), \(reserved)")
        }
        let seen = try await observe("sysctl", ["name": .text("net.ipv4.ip_local_port_range")], ["free-ports"])
        XCTAssertEqual(seen.integer("free-ports"), Int64(try LocalPorts.read().free))
        let other = try await observe("sysctl", ["name": .text("net.ipv4.ip_forward")], ["free-ports"])
        XCTAssertEqual(other["free-ports"], .null)
    }

    func testModules() async throws {
        let folder = try TemporaryDirectory()
        for path in ["proc/sys/kernel", "lib/modules/6.1.0-9-amd64"] {
            try FileManager.default.createDirectory(
                atPath: folder.path + "/" + path, withIntermediateDirectories: true)
        }
        _ = try folder.file("proc/sys/kernel/osrelease", "6.1.0-9-amd64\n")
        _ = try folder.file("proc/modules", "xt_REDIRECT 16384 2 - Live 0x0\nbr_netfilter 32768 0 - Live 0x0\n")
        let recorded = Host(root: folder.path)
        let unknown = try await observe("kernel-module", ["name": .text("br-netfilter")], ["built-in"], on: recorded)
        XCTAssertEqual(unknown["built-in"], .null)
        _ = try folder.file(
            "lib/modules/6.1.0-9-amd64/modules.builtin", "kernel/net/ipv4/tcp_cubic.ko\nkernel/fs/nls/nls_cp437.ko.xz\n"
        )
        for (name, loaded, builtIn) in [
            ("br-netfilter", true, false), ("br_netfilter", true, false), ("xt_REDIRECT", true, false),
            ("tcp-cubic", false, true), ("nls_cp437", false, true), ("br", false, false), ("xt_redirect", false, false),
        ] {
            let seen = try await observe("kernel-module", ["name": .text(name)], ["loaded"], on: recorded)
            XCTAssertEqual(seen["loaded"], .bool(loaded), name)
            XCTAssertEqual(seen["built-in"], .bool(builtIn), name)
            XCTAssertEqual(seen["exists"], .bool(loaded || builtIn), name)
        }
        guard FileManager.default.fileExists(atPath: "/proc/modules") else { return }
        for line in try String(decoding: contents("/proc/modules"), as: UTF8.self).split(separator: "\n").prefix(3) {
            let name = String(line.prefix { $0 != " " })
            let seen = try await observe("kernel-module", ["name": .text(name)], ["loaded"])
            XCTAssertEqual(seen["loaded"], .bool(true), name)
        }
    }

    func testInterfaces() async throws {
        try requireProgram("ip")
        let oracle = try TestSupport.run("ip", ["-j", "address"])
        let links = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(oracle.output.utf8)) as? [[String: Any]])
        for link in links {
            let name = try XCTUnwrap(link["ifname"] as? String)
            let seen = try await observe("interface", ["name": .text(name)], ["up", "mtu", "mac", "addresses"])
            XCTAssertEqual(seen.integer("mtu"), (link["mtu"] as? Int).map(Int64.init), name)
            XCTAssertEqual(seen["up"], .bool((link["flags"] as? [String])?.contains("UP") ?? false), name)
            if link["link_type"] as? String == "ether" { XCTAssertEqual(seen.text("mac"), link["address"] as? String) }
            let addresses = (link["addr_info"] as? [[String: Any]] ?? []).map {
                "\($0["local"] ?? "")/\($0["prefixlen"] ?? "")"
            }
            XCTAssertEqual(Set(seen.texts("addresses")), Set(addresses), name)
        }
        let none = try await observe("interface", ["name": .text("eth99")], ["up"])
        XCTAssertEqual(none["exists"], .bool(false))
    }

    func testGroups() async throws {
        for name in ["root", "adm", "nogroup", "0"] {
            let oracle = try TestSupport.run("getent", ["group", name])
            let fields = oracle.output.split(separator: "\n")[0].split(separator: ":", omittingEmptySubsequences: false)
            let seen = try await observe("group", ["name": .text(name)], ["gid", "members"])
            XCTAssertEqual(seen.text("name"), String(fields[0]))
            XCTAssertEqual(seen.integer("gid"), Int64(fields[2]))
            XCTAssertEqual(seen.texts("members"), fields[3].split(separator: ",").map(String.init))
        }
        let none = try await observe("group", ["name": .text("no-such-group")], ["gid"])
        XCTAssertEqual(none["exists"], .bool(false))
    }

    /// passwd(1) and chage(1) are the oracles of this host; a file of our own has what this host has not.
    func testPasswords() async throws {
        try requireRoot()
        for name in ["root", "daemon", "nobody"] {
            let oracle = try TestSupport.run("passwd", ["-S", name])
            let words = oracle.output.split { " \n".contains($0) }.map(String.init)
            let seen = try await observe("user", ["name": .text(name)], ["password", "password-changed"])
            XCTAssertEqual(seen.text("password"), ["P": "set", "L": "locked", "NP": "none"][words[1]], name)
        }
        let folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: folder.path + "/etc", withIntermediateDirectories: true)
        _ = try folder.file(
            "etc/passwd", "a:x:1000:1000::/:/bin/sh\nb:x:1001:1001::/:/bin/sh\nc:x:1002:1002::/:/bin/sh\n")
        _ = try folder.file("etc/group", "")
        _ = try folder.file("etc/shadow", "a:$6$x:20000:0:90:7::20500:\nb:!$6$x:20000:0:99999:7:::\n")
        let all: Set = ["password", "password-changed", "password-expires", "account-expires"]
        let host = Host(root: folder.path)
        let aging = try await observe("user", ["name": .text("a")], all, on: host)
        XCTAssertEqual(aging.text("password"), "set")
        XCTAssertEqual(aging.seconds("password-changed"), 20000 * 86400)
        XCTAssertEqual(aging.seconds("password-expires"), 20090 * 86400)
        XCTAssertEqual(aging.seconds("account-expires"), 20500 * 86400)
        let locked = try await observe("user", ["name": .text("b")], all, on: host)
        XCTAssertEqual(locked.text("password"), "locked")
        XCTAssertEqual(locked["password-expires"], .null)
        let absent = try await observe("user", ["name": .text("c")], all, on: host)
        XCTAssertEqual(absent["password"], .null)
    }

    func testFolders() async throws {
        let folder = try TemporaryDirectory()
        for name in ["b", "a", ".hidden"] { _ = try folder.file(name, "") }
        let seen = try await observe("file", ["path": .text(folder.path)], ["entries"])
        XCTAssertEqual(seen.texts("entries"), [".hidden", "a", "b"])
        let file = try await observe("file", ["path": .text(folder.path + "/a")], ["entries"])
        XCTAssertEqual(file["entries"], .null)
    }
}
