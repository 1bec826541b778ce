import Foundation
import TestSupport
import XCTest

/// Choices with links that follow them, made by a real update-alternatives(1).
final class AlternativeTests: XCTestCase {
    private func fixture(_ alternatives: String) throws -> WorkspaceFixture {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "contents:\n",
                with: "contents:\n  - {file: page, to: \"/usr/share/my docs/it's.txt\"}\n") + alternatives)
        try fixture.directory.file("w/hello/page", "text\n")
        return fixture
    }

    func testFollowersAndSpaces() throws {
        let fixture = try fixture(
            """
            alternatives:
              - name: dbtest
                link: /usr/bin/dbtest
                path: /usr/bin/hello
                priority: 20
                followers:
                  - {name: dbtest-doc, link: "/usr/share/my docs.txt", path: "/usr/share/my docs/it's.txt"}

            """)
        let root = try SpareRoot()
        try root.copy(fixture.build(), to: "/tmp/hello.deb")
        try root.shell("dpkg --install /tmp/hello.deb").check()
        let links = "readlink -f /usr/bin/dbtest '/usr/share/my docs.txt'"
        XCTAssertEqual(try root.shell(links).output, "/usr/bin/hello\n/usr/share/my docs/it's.txt\n")
        try root.shell("dpkg --remove hello").check()
        XCTAssertEqual(
            try root.shell("ls -d /usr/bin/dbtest /usr/share/my\\ docs* /etc/alternatives/dbtest* 2>/dev/null").output,
            "")
    }

    func testMistakes() throws {
        let item = "alternatives: [{name: NAME, link: LINK, path: PATH, priority: 1}]\n"
        for (name, link, path, code) in [
            ("a/b", "/usr/bin/x", "/usr/bin/hello", "alternative-name"),
            ("\"a b\"", "/usr/bin/x", "/usr/bin/hello", "alternative-name"),
            ("a", "/usr/bin/hello", "/usr/bin/hello", "alternative-shipped"),
            ("a", "/usr/bin/x", "/usr/bin/helo", "alternative-missing"),
        ] {
            let text = item.replacingOccurrences(of: "NAME", with: name).replacingOccurrences(of: "LINK", with: link)
                .replacingOccurrences(of: "PATH", with: path)
            let result = try fixture(text).debbuild(["all"])
            XCTAssertEqual(result.status, 2, text)
            XCTAssertTrue(result.errors.contains("[\(code)]"), result.errors)
        }
    }

    func testVariablesOfArchitecturesAndItemsThatAreEmpty() throws {
        let yaml = WorkspaceFixture.packageYAML
            .replacingOccurrences(of: "architectures: [all]", with: "architectures: [amd64, arm64, armhf]")
            .replacingOccurrences(of: "to: /usr/bin/hello", with: "to: /usr/lib/${multiarch}/hello")
        let fixture = try WorkspaceFixture(package: yaml + "depends: [hostname, \"${env:EXTRA:-}\"]\n")
        for (architecture, folder) in [("amd64", "x86_64-linux-gnu"), ("armhf", "arm-linux-gnueabihf")] {
            let package = try fixture.build(["--arch", architecture])
            XCTAssertTrue(
                try TestSupport.run("dpkg-deb", ["-c", package]).output.contains("./usr/lib/\(folder)/hello\n"))
            XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-f", package, "Depends"]).output, "hostname\n")
        }
        let more = try fixture.build(["--arch", "amd64"], environment: ["EXTRA": "curl"])
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-f", more, "Depends"]).output, "hostname, curl\n")
        // An item that is written empty is still a mistake.
        let empty = try WorkspaceFixture(package: yaml + "depends: [\"\"]\n").debbuild(["all", "--arch", "amd64"])
        XCTAssertEqual(empty.status, 2, empty.errors)
        let foreign = try fixture.debbuild(["all", "--arch", "x86_64"])
        XCTAssertTrue(foreign.errors.contains("did you mean 'amd64'?"), foreign.errors)
        let declared = try WorkspaceFixture(
            package: yaml.replacingOccurrences(of: "armhf", with: "aarch64")
        ).debbuild(["all", "--arch", "amd64"])
        XCTAssertTrue(declared.errors.contains("did you mean 'arm64'?"), declared.errors)
    }
}
