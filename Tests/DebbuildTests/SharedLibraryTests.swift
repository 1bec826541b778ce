import Foundation
import TestSupport
import XCTest

/// Shared libraries for everybody, as dh_makeshlibs(1) and lintian(1) want them.
final class SharedLibraryTests: XCTestCase {
    private static let triplet = (try? TestSupport.run("dpkg-architecture", ["-qDEB_HOST_MULTIARCH"]).output)?
        .trimmingCharacters(in: .newlines)
    private static let architecture = (try? TestSupport.run("dpkg", ["--print-architecture"]).output)?
        .trimmingCharacters(in: .newlines)

    private func library(_ soname: String?, at path: String, in folder: TemporaryDirectory) throws {
        try folder.file("lib.c", "int f(void);\nint f(void) { return 1; }\n")
        try folder.directory((path as NSString).deletingLastPathComponent)
        try TestSupport.run(
            "gcc",
            ["-shared", "-fPIC", "-s", "-nostdlib", "-Wl,-z,noexecstack"] + (soname.map { ["-Wl,-soname,\($0)"] } ?? [])
                + ["-o", folder.path + "/" + path, folder.path + "/lib.c"]
        ).check()
    }

    /// Files below `tree` and `/usr/lib/TRIPLET` for them.
    private func fixture(_ keys: String = "", version: String = "1.2.3") throws -> WorkspaceFixture {
        try requireProgram("gcc")
        let triplet = try XCTUnwrap(Self.triplet)
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "architectures: [all]", with: "architectures: [\(try XCTUnwrap(Self.architecture))]"
            ).replacingOccurrences(of: "contents:\n", with: "contents:\n  - {tree: tree, to: /}\n") + keys,
            workspace: WorkspaceFixture.workspaceYAML.replacingOccurrences(of: "1.2.3", with: version))
        let lib = "w/hello/tree/usr/lib/\(triplet)"
        try library("libpp.so.1", at: lib + "/libpp.so.1.0", in: fixture.directory)
        try FileManager.default.createSymbolicLink(
            atPath: fixture.directory.path + "/\(lib)/libpp.so.1", withDestinationPath: "libpp.so.1.0")
        return fixture
    }

    private func unpacked(_ package: String) throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory()
        try TestSupport.run("dpkg-deb", ["-R", package, folder.path]).check()
        return folder
    }

    private func controlFile(_ name: String, of folder: TemporaryDirectory) -> String? {
        try? String(contentsOfFile: folder.path + "/DEBIAN/" + name, encoding: .utf8)
    }

    func testControlFilesAreThoseOfDhMakeshlibs() throws {
        try requireProgram("dh_makeshlibs")
        for (version, scheme) in [("1.2.3", "semver"), ("2:1.0-rc1-3", "debian"), ("4~beta+x-1", "debian")] {
            let fixture = try fixture("version-scheme: \(scheme)\n", version: "\"\(version)\"")
            let lib = "w/hello/tree/usr/lib/\(try XCTUnwrap(Self.triplet))"
            try library("libqq-2.4.so", at: lib + "/libqq-2.4.so", in: fixture.directory)
            try library("libpp.so.1", at: "w/hello/tree/usr/lib/libpp.so.1", in: fixture.directory)
            let ours = try unpacked(fixture.build(["--arch", try XCTUnwrap(Self.architecture)]))
            let folder = try TemporaryDirectory()
            try folder.file(
                "debian/control",
                "Source: hello\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: hello\nArchitecture: any\n")
            try folder.file(
                "debian/changelog",
                "hello (\(version)) unstable; urgency=medium\n\n  * x\n\n -- A <a@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
            )
            try FileManager.default.copyItem(
                atPath: fixture.path + "/hello/tree", toPath: folder.path + "/debian/hello")
            for program in ["dh_makeshlibs", "dh_installdeb"] {
                try TestSupport.run(program, workingDirectory: folder.path).check()
            }
            for name in ["shlibs", "triggers"] {
                func lines(_ text: String) -> [Substring] {
                    text.split(separator: "\n").filter { !$0.hasPrefix("#") }
                }
                let theirs = try String(contentsOfFile: folder.path + "/debian/hello/DEBIAN/" + name, encoding: .utf8)
                XCTAssertEqual(lines(controlFile(name, of: ours) ?? ""), lines(theirs), "\(name) at \(version)")
            }
        }
    }

    func testLibrariesOfThePackageAloneAreNotAnnounced() throws {
        let fixture = try fixture("public-libraries: false\n")
        let package = try fixture.build(["--no-lint", "--arch", try XCTUnwrap(Self.architecture)])
        let folder = try unpacked(package)
        XCTAssertNil(controlFile("shlibs", of: folder))
        XCTAssertNil(controlFile("triggers", of: folder))
        let lint = try fixture.debbuild(["lint", package])
        for code in ["DB0510", "DB0514"] { XCTAssertTrue(lint.output.contains(code), lint.output) }

        let own = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "architectures: [all]", with: "architectures: [\(try XCTUnwrap(Self.architecture))]"
            ).replacingOccurrences(of: "contents:\n", with: "contents:\n  - {tree: tree, to: /}\n"))
        try library("libpp.so.1", at: "w/hello/tree/usr/lib/hello/libpp.so.1", in: own.directory)
        let plain = try unpacked(own.build(["--arch", try XCTUnwrap(Self.architecture)]))
        XCTAssertNil(controlFile("shlibs", of: plain))
        XCTAssertNil(controlFile("triggers", of: plain))
    }

    func testLintianAndOurLintAgree() throws {
        try requireProgram("lintian")
        let tags = [
            "lacks-ldconfig-trigger", "no-shlibs", "ships-undeclared-shared-library", "empty-shlibs",
            "lacks-versioned-link-to-shared-library", "syntax-error-in-symbols-file", "duplicate-in-shlibs",
        ]
        func verdict(_ fixture: WorkspaceFixture) throws -> (tags: Set<String>, codes: Set<String>) {
            let package = try fixture.build(["--no-lint", "--arch", try XCTUnwrap(Self.architecture)])
            let theirs = try TestSupport.run("lintian", ["--no-cfg", "--allow-root", package]).output
            let ours = try fixture.debbuild(["lint", package])
            return (
                Set(tags.filter { theirs.contains("E: hello: \($0)") }),
                Set((510...514).map { "DB0\($0)" }.filter { ours.output.contains($0) })
            )
        }
        let sound = try verdict(fixture())
        XCTAssertEqual(sound.tags, [])
        XCTAssertEqual(sound.codes, [])
        let silent = try verdict(fixture("public-libraries: false\n"))
        XCTAssertEqual(silent.tags, ["lacks-ldconfig-trigger", "no-shlibs"])
        XCTAssertEqual(silent.codes, ["DB0510", "DB0514"])
        let unlinked = try fixture()
        try FileManager.default.removeItem(
            atPath: unlinked.path + "/hello/tree/usr/lib/\(try XCTUnwrap(Self.triplet))/libpp.so.1")
        let broken = try verdict(unlinked)
        XCTAssertEqual(broken.tags, ["lacks-versioned-link-to-shared-library"])
        XCTAssertEqual(broken.codes, ["DB0512"])
    }

    func testSymbols() throws {
        let sound = "libpp.so.1 hello #MINVER#\n f@Base 1.0\n"
        let fixture = try fixture("symbols: symbols\n")
        try fixture.directory.file("w/hello/symbols", sound)
        XCTAssertEqual(
            controlFile(
                "symbols", of: try unpacked(fixture.build(["--arch", try XCTUnwrap(Self.architecture)]))), sound)
        for (text, code) in [
            ("libpp.so.2 hello #MINVER#\n f@Base 1.0\n", "symbols-library"),
            ("libpp.so.1 hello #MINVER#\n f@Base\n", "symbols-syntax"),
        ] {
            try fixture.directory.file("w/hello/symbols", text)
            let result = try fixture.debbuild(["all", "--arch", try XCTUnwrap(Self.architecture)])
            XCTAssertEqual(result.status, 2)
            XCTAssertTrue(result.errors.contains("[\(code)]"), result.errors)
        }
    }

    func testAProgramDependsOnThePackageOfItsLibrary() throws {
        let fixture = try fixture("shlib-depends: false\n")
        let architecture = try XCTUnwrap(Self.architecture)
        let lib = "w/hello/tree/usr/lib/\(try XCTUnwrap(Self.triplet))"
        try fixture.directory.file("main.c", "int f(void);\nint main(void) { return f(); }\n")
        try TestSupport.run(
            "gcc",
            [
                "-s", "-o", fixture.path + "/program", fixture.directory.path + "/main.c",
                fixture.directory.path + "/\(lib)/libpp.so.1.0",
            ]
        ).check()
        try fixture.directory.file(
            "w/user/package.yaml",
            WorkspaceFixture.packageYAML.replacingOccurrences(of: "package: hello", with: "package: user")
                .replacingOccurrences(of: "architectures: [all]", with: "architectures: [\(architecture)]")
                .replacingOccurrences(of: "file: hello.sh", with: "file: ../program"))
        try fixture.directory.file("w/user/copyright", "x\n")
        try fixture.directory.file(
            "w/user/changelog",
            "user (1.2.3) unstable; urgency=medium\n\n  * x\n\n -- A <a@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
        )
        let result = try fixture.debbuild(["all", "--arch", architecture])
        XCTAssertEqual(result.status, 0, result.errors)
        let user = try XCTUnwrap(result.output.split(separator: "\n").first { $0.contains("/user_") })
        let depends = try TestSupport.run("dpkg-deb", ["-f", String(user), "Depends"]).output
        XCTAssertTrue(depends.hasPrefix("hello (>= 1.2.3), libc6"), depends)
        let alone = try fixture.debbuild(["build", "user", "--arch", architecture])
        XCTAssertEqual(alone.status, 2)
        XCTAssertTrue(alone.errors.contains("build it together with this one"), alone.errors)
    }
}
