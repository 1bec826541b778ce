import Foundation
import TestSupport
import XCTest

/// Maintainer scripts of the user's own, before anything is built.
final class ScriptCheckTests: XCTestCase {
    private func result(_ script: String, name: String = "postinst") throws -> RunResult {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML
                + "depends: [dbconfig-common]\nunits: [{file: pp.service}]\nscripts: {\(name): script}\n")
        try fixture.directory.file(
            "w/hello/pp.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=a.target\n")
        try fixture.directory.file("w/hello/script", script)
        return try fixture.debbuild(["all"])
    }

    func testScriptsThatNeverReachTheMarker() throws {
        for (body, isRefused) in [
            ("exit 0\n#DEBHELPER#\n", true), ("echo x; exit 0\n#DEBHELPER#\n", true),
            ("exec /usr/bin/real \"$@\"\n#DEBHELPER#\n", true),
            ("if true; then :; fi\nexit 0\n#DEBHELPER#\n", true),
            ("f() {\n  :\n}\nf\nexit\n#DEBHELPER#\n", true),
            ("#DEBHELPER#\nexit 0\n", false), ("if [ -z \"$1\" ]; then exit 1; fi\n#DEBHELPER#\n", false),
            ("case \"$1\" in\nconfigure) ;;\n*) exit 1 ;;\nesac\n#DEBHELPER#\n", false),
            ("case \"$1\" in\n  (a|b) exit 0;;\nesac\n#DEBHELPER#\n", false),
            ("[ \"$1\" = configure ] || exit 0\n#DEBHELPER#\n", false), ("(exit 0)\n#DEBHELPER#\n", false),
            ("[ \"$1\" = configure ] || { echo no; exit 0; }\n#DEBHELPER#\n", false),
            ("die() { echo \"$1\"; exit 1; }\n#DEBHELPER#\n", false), ("exec 3>&1\n#DEBHELPER#\n", false),
            ("while read -r x; do exit 2; done </dev/null\n#DEBHELPER#\n", false),
            ("x=$(exit 1) || :\n#DEBHELPER#\n", false),
            ("cat <<E\nexit 0\nE\n#DEBHELPER#\n", false), ("trap 'exit 0' INT\n#DEBHELPER#\n", false),
            ("for i in a b; do exit 0; done\n#DEBHELPER#\n", false),
        ] {
            let result = try result("#!/bin/sh\nset -e\n" + body)
            XCTAssertEqual(result.errors.contains("[script-exit]"), isRefused, body + result.errors)
            XCTAssertEqual(result.status, isRefused ? 2 : 0, body + result.errors)
        }
    }

    func testLinesOfAShellGoIntoNoOtherScript() throws {
        for interpreter in ["/usr/bin/python3", "/usr/bin/perl -w", "/usr/bin/env python3", "/usr/bin/awk -f"] {
            let result = try result("#!\(interpreter)\n#DEBHELPER#\n")
            XCTAssertEqual(result.status, 2)
            XCTAssertTrue(result.errors.contains("[script-language]"), result.errors)
        }
        // Nothing goes into this one.
        XCTAssertEqual(try result("#!/usr/bin/perl\nexit 0;\n", name: "config").status, 0)
        XCTAssertEqual(try result("#!/bin/bash\nset -e\n#DEBHELPER#\n").status, 0)
        XCTAssertEqual(try result("#!/usr/bin/env bash\nset -e\n#DEBHELPER#\n").status, 0)
    }

    func testScriptsThatDoNotParse() throws {
        try requireProgram("bash")
        for (script, isRefused) in [
            ("#!/bin/sh\nset -e\n#DEBHELPER#\nif true; then\n", true), ("#!/bin/bash\n#DEBHELPER#\necho ${\n", true),
            ("#!/bin/bash\n#DEBHELPER#\na=(1 2)\n", false), ("#!/bin/sh\n#DEBHELPER#\na=(1 2)\n", true),
        ] {
            let result = try result(script)
            XCTAssertEqual(result.status, isRefused ? 2 : 0, script + result.errors)
            XCTAssertEqual(result.errors.contains("[script-syntax]"), isRefused, result.errors)
        }
    }

    func testInstancesOfTemplatesAreNotStartedByTheirBareName() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML
                + "units: [{file: 't@.service'}, {file: 'run-vm\\x2dx.mount'}]\nunit-directory: /usr/lib/systemd/system\n"
        )
        for name in ["t@.service", "run-vm\\x2dx.mount"] {
            try fixture.directory.file("w/hello/" + name, "[Unit]\n[Install]\nWantedBy=a.target\n")
        }
        let package = try fixture.build(["--no-lint"])
        let folder = try TemporaryDirectory()
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-R", package, folder.path]).status, 0)
        let text = try ["postinst", "prerm", "postrm"].map {
            try String(contentsOfFile: folder.path + "/DEBIAN/" + $0, encoding: .utf8)
        }.joined()
        XCTAssertFalse(text.contains("'t@.service'"), text)
        XCTAssertTrue(text.contains("deb-systemd-invoke try-restart 't@*.service'"), text)
        XCTAssertTrue(text.contains("deb-systemd-invoke stop 't@*.service' 'run-vm\\x2dx.mount'"), text)
        XCTAssertTrue(
            FileManager.default.fileExists(atPath: folder.path + "/usr/lib/systemd/system/run-vm\\x2dx.mount"))
    }
}
