import Foundation
import TestSupport
import XCTest

/// Questions of a package, asked by debconf itself.
final class DebconfTests: XCTestCase {
    private static let templates = """
        Template: hello/sure
        Type: boolean
        Default: true
        Description: Sure?

        Template: hello/colour
        Type: select
        Choices: red, blue
        Default: red
        Description: Which colour?

        """
    private static let config = """
        #!/bin/sh
        set -e
        . /usr/share/debconf/confmodule
        db_input high hello/colour || true
        db_go || true

        """
    private static let postinst = """
        #!/bin/sh
        set -e
        . /usr/share/debconf/confmodule
        if [ "$1" = configure ]; then
            db_get hello/colour
            echo "$RET" >/var/lib/hello-colour
        fi
        #DEBHELPER#

        """

    private func fixture(
        _ keys: String = "", templates: String? = templates, config: String? = config, postinst: String? = postinst
    ) throws -> WorkspaceFixture {
        let scripts = [("config", config), ("postinst", postinst)].filter { $0.1 != nil }.map { "\($0.0): \($0.0)" }
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML + (templates == nil ? "" : "templates: templates\n")
                + "scripts: {\(scripts.joined(separator: ", "))}\n" + keys)
        for (name, text) in [("templates", templates), ("config", config), ("postinst", postinst)] {
            if let text { try fixture.directory.file("w/hello/" + name, text) }
        }
        return fixture
    }

    func testControlDataIsThatOfDhInstalldebconf() throws {
        try requireProgram("dh_installdebconf")
        let fixture = try fixture("depends: [hostname]\n")
        let package = try fixture.build()
        let ours = try TemporaryDirectory()
        try TestSupport.run("dpkg-deb", ["-R", package, ours.path]).check()
        let folder = try TemporaryDirectory()
        try folder.file(
            "debian/control",
            "Source: hello\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: hello\nArchitecture: all\n")
        try folder.file("debian/hello.templates", Self.templates)
        try folder.file("debian/hello.config", Self.config, mode: 0o755)
        for program in ["dh_installdebconf", "dh_installdeb"] {
            try TestSupport.run(program, workingDirectory: folder.path).check()
        }
        let theirs = folder.path + "/debian/hello/DEBIAN/"
        func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
        XCTAssertEqual(try text(ours.path + "/DEBIAN/templates"), try text(theirs + "templates"))
        let substitutions = try text(folder.path + "/debian/hello.substvars")
        let relation = "debconf (>= 0.5) | debconf-2.0"
        XCTAssertTrue(substitutions.contains(relation), substitutions)
        XCTAssertEqual(
            try TestSupport.run("dpkg-deb", ["-f", package, "Depends"]).output, "hostname, \(relation)\n")
        func purge(_ text: String) -> [String] {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { !$0.hasPrefix("#") && !$0.hasPrefix("set ") && !$0.isEmpty }
        }
        XCTAssertEqual(purge(try text(ours.path + "/DEBIAN/postrm")), purge(try text(theirs + "postrm")))
        let mode = try FileManager.default.attributesOfItem(atPath: ours.path + "/DEBIAN/templates")[.posixPermissions]
        XCTAssertEqual(mode as? Int, 0o644)
    }

    func testAnswersReachThePackageAndAreRemovedWithIt() throws {
        let package = try fixture(
            """
            users: [{name: dbtest-app}]
            alternatives: [{name: dbtest, link: /usr/bin/dbtest, path: /usr/bin/hello, priority: 1}]
            units: [{file: hello.service}]

            """)
        try package.directory.file(
            "w/hello/hello.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
        let root = try SpareRoot()
        if try root.shell("command -v debconf-set-selections").status != 0 { throw XCTSkip("debconf is not installed") }
        try root.copy(package.build(), to: "/tmp/hello.deb")
        // Without apt, so that nothing but the package's own scripts loads the templates.
        try root.shell("echo hello hello/colour select blue | debconf-set-selections").check()
        let install = try root.shell("DEBIAN_FRONTEND=noninteractive dpkg --install /tmp/hello.deb </dev/null")
        XCTAssertEqual(install.status, 0, install.output + install.errors)
        XCTAssertEqual(try root.shell("cat /var/lib/hello-colour; id -un dbtest-app").output, "blue\ndbtest-app\n")
        XCTAssertEqual(try root.shell("readlink -f /usr/bin/dbtest").output, "/usr/bin/hello\n")
        let shown = try root.shell("debconf-show hello").output
        XCTAssertTrue(shown.contains("hello/colour: blue") && shown.contains("hello/sure: true"), shown)
        for command in ["dpkg --remove hello", "dpkg --purge hello"] {
            let result = try root.shell("DEBIAN_FRONTEND=noninteractive \(command) </dev/null")
            XCTAssertEqual(result.status, 0, result.output + result.errors)
            XCTAssertEqual(
                try root.shell("debconf-show hello").output.contains("hello/colour"), command.contains("remove"))
        }
        XCTAssertEqual(try root.shell("ls /var/lib/dpkg/info/hello.*").status, 2)
    }

    func testQuestionsWithoutTemplates() throws {
        let result = try fixture(templates: nil).debbuild(["all"])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("[debconf-templates]"), result.errors)
        XCTAssertEqual(try fixture("depends: [dbconfig-common]\n", templates: nil).debbuild(["all"]).status, 0)
        let faulty = try fixture(
            templates: Self.templates.replacingOccurrences(of: "Type: select", with: "Type: choice")
        ).debbuild(["all"])
        XCTAssertEqual(faulty.status, 2)
        XCTAssertTrue(faulty.errors.contains("[templates-syntax]"), faulty.errors)
        XCTAssertTrue(faulty.errors.contains("templates 'templates' line 7: "), faulty.errors)
        let silent = try fixture(postinst: nil).debbuild(["all"])
        XCTAssertEqual(silent.status, 0, silent.errors)
        XCTAssertTrue(silent.errors.contains("[debconf-module]"), silent.errors)
    }

    func testAPreinstThatAsksNeedsDebconfBefore() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML + "templates: templates\nscripts: {preinst: preinst}\n")
        try fixture.directory.file("w/hello/templates", Self.templates)
        try fixture.directory.file(
            "w/hello/preinst", "#!/bin/sh\nset -e\n. /usr/share/debconf/confmodule\n#DEBHELPER#\n")
        XCTAssertEqual(
            try TestSupport.run("dpkg-deb", ["-f", fixture.build(), "Pre-Depends"]).output,
            "debconf (>= 0.5) | debconf-2.0\n")
    }

    func testLintianIsContent() throws {
        try requireProgram("lintian")
        let fixture = try fixture()
        let package = try fixture.build()
        let result = try TestSupport.run("lintian", ["--no-cfg", "--allow-root", "--tag-display-limit", "0", package])
        for tag in [
            "debconf", "template", "confmodule",
        ] {
            let found = result.output.split(separator: "\n").filter { $0.hasPrefix("E:") && $0.contains(tag) }
            XCTAssertEqual(found, [], result.output)
        }
    }
}
