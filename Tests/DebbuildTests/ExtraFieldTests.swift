import Foundation
import TestSupport
import XCTest

/// What `fields:` may say, compared with what dpkg installs.
final class ExtraFieldTests: XCTestCase {
    func testWhatDpkgRefusesIsRefused() throws {
        try requireProgram("dpkg-deb")
        let cases: [(String, String)] = [
            ("Status", "install ok installed"), ("Config-Version", "1.0"), ("Conffiles", "/etc/x 0123"),
            ("Triggers-Pending", "x"), ("Triggers-Awaited", "x"), ("Depends", "a;b"), ("Essential", "perhaps"),
            ("Protected", "perhaps"), ("Protected", "yes"), ("Important", "yes"), ("Tag", "role::program"),
            ("X-Anything", "a: b"), ("Original-Maintainer", "A <a@example.org>"), ("Multi-Arch", "some"),
            ("Built-Using", "a"), ("Bugs", "mailto:x@example.org"), ("Origin", "here"), ("Package", "A"),
            ("Version", "a"), ("Priority", "x y"), ("Installer-Menu-Item", "10"),
        ]
        for (name, value) in cases {
            let fixture = try WorkspaceFixture(
                package: WorkspaceFixture.packageYAML + "fields: {\(name): \"\(value)\"}\n")
            let ours = try fixture.debbuild(["all"]).status
            // dpkg's verdict on a package with the field, over what it has already.
            let root = try TemporaryDirectory()
            try root.file("p/DEBIAN/control", "", mode: 0o644)
            var fields = [
                "Package: hello", "Version: 1", "Architecture: all", "Maintainer: A <a@example.org>",
                "Description: x",
            ]
            fields.removeAll { $0.hasPrefix(name + ":") }
            try root.file("p/DEBIAN/control", (fields + ["\(name): \(value)"]).joined(separator: "\n") + "\n")
            for folder in ["updates", "info"] { try root.directory("r/var/lib/dpkg/" + folder) }
            try root.file("r/var/lib/dpkg/status", "")
            let made = try TestSupport.run("dpkg-deb", ["--nocheck", "-b", root.path + "/p", root.path + "/x.deb"])
            XCTAssertEqual(made.status, 0, made.errors)
            let theirs = try TestSupport.run(
                "dpkg",
                [
                    "--root=" + root.path + "/r", "--force-not-root", "--force-script-chrootless", "--force-depends",
                    "--install", root.path + "/x.deb",
                ])
            if theirs.status != 0 { XCTAssertEqual(ours, 2, "\(name): \(value): \(theirs.errors)") }
            if ["X-Anything", "Tag", "Original-Maintainer", "Bugs", "Origin", "Important", "Installer-Menu-Item"]
                .contains(name) || (name == "Protected" && value == "yes")
            {
                XCTAssertEqual(theirs.status, 0, theirs.errors)
                XCTAssertEqual(ours, 0, name)
            }
        }
    }

    func testTextsThatCannotBeReadAgainAreRefused() throws {
        for text in ["\"a\\0b\"", "\"a\\x01\"", "\"\\x7f\""] {
            let fixture = try WorkspaceFixture(
                package: WorkspaceFixture.packageYAML.replacingOccurrences(
                    of: "description: |\n  Says hello.", with: "description: \(text)"))
            let result = try fixture.debbuild(["all"])
            XCTAssertEqual(result.status, 2, text)
            XCTAssertTrue(result.errors.contains("[description]"), result.errors)
        }
        for source in ["a b", "a (1", "A", "a (x_y)"] {
            let fixture = try WorkspaceFixture(package: WorkspaceFixture.packageYAML + "source: \"\(source)\"\n")
            let result = try fixture.debbuild(["all"])
            XCTAssertTrue(result.errors.contains("[source]"), source + result.errors)
        }
        let fixture = try WorkspaceFixture(package: WorkspaceFixture.packageYAML + "source: hello (1:1.2-1)\n")
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-f", fixture.build(), "Source"]).output, "hello (1:1.2-1)\n")
    }
}
