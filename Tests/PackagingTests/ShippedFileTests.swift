import Foundation
import Platform
import TestSupport
import XCTest

/// Files that other programs read, shown to those programs.
final class ShippedFileTests: XCTestCase {
    func testScriptsAreShellcheckClean() throws {
        try requireProgram("shellcheck")
        let scripts = try Packaging.files { $0.hasSuffix(".sh") || Packaging.maintainerScripts.contains($0) }
        XCTAssertGreaterThanOrEqual(scripts.count, 8)
        for script in scripts {
            let result = try TestSupport.run("shellcheck", ["--external-sources", "--source-path=SCRIPTDIR", script])
            XCTAssertEqual(result.status, 0, "\(script):\n\(result.output)")
        }
    }

    func testTheVersionIsTheSameEverywhere() throws {
        func line(_ file: String, after prefix: String) throws -> String? {
            try String(contentsOfFile: repositoryRoot + "/" + file, encoding: .utf8).components(separatedBy: "\n")
                .first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        }
        XCTAssertEqual(try line("Packaging/workspace.yaml", after: "version: "), ProductVersion.text)
        XCTAssertEqual(try line("CHANGELOG.md", after: "## [")?.components(separatedBy: "]").first, ProductVersion.text)
        for program in ["debbuild", "meshcheck", "mesh-lab", "meshex", "node_agent", "pilot-agent"] {
            let result = try TestSupport.run(productPath(program), ["--version"])
            XCTAssertEqual(result.output, ProductVersion.text + "\n", program)
        }
    }

    func testMaintainerScriptsArePOSIX() throws {
        for script in try Packaging.files(where: Packaging.maintainerScripts.contains) {
            let text = try String(contentsOfFile: script, encoding: .utf8)
            XCTAssertTrue(text.hasPrefix("#!/bin/sh\nset -e\n"), script)
            XCTAssertEqual(text.split(separator: "\n").filter { $0 == "#DEBHELPER#" }.count, 1, script)
            let result = try TestSupport.run("dash", ["-n", script])
            XCTAssertEqual(result.status, 0, "\(script): \(result.errors)")
        }
    }

    /// The user is made by whichever package comes first, in the same way.
    func testBothPackagesMakeTheSameUser() throws {
        func function(_ package: String) throws -> Substring {
            let text = try Packaging.text(package, "postinst").replacingOccurrences(of: package, with: "istio-proxy")
            let match = try XCTUnwrap(text.firstMatch(of: /(?s)\ncreate_user\(\) \{\n.*?\n\}\n/))
            return Substring(match.0)
        }
        XCTAssertEqual(try function("istio-proxy"), try function("istio-auth-node-agent"))
        func line(_ package: String) throws -> [Substring] {
            try Packaging.text(package, "\(package).sysusers").split(separator: "\n").filter { !$0.hasPrefix("#") }
        }
        XCTAssertEqual(try line("istio-proxy"), try line("istio-auth-node-agent"))
    }

    func testLogrotate() throws {
        let machine = try Machine()
        try requireProgram("logrotate")
        let shipped = Packaging.path("istio-proxy", "istio-proxy.logrotate")
        let debug = try machine.run(
            "sh",
            ["-c", "install -m 0644 \"$0\" \"$1\"; logrotate -d \"$1\"", shipped, machine.folder.path + "/shipped"])
        XCTAssertEqual(debug.status, 0, debug.errors)
        XCTAssertFalse(debug.errors.contains("error:"), debug.errors)
        // A rotation by hand: the file that is open stays the same file, and is empty.
        let text = try String(contentsOfFile: shipped, encoding: .utf8)
            .replacingOccurrences(of: "/var/log/istio", with: machine.logs)
        let configuration = try machine.folder.file("logrotate", text)
        let log = try machine.folder.file("log/istio.log", "a line\n")
        try machine.own(log)
        var before = stat()
        var after = stat()
        XCTAssertEqual(stat(log, &before), 0)
        let state = machine.folder.path + "/state"
        let result = try machine.run("logrotate", ["--force", "--state", state, configuration])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertEqual(stat(log, &after), 0)
        XCTAssertEqual(after.st_ino, before.st_ino)
        XCTAssertEqual(after.st_size, 0)
        XCTAssertEqual(try String(contentsOfFile: log + ".1", encoding: .utf8), "a line\n")
    }

    func testEnvoyAcceptsTheFallback() throws {
        let envoy = try Envoy.path()
        let result = try TestSupport.run(
            envoy, ["--mode", "validate", "-c", Packaging.path("istio-proxy", "envoy.json")])
        XCTAssertEqual(result.status, 0, result.errors)
    }

    func testAdministrationIsLocal() throws {
        let text = try Packaging.text("istio-proxy", "envoy.json")
        let configuration = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        let admin = configuration?["admin"] as? [String: Any]
        let address = (admin?["address"] as? [String: Any])?["socket_address"] as? [String: Any]
        XCTAssertEqual(address?["address"] as? String, "127.0.0.1")
        XCTAssertEqual(address?["port_value"] as? Int, 15000)
    }

    func testManualPages() throws {
        try requireProgram("man")
        let pages = try Packaging.files { $0.hasSuffix(".8") || $0.hasSuffix(".1") }
        XCTAssertEqual(pages.count, 7)
        for page in pages {
            let result = try TestSupport.run(
                "man", ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                environment: ["LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"])
            XCTAssertEqual(result.status, 0, page)
            XCTAssertEqual(result.errors, "", page)
        }
    }

    func testChangelogs() throws {
        try requireProgram("dpkg-parsechangelog")
        for package in Packaging.packages {
            let result = try TestSupport.run(
                "dpkg-parsechangelog", ["--all", "--file", Packaging.path(package, "changelog")])
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertEqual(result.errors, "")
            XCTAssertTrue(result.output.contains("Source: \(package)\nVersion: 0.3.0\n"), result.output)
            XCTAssertTrue(result.output.contains("Maintainer: The Istio Authors <istio-dev@googlegroups.com>\n"))
        }
    }

    /// Every override says why: above each line, or above the lines before it, stands a comment.
    func testOverridesHaveReasons() throws {
        for package in Packaging.packages {
            let text = try Packaging.text(package, "lintian-overrides")
            XCTAssertTrue(text.hasPrefix("# "), package)
            for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                XCTAssertTrue(line.hasPrefix(package + ": "), "\(line)")
            }
        }
    }
}
