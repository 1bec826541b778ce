import Foundation
import Probes
import TestSupport
import XCTest

@testable import Probes

/// dpkg's real database in a folder, filled by dpkg itself.
final class PackageTests: XCTestCase {
    private func machine(_ packages: [(name: String, fields: [String])]) throws -> TemporaryDirectory {
        try requireRoot()
        for program in ["dpkg", "dpkg-deb"] { try requireProgram(program) }
        let folder = try TemporaryDirectory()
        chmod(folder.path, 0o755)
        try folder.file("root/var/lib/dpkg/status", "")
        try folder.file("root/var/lib/dpkg/available", "")
        for name in ["info", "updates", "triggers"] { try folder.directory("root/var/lib/dpkg/\(name)") }
        for (name, fields) in packages {
            let tree = "tree-\(name)"
            try folder.file("\(tree)/usr/bin/\(name)", "#!/bin/sh\n", mode: 0o755)
            try folder.file("\(tree)/etc/\(name).conf", "a=1\n")
            try folder.file("\(tree)/usr/share/\(name)/data", "data of \(name)\n")
            try folder.file("\(tree)/DEBIAN/conffiles", "/etc/\(name).conf\n")
            let control =
                [
                    "Package: \(name)", "Version: 1.0-1", "Architecture: all", "Maintainer: Test <test@example.org>",
                    "Description: a test",
                ] + fields
            try folder.file("\(tree)/DEBIAN/control", control.joined(separator: "\n") + "\n")
            // md5sums as dh_md5sums makes them: without configuration files.
            let sums = try TestSupport.run(
                "md5sum", ["usr/bin/\(name)", "usr/share/\(name)/data"], workingDirectory: folder.path + "/" + tree)
            try folder.file("\(tree)/DEBIAN/md5sums", sums.output)
            let deb = "\(folder.path)/\(name).deb"
            let built = try TestSupport.run(
                "dpkg-deb", ["--root-owner-group", "--build", folder.path + "/" + tree, deb])
            XCTAssertEqual(built.status, 0, built.errors)
            let installed = try TestSupport.run(
                "dpkg",
                [
                    "--root=\(folder.path)/root", "--force-depends", "--force-not-root", "--force-bad-path",
                    "--install",
                    deb,
                ])
            XCTAssertEqual(installed.status, 0, installed.errors)
        }
        return folder
    }

    private let all: Set = [
        "installed", "state", "version", "architecture", "modified-files", "missing-files", "wrong-modes",
        "conffiles-leftover", "depends-satisfied", "modified-conffiles", "files", "missing-depends",
    ]

    func testFreshPackage() async throws {
        let folder = try machine([("fresh", [])])
        let host = Host(root: folder.path + "/root")
        let seen = try await observe("package", ["name": .text("fresh")], all, on: host)
        XCTAssertEqual(seen["installed"], .bool(true))
        XCTAssertEqual(seen.text("state"), "installed")
        XCTAssertEqual(seen.text("version"), "1.0-1")
        XCTAssertEqual(seen.text("architecture"), "all")
        for name in ["modified-files", "missing-files", "wrong-modes", "conffiles-leftover", "missing-depends"] {
            XCTAssertEqual(seen.texts(name), [], name)
        }
        XCTAssertEqual(seen["files"], .integer(3))
        XCTAssertEqual(seen["depends-satisfied"], .bool(true))
        XCTAssertEqual(seen["held"], .bool(false))
        let hold = try TestSupport.run(
            "dpkg", ["--root=\(folder.path)/root", "--set-selections"], input: Array("fresh hold\n".utf8))
        XCTAssertEqual(hold.status, 0, hold.errors)
        let held = try await observe(
            "package", ["name": .text("fresh")], ["held"], on: Host(root: folder.path + "/root"))
        XCTAssertEqual(held["held"], .bool(true))
        XCTAssertEqual(held["installed"], .bool(true))
        let none = try await observe("package", ["name": .text("fres")], all, on: host)
        XCTAssertEqual(none["installed"], .bool(false))
        XCTAssertEqual(none.text("state"), "not-installed")
    }

