import Foundation
import TestSupport
import XCTest

/// The version that a package gets, and what its fields call it.
final class VersionKeyTests: XCTestCase {
    private func fields(
        workspace version: String, package keys: String, _ arguments: [String] = []
    ) throws -> String {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "architectures: [all]", with: keys + "\narchitectures: [all]"),
            workspace: WorkspaceFixture.workspaceYAML.replacingOccurrences(of: "1.2.3", with: version))
        let package = try fixture.build(arguments)
        let output = try TestSupport.run("dpkg-deb", ["-f", package, "Version", "Depends"]).output
        return output.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1).last ?? "" }
            .joined(separator: "; ")
    }

    private static let depends = "depends: [\"data (= ${version})\", \"up (>= ${upstream-version})\"]"

    func testVariablesAreOfThePackagesOwnVersion() throws {
        let own = "version: 1.2.3-rc.1\n" + Self.depends
        XCTAssertEqual(
            try fields(workspace: "2.0.0-rc.5", package: own), "1.2.3~rc.1; data (= 1.2.3~rc.1), up (>= 1.2.3~rc.1)")
        XCTAssertEqual(
            try fields(workspace: "2.0.0-rc.5", package: Self.depends),
            "2.0.0~rc.5; data (= 2.0.0~rc.5), up (>= 2.0.0~rc.5)")
        XCTAssertEqual(
            try fields(workspace: "2.0.0", package: own, ["--version", "3.0-1"]), "3.0-1; data (= 3.0-1), up (>= 3.0)")
        let variable = "version: ${base}.7\nvariables: {base: \"4.5\"}\n" + Self.depends
        XCTAssertEqual(try fields(workspace: "2.0.0", package: variable), "4.5.7; data (= 4.5.7), up (>= 4.5.7)")
    }

    func testEpochs() throws {
        XCTAssertEqual(try fields(workspace: "2:1.0.0-rc.1", package: ""), "2:1.0.0~rc.1")
        XCTAssertEqual(try fields(workspace: "1.0.0-rc.1", package: "epoch: 3"), "3:1.0.0~rc.1")
        XCTAssertEqual(try fields(workspace: "2:1.0.0", package: "", ["--version", "v1.1.0-rc.2"]), "2:1.1.0~rc.2")
        XCTAssertEqual(try fields(workspace: "1.0", package: "epoch: 3", ["--version", "1.1"]), "3:1.1")
        XCTAssertEqual(try fields(workspace: "1.0", package: "epoch: 3", ["--version", "4:1.1"]), "4:1.1")
    }

    func testRevisionsAndSchemes() throws {
        XCTAssertEqual(try fields(workspace: "2.1.12-stable-8", package: "version-scheme: debian"), "2.1.12-stable-8")
        XCTAssertEqual(
            try fields(workspace: "1.0b7", package: "version-scheme: debian\nrevision: 6\n" + Self.depends),
            "1.0b7-6; data (= 1.0b7-6), up (>= 1.0b7)")
        XCTAssertEqual(try fields(workspace: "1.0.0-rc.1", package: "revision: 2~bpo12+1"), "1.0.0~rc.1-2~bpo12+1")
        XCTAssertEqual(
            try fields(workspace: "1.0", package: "revision: 2\nepoch: 1", ["--version", "v1.1-beta"]), "1:1.1~beta-2")
    }

    func testContradictionsAreErrors() throws {
        for (version, keys, code) in [
            ("2:1.0", "epoch: 1", "version-epoch"), ("1.0-1", "revision: 2", "version-revision"),
            ("1.0", "revision: a_b", "version"), ("v1.0", "version-scheme: debian", "version"),
            ("1.0", "version-scheme: other", "choice"),
        ] {
            let fixture = try WorkspaceFixture(
                package: WorkspaceFixture.packageYAML + keys + "\n",
                workspace: WorkspaceFixture.workspaceYAML.replacingOccurrences(of: "1.2.3", with: "\"\(version)\""))
            let result = try fixture.debbuild(["all"])
            XCTAssertEqual(result.status, 2, keys)
            XCTAssertTrue(result.errors.contains(code == "choice" ? "other" : "[\(code)]"), result.errors)
        }
    }

    func testARelationOfALibraryIsNotDropped() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML + "shlibs: {libfoo.so.1: \"libfoo1 (> 1.2)\"}\n")
        let result = try fixture.debbuild(["all"])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("[relation]"), result.errors)
    }
}
