import Foundation
import TestSupport
import XCTest

/// Names of one file stay names of one file, and dpkg can unpack them.
final class HardLinkTests: XCTestCase {
    private static func package(_ contents: String) -> String {
        WorkspaceFixture.packageYAML.replacingOccurrences(
            of: "changelog: changelog", with: contents + "\nchangelog: changelog")
    }

    private static let archive = "  - archive: x.tar\n    to: /opt/x"

    private func make(_ commands: String, in fixture: WorkspaceFixture) throws {
        let made = try TestSupport.run("sh", ["-ec", commands], workingDirectory: fixture.path + "/hello")
        XCTAssertEqual(made.status, 0, made.errors)
    }

    private func tar(_ entries: String, in fixture: WorkspaceFixture) throws {
        try make(
            """
            python3 - <<'P'
            import io, tarfile
            t = tarfile.open("x.tar", "w")
            for name, kind, target in \(entries):
                i = tarfile.TarInfo(name); i.mode = 0o755 if kind == "5" else 0o644; i.type = kind.encode()
                if kind == "0": i.size = len(target); t.addfile(i, io.BytesIO(target.encode()))
                else: i.linkname = target; t.addfile(i)
            t.close()
            P
            """, in: fixture)
    }

    /// dpkg unpacks the package; the inodes and contents below /opt/x by name.
    private func unpack(_ package: String) throws -> [String: (inode: UInt64, text: String)] {
        let root = try TemporaryDirectory()
        for folder in ["updates", "info"] {
            try FileManager.default.createDirectory(
                atPath: root.path + "/var/lib/dpkg/" + folder, withIntermediateDirectories: true)
        }
        try root.file("var/lib/dpkg/status", "")
        let result = try TestSupport.run(
            "dpkg", ["--root=" + root.path, "--force-not-root", "--force-script-chrootless", "--unpack", package])
        XCTAssertEqual(result.status, 0, result.errors)
        var found: [String: (UInt64, String)] = [:]
        let folder = root.path + "/opt/x"
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            let path = folder + "/" + name
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
            found[name] = (
                (attributes[.systemFileNumber] as? UInt64) ?? 0,
                String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
            )
        }
        return found
    }

    func testALinkBeforeItsTargetIsTurnedRound() throws {
        try requireProgram("dpkg")
        let fixture = try WorkspaceFixture(package: Self.package(Self.archive))
        try tar("[('z','0','zz'),('a','1','z'),('m/b','1','a'),('late','1','early'),('early','0','e')]", in: fixture)
        let files = try unpack(fixture.build())
        XCTAssertEqual(files.count, 5)
        XCTAssertEqual(files["a"]?.text, "zz")
        XCTAssertEqual(files["a"]?.inode, files["z"]?.inode)
        XCTAssertEqual(files["a"]?.inode, files["m/b"]?.inode)
        XCTAssertEqual(files["late"]?.inode, files["early"]?.inode)
        XCTAssertEqual(files["late"]?.text, "e")
    }

    func testAnExcludedTargetLeavesItsContents() throws {
        try requireProgram("dpkg")
        let fixture = try WorkspaceFixture(
            package: Self.package(Self.archive + "\n    exclude: [z]\n    rules: [{match: c, mode: \"0600\"}]"))
        try tar("[('z','0','zz'),('a','1','z'),('b','1','z'),('c','1','b')]", in: fixture)
        let files = try unpack(fixture.build())
        XCTAssertEqual(files.keys.sorted(), ["a", "b", "c"])
        XCTAssertEqual(files["a"]?.inode, files["b"]?.inode)
        // Another mode needs another inode.
        XCTAssertNotEqual(files["a"]?.inode, files["c"]?.inode)
        XCTAssertEqual(files["c"]?.text, "zz")
    }

    func testLinksThatReachNoFileOfTheArchiveAreErrors() throws {
        for (entries, problem) in [
            ("[('a','1','/etc/shadow')]", "which is not in the archive"), ("[('a','1','../x')]", "leads out"),
            ("[('a','1','b'),('b','1','a')]", "points to itself"), ("[('a','1','a')]", "points to itself"),
            ("[('d','5',''),('a','1','d')]", "points to the directory"),
        ] {
            let fixture = try WorkspaceFixture(package: Self.package(Self.archive))
            try tar(entries, in: fixture)
            let result = try fixture.debbuild(["all"])
            XCTAssertEqual(result.status, 2, entries)
            XCTAssertTrue(result.errors.contains("[archive-link]") && result.errors.contains(problem), result.errors)
            XCTAssertEqual(fixture.packagesWritten, [])
        }
    }

    func testATreeKeepsItsHardLinks() throws {
        try requireProgram("dpkg")
        let fixture = try WorkspaceFixture(
            package: Self.package("  - tree: t\n    to: /opt/x\n  - tree: t\n    to: /opt/x/again"))
        try make("mkdir -p t/d; head -c 65536 /dev/zero >t/a; for i in 1 2 3; do ln t/a t/d/b$i; done", in: fixture)
        let package = try fixture.build()
        let files = try unpack(package)
        XCTAssertEqual(files.count, 8)
        XCTAssertEqual(Set(files.filter { !$0.key.hasPrefix("again") }.values.map(\.inode)).count, 1)
        XCTAssertEqual(Set(files.values.map(\.inode)).count, 2, "two items are two copies")
        let size = try TestSupport.run("dpkg-deb", ["-f", package, "Installed-Size"]).output
        XCTAssertLessThan(Int(size.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .max, 150)
    }

    /// Ten thousand entries in an order of their own are read once each, and come out right.
    func testEntriesOutOfOrderAreReadOnce() throws {
        let fixture = try WorkspaceFixture(package: Self.package(Self.archive))
        try tar("[('%05d' % (i * 7919 % 10007), '0', 'n%d' % i) for i in range(10000)]", in: fixture)
        let package = try fixture.build()
        let files = try unpack(package)
        XCTAssertEqual(files.count, 10000)
        for i in stride(from: 0, to: 10000, by: 97) {
            XCTAssertEqual(files[String(format: "%05d", i * 7919 % 10007)]?.text, "n\(i)")
        }
    }

    /// A package with its checks has the checksums of all files in it before it is written: the archive is not read from
    /// its beginning for each entry that comes before the last one.
    func testChecksumsOfEntriesOutOfOrderTakeOnePass() throws {
        try requireProgram("strace")
        let fixture = try WorkspaceFixture(package: Self.package(Self.archive) + "ship-checks: true\n")
        try tar("[('%05d' % (i * 7919 % 2003), '0', 'n%d' % i) for i in range(2000)]", in: fixture)
        let log = fixture.directory.path + "/log"
        let result = try TestSupport.run(
            "strace",
            [
                "-f", "-qq", "-e", "trace=openat", "-o", log, productPath("debbuild"), "all", "--workspace",
                fixture.path,
            ],
            environment: ["XDG_CACHE_HOME": fixture.directory.path + "/cache"])
        XCTAssertEqual(result.status, 0, result.errors)
        let opened = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").filter {
            $0.contains(".tar\"")
        }
        XCTAssertLessThan(opened.count, 10, "\(opened.prefix(20))")
        let package = result.output.split(separator: "\n").first.map(String.init) ?? ""
        let files = try unpack(package)
        XCTAssertEqual(files.count, 2000)
        let checks = try TestSupport.run(
            "sh", ["-c", "dpkg-deb --fsys-tarfile \"$1\" | tar -xO ./usr/share/meshcheck", "sh", package]
        ).output
        let sum = try TestSupport.run("sh", ["-c", "printf n7 | sha256sum"]).output.prefix(64)
        XCTAssertTrue(checks.contains(sum), "the checksum of the seventh entry is missing")
    }

    func testNamesOfOtherBytesAreOtherFiles() throws {
        let fixture = try WorkspaceFixture(package: Self.package("  - tree: t\n    to: /opt/x"))
        try make(
            "mkdir t; echo one >\"$(printf 't/e\\314\\201')\"; echo two >\"$(printf 't/\\303\\251')\"", in: fixture)
        let package = try fixture.build()
        let listing = try TestSupport.run(
            "sh", ["-c", "dpkg-deb --fsys-tarfile \"$1\" | tar -xOf - ./opt/x | sort", "sh", package])
        XCTAssertEqual(listing.output, "one\ntwo\n")
    }
}