    /// dpkg --verify is the oracle for what was changed.
    func testChangedFiles() async throws {
        let folder = try machine([("changed", [])])
        let root = folder.path + "/root"
        try Data("other".utf8).write(to: URL(fileURLWithPath: root + "/usr/share/changed/data"))
        try Data("a=2\n".utf8).write(to: URL(fileURLWithPath: root + "/etc/changed.conf"))
        try FileManager.default.removeItem(atPath: root + "/usr/bin/changed")
        try folder.file("root/etc/changed.conf.dpkg-dist", "x")
        let seen = try await observe("package", ["name": .text("changed")], all, on: Host(root: root))
        XCTAssertEqual(seen.texts("modified-files"), ["/usr/share/changed/data"])
        XCTAssertEqual(seen.texts("modified-conffiles"), ["/etc/changed.conf"])
        XCTAssertEqual(seen.texts("missing-files"), ["/usr/bin/changed"])
        XCTAssertEqual(seen.texts("conffiles-leftover"), ["/etc/changed.conf.dpkg-dist"])
        let verify = try TestSupport.run("dpkg", ["--root=\(root)", "--verify", "changed"]).output
        for path in ["/usr/share/changed/data", "/etc/changed.conf", "/usr/bin/changed"] {
            XCTAssertTrue(verify.contains(path), verify)
        }
        XCTAssertEqual(verify.split(separator: "\n").count, 3)
    }

    func testModes() async throws {
        let folder = try machine([("modes", [])])
        let root = folder.path + "/root"
        chmod(root + "/usr/bin/modes", 0o644)
        chmod(root + "/usr/share/modes/data", 0o666)
        chown(root + "/etc/modes.conf", 65534, 0)
        let seen = try await observe("package", ["name": .text("modes")], all, on: Host(root: root))
        XCTAssertEqual(seen.texts("wrong-modes").count, 3, "\(seen)")
        try folder.file(
            "root/var/lib/dpkg/statoverride", "root root 666 /usr/share/modes/data\nroot root 0600 /etc/modes.conf\n")
        let overridden = try await observe(
            "package", ["name": .text("modes"), "modes": .map(["/usr/bin/modes": .text("0644")])], all,
            on: Host(root: root))
        XCTAssertEqual(
            overridden.texts("wrong-modes"), ["/etc/modes.conf: mode 0644 (statoverride says 0600)"])
    }

    func testDependencies() async throws {
        let folder = try machine([
            ("base", ["Provides: thing (= 2), other"]),
            ("good", ["Depends: base (>= 1.0), thing (>= 1.5), missing | other"]),
            ("bad", ["Depends: base (>= 1.1), other (>= 1), nowhere"]),
        ])
        let host = Host(root: folder.path + "/root")
        let good = try await observe("package", ["name": .text("good")], ["depends-satisfied"], on: host)
        XCTAssertEqual(good["depends-satisfied"], .bool(true), "\(good)")
        let bad = try await observe(
            "package", ["name": .text("bad")], ["depends-satisfied", "missing-depends"], on: host)
        XCTAssertEqual(bad["depends-satisfied"], .bool(false))
        XCTAssertEqual(bad.texts("missing-depends"), ["base (>= 1.1)", "other (>= 1)", "nowhere"])
    }

    func testRemovedPackage() async throws {
        let folder = try machine([("removed", [])])
        let root = folder.path + "/root"
        let removed = try TestSupport.run(
            "dpkg", ["--root=\(root)", "--force-not-root", "--force-bad-path", "--remove", "removed"])
        XCTAssertEqual(removed.status, 0, removed.errors)
        let seen = try await observe("package", ["name": .text("removed")], all, on: Host(root: root))
        XCTAssertEqual(seen["installed"], .bool(false))
        XCTAssertEqual(seen.text("state"), "config-files")
        XCTAssertEqual(seen["version"], .null)
    }

    func testDamagedDatabase() async throws {
        let folder = try TemporaryDirectory()
        try folder.file(
            "var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\n \u{0}: x\nbroken line\n\n\n\nPackage: b\n")
        let host = Host(root: folder.path)
        let error = try await failure("package", ["name": .text("a")], ["installed"], on: host)
        XCTAssertEqual(error?.reason, .malformed)
        let other = try await observe("package", ["name": .text("b")], ["installed"], on: host)
        XCTAssertEqual(other["installed"], .bool(false))
        let empty = try await observe(
            "package", ["name": .text("a")], ["installed"], on: Host(root: folder.path + "/none"))
        XCTAssertEqual(empty["installed"], .bool(false))
    }

    /// The machine's own packages, with dpkg-query(1) as the oracle.
    func testThisMachine() async throws {
        try requireProgram("dpkg-query")
        let listed = try TestSupport.run("dpkg-query", ["-W", "-f", "${Package}\t${Version}\t${db:Status-Status}\n"])
            .output
        let host = Host()
        for line in listed.split(separator: "\n").prefix(400) {
            let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            let seen = try await observe("package", ["name": .text(words[0])], ["state", "version"], on: host)
            XCTAssertEqual(seen.text("state"), words[2], words[0])
            if words[2] == "installed" { XCTAssertEqual(seen.text("version"), words[1]) }
        }
    }
}
