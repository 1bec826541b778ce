import Foundation
import TestSupport
import XCTest

/// Stripped files and packages with their symbols, with debhelper, gdb(1) and lintian(1) as oracles.
final class DebugPackageTests: XCTestCase {
    /// What debhelper makes of the same files: the package's folder, and that of its symbols.
    private func debhelper(
        _ fixture: StripFixture, fields: String, section: String
    ) throws -> (folder: TemporaryDirectory, package: String, symbols: String) {
        let folder = try TemporaryDirectory()
        try folder.file(
            "debian/control",
            """
            Source: hello
            Maintainer: Test Team <team@example.org>
            Section: \(section)
            Build-Depends: debhelper-compat (= 13)

            Package: hello
            Architecture: any
            \(fields)Description: greet the world
             Says hello.

            """)
        try folder.file(
            "debian/changelog", try String(contentsOfFile: fixture.workspace.path + "/hello/changelog", encoding: .utf8)
        )
        try TestSupport.run("cp", ["-a", fixture.tree, folder.path + "/debian/hello"]).check()
        for program in ["dh_strip", "dh_gencontrol", "dh_md5sums"] {
            try TestSupport.run(program, workingDirectory: folder.path).check()
        }
        return (folder, folder.path + "/debian/hello", folder.path + "/debian/.debhelper/hello/dbgsym-root")
    }

    func testTheSameAsDebhelper() throws {
        try requireProgram("dh_strip")
        let cases = [
            (
                "multi-arch: same\nsection: contrib/libs\nrecommends: [libx]\nprovides: [zz]\nhomepage: https://x.org\n"
                    + "fields: {X-Mark: y}\n",
                "Multi-Arch: same\nRecommends: libx\nProvides: zz\nHomepage: https://x.org\nXB-X-Mark: y\n",
                "contrib/libs"
            ),
            ("section: devel\nmulti-arch: foreign\n", "Multi-Arch: foreign\n", "devel"),
        ]
        for (keys, fields, section) in cases {
            let fixture = try StripFixture(
                "strip: true\nshlib-depends: false\n" + keys,
                contents: "  - tree: tree\n    to: /\n    rules: [{match: daemon, mode: \"4755\"}]\n",
                commands: StripFixture.everything)
            let theirs = try debhelper(fixture, fields: fields, section: section)
            let built = try fixture.build()
            XCTAssertEqual(built.keys.sorted(), ["hello", "hello-dbgsym"])
            let ours = try StripFixture.unpack(built["hello"])
            let symbols = try StripFixture.unpack(built["hello-dbgsym"])
            for path in try StripFixture.files(fixture.tree) {
                let (own, other) = (ours.path + "/" + path, theirs.package + "/" + path)
                XCTAssertEqual(try StripFixture.bytes(own), try StripFixture.bytes(other), path)
                XCTAssertEqual(
                    try FileManager.default.attributesOfItem(atPath: own)[.posixPermissions] as? Int,
                    try FileManager.default.attributesOfItem(atPath: other)[.posixPermissions] as? Int, path)
            }
            let names = try StripFixture.files(symbols.path)
            XCTAssertEqual(names, try StripFixture.files(theirs.symbols))
            XCTAssertEqual(names.count { $0.hasSuffix(".debug") }, 6, "\(names)")
            for path in names {
                let own = try StripFixture.bytes(symbols.path + "/" + path)
                let other = try StripFixture.bytes(theirs.symbols + "/" + path)
                if path == "DEBIAN/control" {
                    XCTAssertEqual(try Self.control(own, installedSizeOff: 1), try Self.control(other))
                } else {
                    XCTAssertEqual(own, other, path)
                }
            }
            let link = "/usr/share/doc/hello-dbgsym"
            XCTAssertEqual(
                try FileManager.default.destinationOfSymbolicLink(atPath: symbols.path + link),
                try FileManager.default.destinationOfSymbolicLink(atPath: theirs.symbols + link))
        }
    }

    /// dpkg-gencontrol(1) counts the folder DEBIAN, which no machine gets.
    private static func control(_ bytes: Data, installedSizeOff: Int = 0) throws -> [String] {
        try String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { line in
            guard line.hasPrefix("Installed-Size: ") else { return String(line) }
            return "Installed-Size: \(try XCTUnwrap(Int(line.dropFirst(16))) + installedSizeOff)"
        }
    }

