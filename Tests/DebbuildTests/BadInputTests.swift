import Foundation
import TestSupport
import XCTest

/// Every mistake gets its own message at its own place, exit status 2, and nothing is written.
final class BadInputTests: XCTestCase {
    private struct Case: Sendable {
        var name: String
        var package: String = WorkspaceFixture.packageYAML
        var workspace: String = WorkspaceFixture.workspaceYAML
        /// The code in brackets, and `file:line` where the message points.
        var code: String
        var place: String?
        var prepare: @Sendable (WorkspaceFixture) throws -> Void = { _ in }
        var arguments: [String] = []
    }

    private static func replacing(_ text: String, _ replacement: String) -> String {
        precondition(WorkspaceFixture.packageYAML.contains(text), text)
        return WorkspaceFixture.packageYAML.replacingOccurrences(of: text, with: replacement)
    }

    private static func adding(_ text: String) -> String { WorkspaceFixture.packageYAML + text + "\n" }

    private static func content(_ text: String) -> String {
        WorkspaceFixture.packageYAML.replacingOccurrences(
            of: "changelog: changelog", with: text + "\nchangelog: changelog")
    }

    private static let cases: [Case] = [
        // YAML
        Case(name: "unknown key", package: adding("deepnds: [x]"), code: "unknown-key", place: "package.yaml:12:1"),
        Case(
            name: "duplicate key", package: adding("summary: again"), code: "duplicate-key", place: "package.yaml:12:1"),
        Case(name: "tab", package: adding("variables:\n\ta: b"), code: "tab", place: "package.yaml:13:1"),
        Case(name: "unclosed quote", package: adding("section: \"net"), code: "yaml"),
        Case(name: "bad indentation", package: adding("variables:\n    a: b\n  c: d"), code: "yaml"),
        Case(name: "two documents", package: adding("---\na: b"), code: "documents"),
        Case(name: "a list at the top", package: "- a\n", code: "type", place: "package.yaml:1:1"),
        Case(name: "an empty file", package: "", code: "type"),
        Case(name: "merge key", package: adding("variables: {<<: {a: b}}"), code: "merge-key"),
        Case(name: "alias without anchor", package: adding("source: *nothing"), code: "alias"),
        Case(
            name: "alias bomb",
            package: adding(
                "variables:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                    + (0..<6).map {
                        "  b\($0): &\(["b", "c", "d", "e", "f", "g"][$0]) ["
                            + [String](repeating: "*\(["a", "b", "c", "d", "e", "f"][$0])", count: 10).joined(
                                separator: ",")
                            + "]"
                    }.joined(separator: "\n")), code: "too-many-nodes"),
        Case(
            name: "deep nesting", package: adding("variables: " + String(repeating: "[", count: 100)), code: "too-deep"),
        Case(
            name: "not UTF-8", code: "utf-8", place: "package.yaml:2:10",
            prepare: { fixture in
                try fixture.directory.file(
                    "w/hello/package.yaml", bytes: Array("package: hello\nsummary: ".utf8) + [0xff, 0x0a])
            }),
        // types and values
        Case(
            name: "list for text", package: replacing("summary: greet the world", "summary: [a]"), code: "type",
            place: "package.yaml:2:10"),
        Case(name: "missing value", package: adding("source:"), code: "missing-value"),
        Case(name: "missing key", package: replacing("summary: greet the world\n", ""), code: "missing-key"),
        Case(name: "boolean", package: adding("essential: yes"), code: "type", place: "package.yaml:12:12"),
        Case(
            name: "name", package: replacing("package: hello", "package: Hello_x"), code: "package-name",
            place: "package.yaml:1:10"),
        Case(name: "version", package: adding("version: 1.0_2"), code: "version", place: "package.yaml:12:13"),
        Case(
            name: "architecture", package: replacing("[all]", "[amd46]"), code: "architecture",
            place: "package.yaml:5:17"),
        Case(
            name: "relation", package: adding("depends: [\"curl (> 1)\"]"), code: "relation",
            place: "package.yaml:12:18"),
        Case(name: "relation name", package: adding("depends: [Curl]"), code: "relation", place: "package.yaml:12:11"),
        Case(name: "relation alternatives", package: adding("conflicts: [\"a1 | b1\"]"), code: "relation"),
        Case(name: "relation bound in Provides", package: adding("provides: [\"mta (>= 1)\"]"), code: "relation"),
        Case(name: "built-using", package: adding("built-using: [bazel]"), code: "relation"),
        Case(name: "self-relation", package: adding("depends: [hello]"), code: "relation-self"),
        Case(name: "mode", package: replacing("\"0755\"", "\"0789\""), code: "mode", place: "package.yaml:9:11"),
        Case(name: "mode too large", package: replacing("\"0755\"", "\"17777\""), code: "mode"),
        Case(name: "owner", package: replacing("mode: \"0755\"", "owner: \"Root User\""), code: "owner-name"),
        Case(
            name: "e-mail", package: adding("maintainer: Somebody"), code: "maintainer", place: "package.yaml:12"),
        Case(name: "e-mail host", package: adding("maintainer: A <a@>"), code: "maintainer"),
        Case(name: "priority", package: adding("priority: optionel"), code: "enumeration"),
        Case(name: "homepage", package: adding("homepage: example.org"), code: "web-address"),
        Case(name: "compression", package: adding("compression: xz:12"), code: "compression"),
        Case(name: "trigger", package: adding("triggers: [interests /x]"), code: "trigger"),
        Case(
            name: "long summary", package: replacing("greet the world", String(repeating: "x", count: 81)),
            code: "summary"),
        Case(name: "field taken", package: adding("fields: {Section: net}"), code: "field-taken"),
        Case(name: "field name", package: adding("fields: {\"a b\": net}"), code: "field-name"),
        // variables and includes
        Case(
            name: "undefined variable", package: replacing("greet the world", "greet ${wrold}"),
            code: "undefined-variable",
            place: "package.yaml:2:16"),
        Case(
            name: "variable cycle", package: adding("variables: {a: '${b}', b: '${a}'}\nsource: ${a}"),
            code: "variable-cycle"),
        Case(name: "open variable", package: replacing("greet the world", "greet ${world"), code: "variable-syntax"),
        Case(name: "environment", package: adding("source: ${env:NOT_THERE_AT_ALL}"), code: "undefined-variable"),
        Case(
            name: "cyclic include", package: adding("include: [../a.yaml]"), code: "include-cycle",
            prepare: { try $0.directory.file("w/a.yaml", "include: [hello/package.yaml]\n") }),
        Case(
            name: "missing include", package: adding("include: [../b.yaml]"), code: "include-unreadable",
            place: "package.yaml:12:11"),
        // what would fail later
        Case(
            name: "a version too long for a file name",
            workspace: WorkspaceFixture.workspaceYAML.replacingOccurrences(
                of: "version: 1.2.3", with: "version: " + String(repeating: "1", count: 5000)), code: "version",
            place: "workspace.yaml:1:10"),
        Case(
            name: "a payload larger than the format", package: content("  - file: large\n    to: /usr/share/x"),
            code: "package-too-large", place: "package.yaml:1:10",
            prepare: {
                try $0.directory.file("w/hello/large", "")
                XCTAssertEqual(truncate($0.path + "/hello/large", 12 << 30), 0)
            }, arguments: ["--compression", "none"]),
        Case(
            name: "a file of /proc as a payload", package: content("  - payload: p\n    to: /usr/bin/p"),
            workspace: WorkspaceFixture.workspaceYAML + "payloads: {p: {path: /proc/cpuinfo}}\n", code: "payload",
            place: "workspace.yaml:6:22"),
        Case(
            name: "a file of /sys as a payload", package: content("  - payload: p\n    to: /usr/bin/p"),
            workspace: WorkspaceFixture.workspaceYAML
                + "payloads: {p: {path: /sys/kernel/mm/transparent_hugepage/enabled}}\n",
            code: "payload", place: "workspace.yaml:6:22"),
        Case(
            name: "a NUL in the description",
            package: replacing("description: |\n  Says hello.", "description: \"a\\0b\""), code: "description",
            place: "package.yaml:3:14"),
        // contents
        Case(
            name: "missing file", package: replacing("file: hello.sh", "file: helo.sh"), code: "source-missing",
            place: "package.yaml:7:11"),
        Case(
            name: "directory for a file", package: replacing("file: hello.sh", "file: d"), code: "source-not-file",
            prepare: { try $0.directory.directory("w/hello/d") }),
        Case(
            name: "file for a tree", package: content("  - tree: hello.sh\n    to: /usr/share/x"),
            code: "source-not-directory"),
        Case(
            name: "named pipe", package: replacing("file: hello.sh", "file: pipe"), code: "source-not-file",
            prepare: { XCTAssertEqual(mkfifo($0.path + "/hello/pipe", 0o644), 0) }),
        Case(
            name: "dot-dot destination", package: replacing("/usr/bin/hello", "/usr/../bin/hello"),
            code: "installed-path",
            place: "package.yaml:8:9"),
        Case(
            name: "relative destination", package: replacing("/usr/bin/hello", "usr/bin/hello"), code: "installed-path"),
        Case(
            name: "newline in a path", package: replacing("/usr/bin/hello", "\"/usr/bin/a\\nb\""),
            code: "installed-path"),
        Case(name: "source outside", package: replacing("file: hello.sh", "file: ../../x"), code: "source-outside"),
        Case(
            name: "link outside", package: replacing("file: hello.sh", "file: link"), code: "source-outside",
            prepare: {
                try FileManager.default.createSymbolicLink(
                    atPath: $0.path + "/hello/link", withDestinationPath: "/etc/passwd")
            }),
        Case(
            name: "absolute link in a tree", package: content("  - tree: t\n    to: /usr/share/x"),
            code: "tree-absolute-link",
            prepare: {
                try $0.directory.directory("w/hello/t")
                try FileManager.default.createSymbolicLink(
                    atPath: $0.path + "/hello/t/link", withDestinationPath: "/home/builder/secret")
            }),
        Case(
            name: "socket in a tree", package: content("  - tree: t\n    to: /usr/share/x"), code: "tree-special-file",
            prepare: {
                try $0.directory.directory("w/hello/t")
                XCTAssertEqual(mkfifo($0.path + "/hello/t/pipe", 0o644), 0)
            }),
        Case(
            name: "newline in a tree", package: content("  - tree: t\n    to: /usr/share/x"), code: "installed-path",
            prepare: { try $0.directory.file("w/hello/t/a\nb", "") }),
        Case(
            name: "two entries", package: content("  - file: hello.sh\n    to: /usr/bin/hello"),
            code: "duplicate-entry",
            place: "package.yaml:10:5"),
        Case(
            name: "file as a directory", package: content("  - file: hello.sh\n    to: /usr/bin/hello/x"),
            code: "parent-not-directory"),
        Case(name: "two kinds", package: content("  - file: hello.sh\n    tree: x\n    to: /x"), code: "item-kind"),
        Case(name: "no kind", package: content("  - fiel: hello.sh\n    to: /x"), code: "item-kind"),
        Case(name: "conffile not shipped", package: adding("conffiles: [/etc/hello.conf]"), code: "conffile-missing"),
        Case(
            name: "conffile is a directory", package: adding("conffiles: [/usr/bin]"), code: "conffile-not-file"),
        Case(
            name: "conffile shipped and obsolete", package: adding("obsolete-conffiles: [/usr/bin/hello]"),
            code: "conffile-shipped"),
        Case(name: "unknown payload", package: content("  - payload: envoi\n    to: /x"), code: "payload-unknown"),
        Case(
            name: "wrong checksum", package: content("  - payload: p\n    to: /x"),
            workspace: WorkspaceFixture.workspaceYAML
                + "payloads:\n  p: {path: hello/hello.sh, sha256: \(String(repeating: "0", count: 64))}\n",
            code: "payload"),
        Case(
            name: "malformed checksum",
            workspace: WorkspaceFixture.workspaceYAML
                + "payloads:\n  p: {path: hello/hello.sh, sha256: abc}\n", code: "sha-256"),
        Case(
            name: "two sources", package: content("  - payload: p\n    to: /x"),
            workspace: WorkspaceFixture.workspaceYAML + "payloads:\n  p: {path: a, url: http://b}\n",
            code: "payload-source"),
        Case(
            name: "archive without member", package: content("  - payload: p\n    to: /x"),
            workspace: WorkspaceFixture.workspaceYAML + "payloads:\n  p: {archive: a.zip}\n", code: "payload-member"),
        Case(
            name: "no source for the architecture", package: content("  - payload: p\n    to: /x"),
            workspace: WorkspaceFixture.workspaceYAML + "payloads:\n  p: {architectures: {arm64: {path: a}}}\n",
            code: "payload-architecture"),
        // scripts, units, changelog
        Case(
            name: "script without interpreter", package: adding("scripts: {postinst: p}"), code: "script-interpreter",
            prepare: { try $0.directory.file("w/hello/p", "echo\n") }),
        Case(
            name: "script without marker", package: adding("scripts: {postinst: p}\nunits: [{file: a.service}]"),
            code: "script-marker",
            prepare: {
                try $0.directory.file("w/hello/p", "#!/bin/sh\n")
                try $0.directory.file("w/hello/a.service", "[Service]\nExecStart=/bin/true\n")
            }),
        Case(
            name: "unit name", package: adding("units: [{file: \"a b.service\"}]"), code: "unit-name",
            prepare: { try $0.directory.file("w/hello/a b.service", "[Service]\n") }),
        Case(
            name: "changelog", code: "changelog-syntax",
            prepare: { try $0.directory.file("w/hello/changelog", "hello\n") }),
        Case(
            name: "changelog of another package", code: "changelog-package",
            prepare: {
                let path = $0.path + "/hello/changelog"
                let text = try String(contentsOfFile: path, encoding: .utf8)
                try $0.directory.file("w/hello/changelog", text.replacingOccurrences(of: "hello (", with: "other ("))
            }),
        Case(name: "no date", package: replacing("changelog: changelog\n", ""), code: "no-date"),
        Case(name: "manual page", package: adding("manual-pages: [copyright]"), code: "manual-section"),
        // overrides and workspace
        Case(
            name: "mistake in another architecture's override",
            package: adding("overrides:\n  - architecture: arm64\n    dependz: [x]"), code: "unknown-key",
            place: "package.yaml:14:5"),
        Case(
            name: "override without selector", package: adding("overrides:\n  - depends: [x]"),
            code: "override-selector"),
        Case(name: "workspace version", workspace: "output: out\n", code: "missing-key", place: "workspace.yaml:1:1"),
        Case(
            name: "package of the workspace", workspace: WorkspaceFixture.workspaceYAML + "packages: [hallo]\n",
            code: "package-unknown", place: "workspace.yaml:6"),
        // options
        Case(name: "--arch", code: "architecture", arguments: ["--arch", "amd65"]),
        Case(name: "--version", code: "version", arguments: ["--version", "one"]),
        Case(name: "--source-date-epoch", code: "source-date-epoch", arguments: ["--source-date-epoch", "1e9"]),
        Case(name: "--compression", code: "compression", arguments: ["--compression", "lzma"]),
        Case(name: "--payload", code: "payload", arguments: ["--payload", "x"]),
    ]

    func testEveryMistakeIsReportedAtItsPlace() throws {
        XCTAssertGreaterThan(Self.cases.count, 80)
        for item in Self.cases {
            let fixture = try WorkspaceFixture(package: item.package, workspace: item.workspace)
            try item.prepare(fixture)
            let result = try fixture.debbuild(["all"] + item.arguments)
            XCTAssertEqual(result.status, 2, "\(item.name): \(result.errors)")
            XCTAssertTrue(result.errors.contains("[\(item.code)]"), "\(item.name): \(result.errors)")
            if let place = item.place {
                XCTAssertTrue(result.errors.contains(place), "\(item.name) not at \(place): \(result.errors)")
            }
            XCTAssertEqual(result.output, "", item.name)
            XCTAssertEqual(fixture.packagesWritten, [], item.name)
        }
    }

    func testSeveralMistakesAreReportedAtOnce() throws {
        let text =
            WorkspaceFixture.packageYAML
            .replacingOccurrences(of: "\"0755\"", with: "\"0799\"")
            .replacingOccurrences(of: "[all]", with: "[amd46]") + "deepnds: [x]\n"
        let fixture = try WorkspaceFixture(package: text)
        let result = try fixture.debbuild(["all"])
        for code in ["[mode]", "[architecture]", "[unknown-key]", "did you mean 'amd64'", "did you mean 'depends'"] {
            XCTAssertTrue(result.errors.contains(code), "\(code) in \(result.errors)")
        }
        XCTAssertTrue(result.errors.contains("3 errors"), result.errors)
    }

    func testUnreadableFile() throws {
        if getuid() == 0 {
            // root reads everything, so the build runs as nobody.
            try requireProgram("setpriv")
            let fixture = try WorkspaceFixture()
            XCTAssertEqual(chmod(fixture.path + "/hello/hello.sh", 0), 0)
            let result = try TestSupport.run(
                "setpriv",
                [
                    "--reuid=65534", "--regid=65534", "--clear-groups", productPath("debbuild"), "plan", "--cache",
                    "/tmp/debbuild-no-such-cache",
                ], workingDirectory: fixture.path)
            if result.status == 127 || result.status == 126 { throw XCTSkip("the program cannot be run as nobody") }
            XCTAssertEqual(result.status, 2, result.errors)
            XCTAssertTrue(result.errors.contains("[source-unreadable]"), result.errors)
        } else {
            let fixture = try WorkspaceFixture()
            XCTAssertEqual(chmod(fixture.path + "/hello/hello.sh", 0), 0)
            let result = try fixture.debbuild(["all"])
            XCTAssertEqual(result.status, 2, result.errors)
            XCTAssertTrue(result.errors.contains("[source-unreadable]"), result.errors)
        }
    }

    func testMalformedSourceDateEpochOfTheEnvironmentIsRefused() throws {
        for value in ["", "-1", "1.5", "0x10", "tomorrow", "99999999999999999999"] {
            let result = try WorkspaceFixture().debbuild(["all"], environment: ["SOURCE_DATE_EPOCH": value])
            XCTAssertEqual(result.status, 2, "'\(value)'")
            XCTAssertTrue(result.errors.contains("[source-date-epoch]"), result.errors)
        }
    }

    func testDiagnosticsAsJSON() throws {
        let fixture = try WorkspaceFixture(package: WorkspaceFixture.packageYAML + "deepnds: [x]\n")
        let result = try fixture.debbuild(["all", "--format", "json"])
        XCTAssertEqual(result.status, 2)
        let object = try JSONSerialization.jsonObject(with: Data(result.standardError)) as? [String: Any]
        let first = (object?["diagnostics"] as? [[String: Any]])?.first
        XCTAssertEqual(first?["code"] as? String, "unknown-key")
        XCTAssertEqual(first?["line"] as? Int, 12)
        XCTAssertEqual(first?["column"] as? Int, 1)
    }

    func testUsageErrorsEndWithTwo() throws {
        for arguments in [["frobnicate"], ["all", "--jobs", "0"], ["all", "--no-such"], ["build"], ["diff", "a"]] {
            let result = try TestSupport.run(productPath("debbuild"), arguments)
            XCTAssertEqual(result.status, 2, "\(arguments): \(result.errors)")
        }
    }

    func testMessageLooksLikeThis() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(of: "hello.sh", with: "helo.sh"))
        let result = try fixture.debbuild(["plan"])
        let expected = """
            error: there is no file 'helo.sh' [source-missing]
             --> hello/package.yaml:7:11
              |
            7 |   - file: helo.sh
              |           ^^^^^^^
              = help: 'hello/hello.sh' exists

            """
        XCTAssertEqual(result.errors, expected)
    }
}
