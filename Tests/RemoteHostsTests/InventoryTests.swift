import Documents
import Foundation
import TestSupport
import XCTest

@testable import RemoteHosts

/// Inventories: what we read is what Ansible reads, and every mistake has its place.
final class InventoryTests: XCTestCase {
    static let ini = """
        # hosts without a group
        lonely
        other.example.com:2222 ansible_user=ops   # a comment

        [web]
        web-[01:03].example.com ansible_user="web admin" note='a # b'
        web-[a:c]

        [db]
        db1 ansible_host=10.0.0.5 ansible_port=2200
        db2 ansible_ssh_host=10.0.0.6 ansible_ssh_user=old

        [db:vars]
        ansible_user=postgres
        comment = with blanks

        [mesh:children]
        web
        db

        [mesh:vars]
        ansible_port=22022
        ansible_user=mesh

        [all:vars]
        ansible_ssh_private_key_file=/keys/one

        """

    static let yaml = """
        all:
          vars:
            ansible_ssh_private_key_file: /keys/one
          hosts:
            lonely:
            other.example.com:
              ansible_port: 2222
              ansible_user: ops
          children:
            mesh:
              vars:
                ansible_port: 22022
                ansible_user: mesh
              children:
                web:
                  hosts:
                    web-[01:03].example.com:
                      ansible_user: web
                    web-[a:c]:
                db:
                  vars: {ansible_user: postgres}
                  hosts:
                    db1: {ansible_host: 10.0.0.5, ansible_port: 2200}
                    db2: {ansible_host: 10.0.0.6, tags: [a, b]}

        """

    private func load(_ text: String, as path: String) -> (inventory: Inventory?, diagnostics: Diagnostics) {
        var diagnostics = Diagnostics()
        let inventory = Inventory.load(
            SourceText(path: path, bytes: Array(text.utf8)), diagnostics: &diagnostics)
        return (inventory, diagnostics)
    }

    /// What Ansible makes of the same file: name → address, port, user, key.
    private func ansible(_ text: String, _ name: String) throws -> [String: [String: String]] {
        let program = ProcessInfo.processInfo.environment["ANSIBLE_INVENTORY_PROGRAM"] ?? "ansible-inventory"
        try requireProgram(program)
        let folder = try TemporaryDirectory()
        let file = try folder.file(name, text)
        let result = try TestSupport.run(
            program, ["-i", file, "--list"], environment: ["ANSIBLE_LOCALHOST_WARNING": "0", "LC_ALL": "C.UTF-8"])
        XCTAssertEqual(result.status, 0, result.errors)
        let value = try JSONSerialization.jsonObject(with: Data(result.standardOutput)) as? [String: Any]
        let hosts = (value?["_meta"] as? [String: Any])?["hostvars"] as? [String: [String: Any]] ?? [:]
        return hosts.mapValues { variables in
            var texts: [String: String] = [:]
            for (key, names) in Self.names {
                for name in names where texts[key] == nil {
                    if let found = variables[name] { texts[key] = "\(found)" }
                }
            }
            return texts
        }
    }

    private static let names = [
        "host": ["ansible_host", "ansible_ssh_host"], "port": ["ansible_port", "ansible_ssh_port"],
        "user": ["ansible_user", "ansible_ssh_user"], "key": ["ansible_ssh_private_key_file"],
    ]

    private func ours(_ inventory: Inventory) -> [String: [String: String]] {
        var result: [String: [String: String]] = [:]
        for host in inventory.hosts {
            var texts: [String: String] = [:]
            if host.address.host != host.name { texts["host"] = host.address.host }
            if let port = host.address.port { texts["port"] = "\(port)" }
            if let user = host.address.user { texts["user"] = user }
            if let key = host.identityFile { texts["key"] = key }
            result[host.name] = texts
        }
        return result
    }

    func testWeReadWhatAnsibleReads() throws {
        try requireProgram(ProcessInfo.processInfo.environment["ANSIBLE_INVENTORY_PROGRAM"] ?? "ansible-inventory")
        // A user with a blank is refused by us, and `name:port` has its port in the variables of Ansible.
        let ini = Self.ini.replacingOccurrences(of: "\"web admin\"", with: "\"web\"")
        for (text, name) in [(ini, "hosts.ini"), (Self.yaml, "hosts.yaml")] {
            let (inventory, diagnostics) = load(text, as: name)
            let hosts = try XCTUnwrap(inventory, DiagnosticRenderer.text(diagnostics))
            XCTAssertEqual(ours(hosts), try ansible(text, name), name)
        }
    }

    func testGroupsAndVariables() throws {
        let ini = Self.ini.replacingOccurrences(of: "\"web admin\"", with: "\"web\"")
        for (text, name) in [(ini, "hosts.ini"), (Self.yaml, "hosts.yml")] {
            let inventory = try XCTUnwrap(load(text, as: name).inventory, name)
            XCTAssertEqual(inventory.hosts.count, 10, name)
            let host = try XCTUnwrap(inventory.hosts.first { $0.name == "db1" })
            XCTAssertEqual(host.address.description, "postgres@10.0.0.5:2200")
            XCTAssertEqual(Set(host.groups), ["db", "mesh"])
            XCTAssertEqual(host.identityFile, "/keys/one")
            let web = try XCTUnwrap(inventory.hosts.first { $0.name == "web-02.example.com" })
            XCTAssertEqual(web.address.description, "web@web-02.example.com:22022")
        }
    }