    func testADebuggerFindsTheSymbols() throws {
        try requireProgram("gdb")
        let fixture = try StripFixture()
        let built = try fixture.build()
        let root = try StripFixture.unpack(built["hello"])
        let symbols = try StripFixture.unpack(built["hello-dbgsym"])
        let program = root.path + "/usr/bin/program"
        let sections = try StripFixture.sections(program)
        XCTAssertTrue(sections.contains(".gnu_debuglink"), "\(sections)")
        XCTAssertTrue(sections.isDisjoint(with: [".symtab", ".debug_info", ".comment"]), "\(sections)")
        func lines(_ folder: String) throws -> String {
            try TestSupport.run(
                "gdb",
                [
                    "--batch", "-nx", "-ex", "set debuginfod enabled off", "-ex", "set debug-file-directory \(folder)",
                    "-ex", "file \(program)", "-ex", "info line main",
                ]
            ).output
        }
        XCTAssertTrue(try lines(symbols.path + "/usr/lib/debug").contains("Line 1 of \"main.c\""))
        XCTAssertFalse(try lines(root.path + "/nowhere").contains("main.c"))
        // The link alone, without the build identifier.
        let file = try XCTUnwrap(try StripFixture.files(symbols.path).first { $0.hasSuffix(".debug") })
        try TestSupport.run("objcopy", ["--remove-section=.note.gnu.build-id", program]).check()
        try TestSupport.run("cp", [symbols.path + "/" + file, root.path + "/usr/bin/"]).check()
        XCTAssertTrue(try lines(root.path + "/nowhere").contains("Line 1 of \"main.c\""))
    }

    func testWithoutThePackageOfSymbolsTheOtherIsTheSame() throws {
        let fixture = try StripFixture()
        let with = try fixture.build()
        let bytes = try StripFixture.bytes(try XCTUnwrap(with["hello"]))
        try fixture.workspace.directory.file(
            "w/hello/package.yaml",
            try String(contentsOfFile: fixture.workspace.path + "/hello/package.yaml", encoding: .utf8)
                + "dbgsym: false\n")
        let without = try fixture.build(["--output", fixture.workspace.path + "/other"])
        XCTAssertEqual(without.keys.sorted(), ["hello"])
        XCTAssertEqual(try StripFixture.bytes(try XCTUnwrap(without["hello"])), bytes)
    }

    /// As dh_strip(1): such a package is somebody's own, and then no file names its symbols.
    func testAPackageOfSymbolsThatIsDeclaredIsLeftAlone() throws {
        let named = try StripFixture(name: "hello-dbg")
        XCTAssertEqual(try named.build().keys.sorted(), ["hello-dbg"])

        let fixture = try StripFixture()
        try fixture.workspace.directory.file(
            "w/hello-dbgsym/package.yaml",
            WorkspaceFixture.packageYAML.replacingOccurrences(of: "package: hello", with: "package: hello-dbgsym")
                .replacingOccurrences(of: "file: hello.sh", with: "file: ../hello/hello.sh"))
        try fixture.workspace.directory.file("w/hello-dbgsym/copyright", "x\n")
        try fixture.workspace.directory.file(
            "w/hello-dbgsym/changelog",
            "hello-dbgsym (1.2.3) unstable; urgency=low\n\n  * x\n\n -- A <a@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
        )
        let all = try fixture.build()
        XCTAssertEqual(all.keys.sorted(), ["hello", "hello-dbgsym"])
        XCTAssertTrue(all["hello-dbgsym"]?.hasSuffix("_all.deb") == true, "\(all)")
        let bytes = try StripFixture.bytes(try XCTUnwrap(all["hello"]))
        let root = try StripFixture.unpack(all["hello"])
        XCTAssertFalse(try StripFixture.sections(root.path + "/usr/bin/program").contains(".gnu_debuglink"))
        // Whichever packages are asked for.
        let alone = try fixture.workspace.debbuild(["build", "hello", "--force"])
        XCTAssertEqual(alone.output, (all["hello"] ?? "") + "\n", alone.errors)
        XCTAssertEqual(try StripFixture.bytes(try XCTUnwrap(all["hello"])), bytes)
    }

    func testNothingToDebug() throws {
        let fixture = try StripFixture(commands: StripFixture.program + "\nstrip tree/usr/bin/program")
        XCTAssertEqual(try fixture.build().keys.sorted(), ["hello"])
    }

    func testLintianAndOurLintFindNothing() throws {
        try requireProgram("lintian")
        // Without what has symbols and nothing for a debugger, and what is left as it is.
        let fixture = try StripFixture(
            commands: StripFixture.everything
                + "\nrm tree/usr/bin/symbols tree/usr/lib/hello/debug/* tree/usr/lib/hello/guile/3.0/*")
        let built = try fixture.build()
        let package = try XCTUnwrap(built["hello-dbgsym"])
        let theirs = try TestSupport.run("lintian", ["--no-cfg", "--allow-root", package]).output
        XCTAssertEqual(theirs, "")
        let ours = try fixture.workspace.debbuild(["lint", "--format", "json", package])
        XCTAssertEqual(ours.status, 0, ours.output)
        XCTAssertFalse(ours.output.contains("DB0"), ours.output)
        let planned = try fixture.workspace.debbuild(["lint", "--arch", try XCTUnwrap(StripFixture.architecture)])
        XCTAssertFalse(planned.output.contains("DB0505"), planned.output)
    }
}