    func testLimits() throws {
        let inventory = try XCTUnwrap(load(Self.yaml, as: "hosts.yaml").inventory)
        let cases: [(String, [String])] = [
            ("all", inventory.hosts.map(\.name)), ("db", ["db1", "db2"]), ("db,!db1", ["db2"]),
            ("web-0?.example.com", ["web-01.example.com", "web-02.example.com", "web-03.example.com"]),
            ("mesh,&db", ["db1", "db2"]), ("!mesh", ["lonely", "other.example.com"]), ("*[0-9]*", []),
            ("lonely, db1", ["lonely", "db1"]),
        ]
        for (patterns, names) in cases {
            var unmatched: [String] = []
            XCTAssertEqual(
                inventory.hosts(limitedTo: patterns, unmatched: &unmatched).map(\.name), names, patterns)
        }
        var unmatched: [String] = []
        _ = inventory.hosts(limitedTo: "db,nothing", unmatched: &unmatched)
        XCTAssertEqual(unmatched, ["nothing"])
    }

    func testRanges() throws {
        let good: [(String, [String])] = [
            ("a", ["a"]), ("a[1:3]", ["a1", "a2", "a3"]), ("[08:10]x", ["08x", "09x", "10x"]),
            ("a[0:6:3]b", ["a0b", "a3b", "a6b"]), ("[a:c]", ["a", "b", "c"]),
            ("r[1:2]-[a:b]", ["r1-a", "r1-b", "r2-a", "r2-b"]), ("a[:2]", ["a0", "a1", "a2"]),
        ]
        for (pattern, names) in good { XCTAssertEqual(try HostRange.expand(pattern), names, pattern) }
        for pattern in ["a[1:3", "a[3:1]", "a[1]", "a[1:2:0]", "a[01:100]", "a[a:3]", "a[1:99999]", "a[]", "a[::]"] {
            XCTAssertThrowsError(try HostRange.expand(pattern), pattern)
        }
    }

    func testMistakesHaveTheirPlaces() {
        let cases: [(path: String, text: String, code: String, place: String?)] = [
            ("h.ini", "", "empty-inventory", nil),
            ("h.ini", "[web\na\n", "section", "h.ini:1:1"),
            ("h.ini", "a b\n", "variable", "h.ini:1:3"),
            ("h.ini", "[web:vrs]\nx=1\n", "section", "h.ini:1:1"),
            ("h.ini", "a\n[web:children]\ndb\n", "unknown-group", "h.ini:3:1"),
            ("h.ini", "x\n[a:children]\nb\n[b:children]\na\n", "group-cycle", nil),
            ("h.ini", "a ansible_port=none\n", "port", "h.ini:1:3"),
            ("h.ini", "a:99999\n", "port", "h.ini:1:1"),
            ("h.ini", "a ansible_host=-oProxyCommand=id\n", "address", "h.ini:1:3"),
            ("h.ini", "-oProxyCommand=id\n", "address", "h.ini:1:1"),
            ("h.ini", "a ansible_user='x y'\n", "address", "h.ini:1:3"),
            ("h.ini", "a ansible_connection=winrm\n", "connection", "h.ini:1:3"),
            ("h.ini", "a[1:3\n", "host-range", "h.ini:1:1"),
            ("h.ini", "a[1:10]-[1:10]-[1:10]-[1:100]\n", "host-range", "h.ini:1:1"),
            ("h.ini", "a x=\"open\n", "quote", "h.ini:1:5"),
            ("h.ini", "a\u{0}b\n", "address", "h.ini:1:1"),
            ("h.yaml", "- a\n", "type", "h.yaml:1:1"),
            ("h.yaml", "all:\n  host:\n    a:\n", "unknown-key", "h.yaml:2:3"),
            ("h.yaml", "all:\n  hosts:\n    - a\n", "type", "h.yaml:3:5"),
            ("h.yaml", "all:\n  hosts:\n    a: b\n", "type", "h.yaml:3:8"),
            ("h.yaml", "all:\n  hosts:\n    a:\n    a:\n", "duplicate-key", nil),
            ("h.yaml", "all: [\n", "yaml", nil),
        ]
        for (path, text, code, place) in cases {
            let (inventory, diagnostics) = load(text, as: path)
            XCTAssertNil(inventory, text)
            let found = diagnostics.all.first { $0.code == code }
            XCTAssertNotNil(found, "\(text): \(DiagnosticRenderer.text(diagnostics))")
            if let place { XCTAssertEqual(found?.range?.place, place, text) }
        }
    }

    func testMutatedInventoriesNeverCrash() {
        var generator = SeededGenerator(seed: 7)
        for (text, path) in [(Self.ini, "h.ini"), (Self.yaml, "h.yaml")] {
            let bytes = Array(text.utf8)
            for _ in 0..<300 {
                var copy = bytes
                for _ in 0..<Int.random(in: 1...10, using: &generator) {
                    let index = Int.random(in: 0..<copy.count, using: &generator)
                    if Bool.random(using: &generator) {
                        copy[index] = UInt8.random(in: 0...255, using: &generator)
                    } else {
                        copy.remove(at: index)
                    }
                }
                var diagnostics = Diagnostics()
                _ = Inventory.load(SourceText(path: path, bytes: copy), diagnostics: &diagnostics)
            }
        }
    }

    func testAddresses() throws {
        let good = [
            ("ssh://vm", "vm"), ("ssh://a@vm:22", "a@vm:22"), ("ssh://[2001:db8::1]:2222", "[2001:db8::1]:2222"),
            ("ssh://[::1]", "::1"), ("ssh://vm/", "vm"), ("ssh://fe80::1%25", nil), ("ssh://a@b@c", nil),
        ]
        for (text, expected) in good {
            XCTAssertEqual(try? SSHAddress(text).description, expected, text)
        }
    }
}
